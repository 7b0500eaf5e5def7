"""Neighbours of an object, a place or an embedding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.operations.refusals import InvalidFilter, NoMatch
from service.served import Served

__all__ = [
    "HIT_COLUMNS",
    "Filters",
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


@dataclass(frozen=True, slots=True)
class Filters:
    """Bounds that hits must keep, ends included; an object without a value does not pass.

    Raises
    ------
    InvalidFilter
        If a lower bound lies above its upper bound.
    """

    z_min: float | None = None
    z_max: float | None = None
    mag_r_min: float | None = None
    mag_r_max: float | None = None
    z_phot_min: float | None = None
    z_phot_max: float | None = None
    z_conf_min: float | None = None

    def __post_init__(self) -> None:
        for name, (low, high) in self.to_json().items():
            if low is not None and high is not None and low > high:
                raise InvalidFilter(
                    f"The filter on {name} runs from {low:g} to {high:g}; give the smaller bound first."
                )

    def __bool__(self) -> bool:
        return bool(self.to_json())

    def to_json(self) -> dict[str, tuple[float | None, float | None]]:
        """Return the bounds by column, only those that are set."""
        bounds = {
            "z_spec": (self.z_min, self.z_max),
            "mag_r": (self.mag_r_min, self.mag_r_max),
            "z_phot": (self.z_phot_min, self.z_phot_max),
            "z_conf": (self.z_conf_min, None),
        }
        return {name: pair for name, pair in bounds.items() if pair != (None, None)}

    def mask(self, served: Served) -> NDArray[np.bool_] | None:
        """Return which rows pass, or None when all do.

        Raises
        ------
        InvalidFilter
            If the release was built before it had such a column.
        """
        if not self:
            return None
        mask = np.ones(served.release.info.n, dtype=np.bool_)
        for name, (low, high) in self.to_json().items():
            if name not in served.release.columns.names:
                raise InvalidFilter(
                    f"Release {served.release.id} has no {name}: it was built by an earlier version. Leave the "
                    f"filter out, or build it anew: skylike index build {served.survey}."
                )
            values = served.release.columns.array(name).astype(np.float64)
            mask &= np.isfinite(values)
            if low is not None:
                mask &= values >= low
            if high is not None:
                mask &= values <= high
        return mask


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Rows nearest first, their similarities, and how they were searched."""

    rows: NDArray[Any]
    similarity: NDArray[np.float32]
    search: dict[str, Any]


def is_precomputed(served: Served, k: int, filters: Filters) -> bool:
    """Whether neighbours by row are read from the graph, without a search."""
    graph = served.release.graph
    # A graph of N - 1 columns knows every neighbour there is.
    return not filters and (k <= graph.k or graph.k >= served.release.info.n - 1)


def by_row(served: Served, row: int, k: int, filters: Filters) -> Found:
    """Find the k nearest neighbours of a stored object, itself left out."""
    if is_precomputed(served, k, filters):
        rows, similarity = served.release.graph.of(row, k)
        return Found(rows, similarity, served.search_block(n_searched=served.release.info.n - 1))
    return by_vector(served, served.release.store.vector(row), k, filters, exclude_row=row)


def by_vector(
    served: Served, vector: NDArray[np.float32], k: int, filters: Filters, *, exclude_row: int | None = None
) -> Found:
    """Find the k nearest neighbours of an embedding.

    Parameters
    ----------
    vector
        Unit norm, shape (D,).
    exclude_row
        A row that is no hit: the object itself.
    """
    allowed = filters.mask(served)
    n = served.release.info.n
    if allowed is not None and exclude_row is not None:
        allowed[exclude_row] = False
    n_searched = int(allowed.sum()) if allowed is not None else n - (exclude_row is not None)
    search = served.search_block(n_searched=n_searched, filters=filters.to_json())
    if n_searched == 0:
        return Found(np.empty(0, np.int64), np.empty(0, np.float32), search)
    extra = 1 if allowed is None and exclude_row is not None else 0
    found = served.release.store.search(vector[None, :], min(k + extra, n), allowed=allowed)
    rows, similarity = found.rows[0, : found.lengths[0]], found.similarity[0, : found.lengths[0]]
    if extra:
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
        {"rank": rank, "similarity": round(similarity, 6), **row}
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
