"""Redshifts of many objects: one row of answer for each row that was sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from service.formats.fields import field
from service.operations.batch_rows import BLOCK_ROWS, Located, locate, sent_columns
from service.operations.estimate_columns import Shown, estimate_schema, estimate_table, shown_meta
from service.operations.photoz import checked
from service.served import Served

if TYPE_CHECKING:
    from index.pdf import RedshiftGrid

__all__ = ["STATUS_FIELDS", "batch_meta", "photoz_block", "photoz_blocks"]

#: What every row of a batch begins with; then come the estimates, then what was sent.
STATUS_FIELDS = (
    field("row", pa.int64(), ucd="meta.record", description="place in the request, from 0"),
    field("status", pa.string(), ucd="meta.code.status", description="ok, or why there is no estimate"),
    field("message", pa.string(), ucd="meta.note", description="why there is no estimate, for people"),
    field("object_id", pa.string(), ucd="meta.id;meta.main", description="object of the survey"),
    field("ra_deg", pa.float64(), unit="deg", ucd="pos.eq.ra;meta.main", description="of the object, ICRS"),
    field("dec_deg", pa.float64(), unit="deg", ucd="pos.eq.dec;meta.main", description="of the object, ICRS"),
    field(
        "match_separation_arcsec",
        pa.float64(),
        unit="arcsec",
        ucd="pos.angDistance",
        description="from the place asked for to the object; null when asked by id",
    ),
    field(
        "z_spec",
        pa.float64(),
        ucd="src.redshift",
        description="measured redshift; the estimate is blind to it",
    ),
)


def photoz_blocks(
    served: Served, rows: pa.Table, shown: Shown, *, radius_deg: float, with_reason: bool
) -> Iterator[pa.Table]:
    """Answer a batch, block by block, as a job does."""
    for number in range(max(1, -(-rows.num_rows // BLOCK_ROWS))):
        block = rows.slice(number * BLOCK_ROWS, BLOCK_ROWS)
        yield photoz_block(
            served,
            block,
            shown,
            number,
            first=number * BLOCK_ROWS,
            radius_deg=radius_deg,
            with_reason=with_reason,
        )


def photoz_block(
    served: Served,
    rows: pa.Table,
    shown: Shown,
    number: int,
    *,
    first: int,
    radius_deg: float,
    with_reason: bool,
) -> pa.Table:
    """Answer block ``number`` of a batch; aligned with ``rows``, and one bad row spoils no other.

    Parameters
    ----------
    rows
        Beginning with :data:`service.table_columns.WANTED`; at most ``BLOCK_ROWS``.
    first
        Number of the first of them in the batch.
    with_reason
        Repeat ``message`` as ``reason``, as JSON has called it before.

    Raises
    ------
    NoRedshift
        If the release cannot estimate redshifts.
    """
    located = locate(served, rows, radius_deg)
    estimator = checked(served)
    found = located.found
    if len(found):
        estimates = estimate_table(estimator.estimate_rows(found), shown, block=number)
    else:
        estimates = estimate_schema(shown, _grid(served)).empty_table()
    named: list[tuple[pa.Field, Any]] = [
        *zip(STATUS_FIELDS, _status(served, located, first), strict=True),
        *zip(estimates.schema, _aligned(estimates, located), strict=True),
    ]
    if with_reason:
        named.append((pa.field("reason", pa.string()), named[2][1]))
    named += sent_columns(rows, [column.name for column, _ in named])
    return pa.table([values for _, values in named], schema=pa.schema([column for column, _ in named]))


def batch_meta(served: Served, shown: Shown) -> dict[str, Any]:
    """Return what the answer says of all rows."""
    return {
        "release": served.block,
        "search": served.search_block(n_searched=served.release.spectroscopic.n),
        **shown_meta(shown, _grid(served)),
    }


def _aligned(estimates: pa.Table, located: Located) -> list[pa.ChunkedArray | pa.Array]:
    """Put the estimates where their rows are; without one there are no flags, and else there is nothing."""
    aligned = estimates.take(located.places)
    return [
        pa.array([words or [] for words in column.to_pylist()], column.type)
        if pa.types.is_list(column.type)
        else column
        for column in aligned.columns
    ]


def _grid(served: Served) -> RedshiftGrid:
    return checked(served).estimate_rows([0]).grid


def _status(served: Served, located: Located, first: int) -> list[pa.Array]:
    n = len(located)
    columns = served.release.columns.take(located.found, ("ra_deg", "dec_deg", "z_spec"))
    taken = [pa.array(values, pa.float64()).take(located.places) for values in columns.values()]
    return [
        pa.array(range(first, first + n), pa.int64()),
        pa.array(located.status, pa.string()),
        pa.array(located.message, pa.string()),
        pa.array(located.object_id, pa.string()),
        taken[0],
        taken[1],
        pa.array(located.separation_arcsec, pa.float64(), from_pandas=True),
        taken[2],
    ]
