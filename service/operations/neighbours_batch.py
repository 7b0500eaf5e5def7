"""Neighbours of many objects: k rows of answer for each row that was sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from service.formats.fields import field
from service.operations.batch_rows import locate, sent_columns
from service.served import Served

__all__ = ["neighbours_block", "neighbours_blocks", "neighbours_meta", "rows_of_block"]

_SCHEMA = pa.schema(
    [
        field("row", pa.int64(), ucd="meta.record", description="place in the request, from 0"),
        field(
            "status", pa.string(), ucd="meta.code.status", description="ok, or why there are no neighbours"
        ),
        field("message", pa.string(), ucd="meta.note", description="why there are no neighbours, for people"),
        field("query_object_id", pa.string(), ucd="meta.id", description="object whose neighbours these are"),
        field(
            "match_separation_arcsec",
            pa.float64(),
            unit="arcsec",
            ucd="pos.angDistance",
            description="from the place asked for to the object; null when asked by id",
        ),
        field("rank", pa.int32(), ucd="meta.number", description="1 is the nearest; null without neighbours"),
        field("object_id", pa.string(), ucd="meta.id;meta.main", description="the neighbour"),
        field("similarity", pa.float32(), description="cosine of the embeddings, -1 to 1, larger is nearer"),
        field(
            "ra_deg",
            pa.float64(),
            unit="deg",
            ucd="pos.eq.ra;meta.main",
            description="of the neighbour, ICRS",
        ),
        field(
            "dec_deg",
            pa.float64(),
            unit="deg",
            ucd="pos.eq.dec;meta.main",
            description="of the neighbour, ICRS",
        ),
        field("z_spec", pa.float64(), ucd="src.redshift", description="measured redshift of the neighbour"),
    ]
)
# Lines of an answer that are made together.
_BLOCK_LINES = 20_000


def rows_of_block(k: int) -> int:
    """Return how many rows are answered together: a result holds k times as many."""
    return max(1, _BLOCK_LINES // k)


def neighbours_blocks(served: Served, rows: pa.Table, k: int, *, radius_deg: float) -> Iterator[pa.Table]:
    """Answer a batch, block by block, as a job does."""
    size = rows_of_block(k)
    for number in range(max(1, -(-rows.num_rows // size))):
        block = rows.slice(number * size, size)
        yield neighbours_block(served, block, k, number * size, radius_deg=radius_deg)


def neighbours_block(served: Served, rows: pa.Table, k: int, first: int, *, radius_deg: float) -> pa.Table:
    """Answer some rows of a batch; a row without an answer has one line that says why.

    Parameters
    ----------
    rows
        Beginning with :data:`service.table_columns.WANTED`.
    first
        Number of the first of them in the batch.
    """
    located = locate(served, rows, radius_deg)
    hits, similarity = _nearest(served, located.found, k)
    width = hits.shape[1]
    is_found = located.rows >= 0
    # Every row once, or as often as it has neighbours.
    times = np.where(is_found & (width > 0), width, 1)
    of_row = np.repeat(np.arange(len(located)), times)
    is_hit = np.repeat(is_found & (width > 0), times)
    flat = hits.reshape(-1)
    columns = served.release.columns.take(flat, ("object_id", "ra_deg", "dec_deg", "z_spec"))
    # A line's place among the hits; null where it is none.
    place = pa.array(np.cumsum(is_hit) - 1, pa.int64(), mask=~is_hit)
    rank = np.tile(np.arange(1, width + 1, dtype=np.int32), len(hits))
    at = pa.array(of_row)
    named: list[tuple[pa.Field, Any]] = list(
        zip(
            _SCHEMA,
            [
                pa.array(of_row + first, pa.int64()),
                pa.array(located.status, pa.string()).take(at),
                pa.array(located.message, pa.string()).take(at),
                pa.array(located.object_id, pa.string()).take(at),
                pa.array(located.separation_arcsec, pa.float64(), from_pandas=True).take(at),
                pa.array(rank, pa.int32()).take(place),
                pa.array(columns["object_id"], pa.string()).take(place),
                pa.array(np.round(similarity.reshape(-1), 6), pa.float32()).take(place),
                *(
                    pa.array(columns[name], pa.float64()).take(place)
                    for name in ("ra_deg", "dec_deg", "z_spec")
                ),
            ],
            strict=True,
        )
    )
    sent = sent_columns(rows, _SCHEMA.names)
    named += [(column, values.take(at)) for column, values in sent]
    return pa.table([values for _, values in named], schema=pa.schema([column for column, _ in named]))


def neighbours_meta(served: Served, k: int) -> dict[str, Any]:
    """Return what the answer says of all rows."""
    return {
        "release": served.block,
        "search": served.search_block(n_searched=served.release.info.n - 1),
        "k": k,
    }


def _nearest(
    served: Served, rows: NDArray[np.int64], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return neighbours and similarities, shape (Q, k), fewer columns where the release holds fewer objects."""
    graph, n = served.release.graph, served.release.info.n
    if k <= graph.k or graph.k >= n - 1:
        return graph.rows[rows, :k].astype(np.int64), np.asarray(graph.similarity[rows, :k])
    store = served.release.store
    k = min(k, n - 1)
    if not len(rows):
        return np.empty((0, k), np.int64), np.empty((0, k), np.float32)
    found = store.search(np.stack([store.vector(int(row)) for row in rows]), k + 1)
    kept = found.rows != rows[:, None]
    # Among more than k identical vectors the row itself may be missing: then the last hit goes.
    kept[kept.all(axis=1), -1] = False
    shape = (len(rows), k)
    return found.rows[kept].reshape(shape), found.similarity[kept].reshape(shape)
