"""Neighbours of an object, a place or an embedding."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.selection import Selection
from service.operations.refusals import NoMatch
from service.served import Served

__all__ = [
    "HIT_COLUMNS",
    "Found",
    "by_row",
    "by_vector",
    "columns_of",
    "hits",
    "is_precomputed",
    "match",
    "no_match",
]

HIT_COLUMNS = ("object_id", "ra_deg", "dec_deg", "z_spec", "z_phot", "mag_r", "label", "anomaly_percentile")


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Rows nearest first, their similarities, and how they were searched."""

    rows: NDArray[Any]
    similarity: NDArray[np.float32]
    search: dict[str, Any]


def is_precomputed(served: Served, k: int, selection: Selection) -> bool:
    """Whether neighbours by row are read from the graph, without a search."""
    graph = served.release.graph
    # A graph of N - 1 columns knows every neighbour there is.
    return not selection and (k <= graph.k or graph.k >= served.release.info.n - 1)


def by_row(served: Served, row: int, k: int, selection: Selection) -> Found:
    """Find the k nearest neighbours of a stored object, itself left out."""
    if is_precomputed(served, k, selection):
        rows, similarity = served.release.graph.of(row, k)
        return Found(rows, similarity, served.search_block(n_searched=served.release.info.n - 1))
    return by_vector(served, served.release.store.vector(row), k, selection, exclude_row=row)


def by_vector(
    served: Served,
    vector: NDArray[np.float32],
    k: int,
    selection: Selection,
    *,
    exclude_row: int | None = None,
) -> Found:
    """Find the k nearest neighbours of an embedding.

    Parameters
    ----------
    vector
        Unit norm, shape (D,).
    exclude_row
        A row that is no hit: the object itself.

    Raises
    ------
    BadSelection
        If the release cannot apply the selection.
    """
    release = served.release
    own = () if exclude_row is None else (exclude_row,)
    if selection:
        selection = replace(selection, excluded_rows=own)
        left_out = 0
        groups = None if selection.dedup is None else release.masks.groups(selection.dedup)
    else:
        # A mask would cost more than one hit too many.
        left_out, groups = len(own), None
    allowed = selection.mask(release)
    searched = release.engine.search(vector[None, :], k + left_out, allowed=allowed, groups=groups)
    search = served.search_block(n_searched=searched.plan.n_allowed - left_out, filters=selection.to_json())
    rows, similarity = searched.hits.rows[0], searched.hits.similarity[0]
    if left_out:
        kept = rows != exclude_row
        rows, similarity = rows[kept], similarity[kept]
    return Found(rows[:k], similarity[:k], search)


def columns_of(served: Served, rows: NDArray[Any] | list[int]) -> list[dict[str, Any]]:
    """Return what lists of objects say of each row, in order."""
    taken = served.release.columns.take(rows, HIT_COLUMNS)
    return [dict(zip(HIT_COLUMNS, values, strict=True)) for values in zip(*taken.values(), strict=True)]


def hits(served: Served, found: Found) -> list[dict[str, Any]]:
    """Return the hits as JSON values, ranked from 1."""
    values = zip(columns_of(served, found.rows), found.similarity.tolist(), strict=True)
    return [
        {"rank": rank, "survey": served.survey, "similarity": round(similarity, 6), **row}
        for rank, (row, similarity) in enumerate(values, 1)
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
