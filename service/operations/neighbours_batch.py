"""Neighbours of many objects: k rows of answer for each row that was sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from service.certificate import certificate
from service.formats.fields import field
from service.operations.batch_rows import locate, sent_columns
from service.operations.finding import Wanted
from service.operations.neighbours import by_row
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


def neighbours_blocks(
    served: Served, rows: pa.Table, wanted: Wanted, *, radius_deg: float
) -> Iterator[pa.Table]:
    """Answer a batch, block by block, as a job does."""
    size = rows_of_block(wanted.k)
    for number in range(max(1, -(-rows.num_rows // size))):
        block = rows.slice(number * size, size)
        yield neighbours_block(served, block, wanted, number * size, radius_deg=radius_deg)


def neighbours_block(
    served: Served, rows: pa.Table, wanted: Wanted, first: int, *, radius_deg: float
) -> pa.Table:
    """Answer some rows of a batch; a row without an answer has one line that says why.

    Parameters
    ----------
    rows
        Beginning with :data:`service.table_columns.WANTED`.
    wanted
        ``k``, ``selection`` and ``exact`` count.
    first
        Number of the first of them in the batch.
    """
    located = locate(served, rows, radius_deg)
    flat, similarity, lengths = _nearest(served, located.found, wanted)
    n_hits = np.zeros(len(located), np.int64)
    n_hits[located.rows >= 0] = lengths
    # Every row once, or as often as it has neighbours.
    times = np.maximum(n_hits, 1)
    of_row = np.repeat(np.arange(len(located)), times)
    is_hit = np.repeat(n_hits > 0, times)
    columns = served.release.columns.take(flat, ("object_id", "ra_deg", "dec_deg", "z_spec"))
    # A line's place among the hits; null where it is none.
    place = pa.array(np.cumsum(is_hit) - 1, pa.int64(), mask=~is_hit)
    rank = np.arange(len(flat)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + 1
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
                pa.array(np.round(similarity, 6), pa.float32()).take(place),
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


def neighbours_meta(served: Served, wanted: Wanted) -> dict[str, Any]:
    """Return what the answer says of all rows; its search is that of the release's first object."""
    plan, search = served.from_graph
    if not _is_precomputed(served, served.release.galaxies[:1], wanted):
        release = served.release
        first = release.store.vectors(release.galaxies[:1])
        allowed = wanted.selection.mask(release)
        plan = release.engine.search(first, wanted.k, allowed=allowed, exact=wanted.exact).plan
        search = certificate(
            served,
            plan,
            n_searched=plan.n_allowed - (not wanted.selection),
            filters=wanted.selection.to_json(),
        )
    return {"release": served.block, "search": search, "k": wanted.k}


def _is_precomputed(served: Served, rows: NDArray[np.int64], wanted: Wanted) -> bool:
    knows = wanted.is_plain and served.release.graph.knows(rows, wanted.k)
    return knows and (served.from_graph[0].is_exact or not wanted.exact)


def _nearest(
    served: Served, rows: NDArray[np.int64], wanted: Wanted
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """Return the neighbours of all rows one after the other, their similarities, and how many each row has."""
    release, k = served.release, wanted.k
    if not len(rows) or wanted.selection.dedup is not None:
        # Which entries are the same object as a row is known of one row at a time.
        found = [by_row(served, row, wanted) for row in rows.tolist()]
        lengths = np.array([len(one.rows) for one in found], np.int64)
        return (
            np.concatenate([np.empty(0, np.int64), *(one.rows for one in found)]),
            np.concatenate([np.empty(0, np.float32), *(one.similarity for one in found)]),
            lengths,
        )
    if _is_precomputed(served, rows, wanted):
        graph = release.graph
        near, similarity = graph.rows[rows, :k].astype(np.int64), graph.similarity[rows, :k]
        # Of an updated release some rows know fewer: behind those stands the row itself.
        kept = near != rows[:, None]
    else:
        allowed = wanted.selection.mask(release)
        hits = release.engine.search(
            release.store.vectors(rows), k + 1, allowed=allowed, exact=wanted.exact
        ).hits
        near, similarity = hits.rows, hits.similarity
        kept = near != rows[:, None]
        # Where the row itself was no hit there is one too many.
        kept &= np.cumsum(kept, axis=1) <= k
    return near[kept], similarity[kept], kept.sum(axis=1)
