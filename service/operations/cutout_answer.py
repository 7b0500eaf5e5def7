"""Rows of a batch of cutouts as columns of an answer or a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from service.formats.fields import field
from service.operations.cutout_batch import Answered, answered
from service.operations.estimate_columns import Shown, estimate_schema, estimate_table, shown_meta
from service.operations.photoz import checked

if TYPE_CHECKING:
    from index.estimates import Estimates
    from service.member_reply import Told
    from service.members import Member
    from service.served import Served

__all__ = ["MEMBER_FIELDS", "cutout_meta", "cutout_schema", "cutout_table"]

#: What every row of a batch of cutouts begins with; then come the estimates.
MEMBER_FIELDS: Final = (
    field(
        "row", pa.int64(), ucd="meta.record", description="place in the archive, from 0; folders do not count"
    ),
    field(
        "name",
        pa.string(),
        ucd="meta.id;meta.file",
        description="of the member, or the id of the table's row",
    ),
    field("status", pa.string(), ucd="meta.code.status", description="ok or refused"),
    field("code", pa.string(), ucd="meta.code", description="why it was refused, for programs"),
    field("message", pa.string(), ucd="meta.note", description="why it was refused, for people"),
    field(
        "object_id",
        pa.string(),
        ucd="meta.id.cross",
        description="object of the survey that the image shows; its spectrum and its siblings' do not count",
    ),
    field(
        "ingest_flags",
        pa.list_(pa.string()),
        ucd="meta.code.qual",
        description="reservations of the reader, the contract and the domain",
    ),
)


def cutout_schema(served: Served, shown: Shown) -> pa.Schema:
    """Return the fields of :func:`cutout_table`.

    Raises
    ------
    NoRedshift
        If the release cannot estimate redshifts.
    """
    return pa.schema([*MEMBER_FIELDS, *estimate_schema(shown, _grid(served))])


def cutout_table(served: Served, group: list[tuple[Member, Told]], shown: Shown, *, first: int) -> pa.Table:
    """Answer members that were read, one row each, in their order.

    Parameters
    ----------
    first
        Place of the first one in the archive; samples are drawn by it.
    """
    rows, estimates = answered(served, group)
    schema = cutout_schema(served, shown)
    n_own = len(MEMBER_FIELDS)
    found = _estimates(estimates, shown, pa.schema(list(schema)[n_own:]), block=first)
    has_one = np.array([not row.code for row in rows], dtype=np.bool_)
    places = pa.array(np.cumsum(has_one) - 1, pa.int64(), mask=~has_one)
    columns = [*_own(rows, schema, first), *found.take(places).columns]
    return pa.table(columns, schema=schema)


def cutout_meta(served: Served, shown: Shown) -> dict[str, Any]:
    """Return what the answer says of all rows."""
    return {
        "release": served.block,
        "search": served.search_block(n_searched=served.release.spectroscopic.n),
        **shown_meta(shown, _grid(served)),
    }


def _own(rows: list[Answered], schema: pa.Schema, first: int) -> Iterator[pa.Array]:
    values: dict[str, list[Any]] = {
        "row": list(range(first, first + len(rows))),
        "name": [row.name for row in rows],
        "status": ["refused" if row.code else "ok" for row in rows],
        "code": [row.code or None for row in rows],
        "message": [row.message or None for row in rows],
        "object_id": [row.object_id for row in rows],
        "ingest_flags": [row.flags for row in rows],
    }
    for column in MEMBER_FIELDS:
        yield pa.array(values[column.name], schema.field(column.name).type)


def _estimates(estimates: Estimates | None, shown: Shown, schema: pa.Schema, *, block: int) -> pa.Table:
    return schema.empty_table() if estimates is None else estimate_table(estimates, shown, block=block)


def _grid(served: Served) -> Any:
    return checked(served).estimate_rows([0]).grid
