"""A release's map: its points, and where a new galaxy lies on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from index.maps.placing import place
from index.selection import Selection
from service.formats.fields import field
from service.lists import LISTED_COLUMNS, ObjectList, chosen_names, selected

if TYPE_CHECKING:
    from index.release import Release

__all__ = ["drawn", "map_of", "placed", "points"]

_SEED: Final = 0
_DIGITS: Final = 4
_LARGEST_EXACT: Final = 2**53
_SAID: Final = (
    "method",
    "seed",
    "n_laid_out",
    "trustworthiness",
    "continuity",
    "displacement_median",
    "n_measured",
)
_FIELDS: Final = (
    field("x", pa.float32(), ucd="pos.cartesian.x", description="place on the map"),
    field("y", pa.float32(), ucd="pos.cartesian.y", description="place on the map"),
    field("cluster", pa.int32(), ucd="meta.id.part", description="group of galaxies that look alike"),
)


def map_of(release: Release) -> dict[str, Any] | None:
    """Return how a release's map was made and how far it holds; None where there is none."""
    said = release.map
    if said is None or release.places is None:
        return None
    return {name: said.get(name) for name in _SAID}


def drawn(release: Release, selection: Selection) -> tuple[ObjectList, dict[str, Any]]:
    """Return the galaxies that have a place, in an order that was drawn once: the first ones are a fair sample of all.

    Raises
    ------
    BadSelection
        If the release cannot apply the selection.
    """
    order = np.random.default_rng(_SEED).permutation(release.galaxies)
    places = release.places
    order = order[:0] if places is None else order[np.isfinite(places[order, 0])]
    rows = selected(release, order, selection)

    def values(rows: NDArray[np.int64], _first: int) -> Mapping[str, Sequence[Any]]:
        return _places(release, rows)

    members = {"filters": selection.to_json(), "map": map_of(release)}
    return ObjectList(release, rows, _FIELDS, values), members


def points(release: Release, selection: Selection, *, limit: int, columns: str | None) -> dict[str, Any]:
    """Return some of :func:`drawn`, column by column.

    Raises
    ------
    InvalidFilter, BadSelection
        If the release has not a column, or cannot apply the selection.
    """
    listed, members = drawn(release, selection)
    names = _asked(release, columns)
    rows = listed.rows[:limit]
    more = release.columns.take(rows, ["object_id", *names])
    return {
        **members,
        "n_total": len(listed.rows),
        "n": len(rows),
        "points": {
            "object_id": more["object_id"],
            **_places(release, rows),
            **{name: _plain(more[name]) for name in names},
        },
    }


def placed(release: Release, vector: NDArray[np.float32]) -> dict[str, Any] | None:
    """Return where a new galaxy lies on the map and in the clusters; None in a release that has neither.

    Parameters
    ----------
    vector
        Unit norm, shape (D,).
    """
    if release.places is None and release.clusters is None:
        return None
    found = place(release, vector[None])
    x, y = found.xy[0].tolist()
    cluster = int(found.cluster[0])
    return {
        "x": None if x != x else round(x, _DIGITS),  # noqa: PLR0124 - NaN
        "y": None if y != y else round(y, _DIGITS),  # noqa: PLR0124
        "cluster": None if cluster < 0 else cluster,
        "cluster_probability": None if cluster < 0 else round(float(found.probability[0]), 6),
    }


def _places(release: Release, rows: NDArray[np.int64]) -> dict[str, list[Any]]:
    places = release.places
    assert places is not None or not len(rows)
    xy = np.empty((0, 2)) if places is None else places[rows].astype(np.float64).round(_DIGITS)
    names = release.columns.names
    cluster = release.columns.take(rows, ["cluster"])["cluster"] if "cluster" in names else [None] * len(rows)
    return {"x": xy[:, 0].tolist(), "y": xy[:, 1].tolist(), "cluster": cluster}


def _asked(release: Release, columns: str | None) -> list[str]:
    """Return the columns beside id, place and cluster: of a map of many points nothing else is said unasked."""
    further = chosen_names(release, columns, _FIELDS)
    words = [word.strip() for word in (columns or "").split(",")]
    listed = [name for name in LISTED_COLUMNS if name in words or "*" in words]
    return [name for name in (*listed, *further) if name not in {"object_id", "rank"}]


def _plain(values: list[Any]) -> list[Any]:
    """Write integers that a browser would round as text."""
    is_wide = any(isinstance(one, int) and abs(one) > _LARGEST_EXACT for one in values)
    return [None if one is None else str(one) for one in values] if is_wide else values
