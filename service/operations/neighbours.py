"""Neighbours of an object, a place or an embedding."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.hit_texts import HIT_COLUMNS
from service.operations.finding import Found, Wanted, allowed_of, hits_of, rank_by_vector
from service.operations.refusals import NoMatch
from service.served import Served

__all__ = [
    "HIT_COLUMNS",
    "Found",
    "Wanted",
    "by_row",
    "by_vector",
    "columns_of",
    "hits",
    "is_precomputed",
    "match",
    "no_match",
]


def is_precomputed(served: Served, row: int, wanted: Wanted) -> bool:
    """Whether neighbours of a row are read from the graph, without a search."""
    if not (wanted.is_plain and served.release.graph.knows(row, wanted.k)):
        return False
    return not wanted.exact or served.from_graph[0].is_exact


def by_row(served: Served, row: int, wanted: Wanted) -> Found:
    """Find the neighbours of a stored object, itself left out.

    Raises
    ------
    BadSelection
        If the release cannot apply the selection.
    """
    if is_precomputed(served, row, wanted):
        rows, similarity = served.release.graph.of(row, wanted.k)
        plan, search = served.from_graph
        has_more = 0 < len(rows) == wanted.k < plan.n_total - 1
        end = (wanted.k, float(similarity[-1]), int(rows[-1])) if has_more else None
        return Found(rows, similarity, search, plan, end)
    return by_vector(served, served.release.store.vector(row), wanted, own=(row,))


def by_vector(
    served: Served, vector: NDArray[np.float32], wanted: Wanted, *, own: tuple[int, ...] = ()
) -> Found:
    """Find the neighbours of an embedding.

    Parameters
    ----------
    vector
        Unit norm, shape (D,).
    own
        Rows that are no hits: the object itself.

    Raises
    ------
    BadSelection
        If the release cannot apply the selection.
    """
    allowed = allowed_of(served, wanted.selection, own)
    return hits_of(served, wanted, allowed, rank_by_vector(served, vector, wanted, allowed))


def columns_of(served: Served, rows: NDArray[Any] | list[int]) -> list[dict[str, Any]]:
    """Return what lists of objects say of each row, in order."""
    taken = served.release.columns.take(rows, HIT_COLUMNS)
    return [dict(zip(HIT_COLUMNS, values, strict=True)) for values in zip(*taken.values(), strict=True)]


def hits(served: Served, found: Found) -> list[dict[str, Any]]:
    """Return the hits as JSON values, ranked on from those of the pages before."""
    values = zip(columns_of(served, found.rows), found.similarity.tolist(), strict=True)
    return [
        {"rank": rank, "survey": served.survey, "similarity": round(similarity, 6), **row}
        for rank, (row, similarity) in enumerate(values, found.n_before + 1)
    ]


def match(served: Served, ra_deg: float, dec_deg: float, radius_deg: float) -> tuple[int, float]:
    """Return the object at a place with its separation in degrees.

    Raises
    ------
    NoMatch
        If no indexed object lies within the radius; names the nearest one.
    """
    nearest = served.sky.nearest(ra_deg, dec_deg)
    if nearest is not None and nearest[1] <= radius_deg:
        return nearest
    raise no_match(served, ra_deg, dec_deg, radius_deg, nearest)


def no_match(
    served: Served, ra_deg: float, dec_deg: float, radius_deg: float, nearest: tuple[int, float] | None
) -> NoMatch:
    """Return the refusal of a place whose nearest object (row, separation in degrees) is too far, or of a survey without places."""
    if nearest is None:
        return NoMatch(
            f"No object of survey {served.survey} has a position; ask by id.",
            nearest=None,
            release=served.block,
        )
    row, separation = nearest
    object_id = served.release.columns.ids[row]
    return NoMatch(
        f"No indexed object of survey {served.survey} within {_angle(radius_deg)} of RA {ra_deg:.6f}, "
        f"Dec {dec_deg:+.6f}. The nearest is {object_id}, {_angle(separation)} away; "
        "ask for it by id, raise `match_radius`, or upload an image.",
        nearest={"object_id": object_id, "separation_arcsec": round(separation * 3600, 4)},
        release=served.block,
    )


def _angle(degrees: float) -> str:
    """Write an angle in the unit that people would choose."""
    if degrees >= 1:
        return f"{degrees:.2f} deg"
    return f"{degrees * 60:.2f} arcmin" if degrees * 60 >= 1 else f"{degrees * 3600:.2f} arcsec"
