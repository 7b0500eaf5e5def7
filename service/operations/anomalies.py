"""How odd one galaxy is, by every detector, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from service.operations.anomaly_words import oddity_text, reason
from service.operations.causes import cause_block
from survey.archive import UnknownObject

if TYPE_CHECKING:
    from index.reservations import Reading
    from service.served import Served
    from survey.inspection import Inspection

__all__ = ["is_quick", "of_row", "of_vector"]

_NEAREST: Final = 10
# So many normal galaxies are told of so many neighbours: those of at least this tail probability.
_NORMAL, _AMONG, _NORMAL_P = 5, 100, 0.05


@dataclass(frozen=True, slots=True, eq=False)
class _Near:
    """Neighbours of a galaxy in its release, nearest first."""

    rows: NDArray[Any]
    similarity: NDArray[np.float32]

    def first(self, k: int) -> _Near:
        return _Near(self.rows[:k], self.similarity[:k])

    @property
    def distance(self) -> float:
        """Mean of 1 - similarity; 0 without any."""
        return float(np.float32(1 - self.similarity.mean(dtype=np.float64))) if len(self.rows) else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """What is known of a galaxy.

    Attributes
    ----------
    p
        Tail probability by detector; empty in a release of before there were any.
    percentile
        Share of the release that is less odd, which is told there.
    vector
        Gives its vector.
    """

    p: Mapping[str, float]
    percentile: float
    near: _Near
    inspection: Inspection | None
    readings: Sequence[Reading]
    vector: Callable[[], NDArray[np.float32]]


def is_quick(served: Served, row: int) -> bool:
    """Whether a stored galaxy is answered from what was computed before."""
    return served.release.anomalies is None or len(_normal(served, _of_graph(served, row)).rows) == _NORMAL


def of_row(served: Served, row: int, readings: Sequence[Reading] = ()) -> dict[str, Any]:
    """Tell how odd a stored galaxy is.

    Parameters
    ----------
    readings
        Measurements beside the catalogue's, where they were asked for.
    """
    release = served.release
    columns = {name: f"anomaly_p_{name}" for name in _detectors(served)}
    taken = {
        name: values[0]
        for name, values in release.columns.take([row], ("anomaly_percentile", *columns.values())).items()
    }
    known = _Known(
        p={name: taken[column] for name, column in columns.items()},
        percentile=taken["anomaly_percentile"],
        near=_of_graph(served, row),
        inspection=None if release.causes is None else release.causes.of(row),
        readings=readings,
        vector=lambda: release.store.vector(row),
    )
    return _block(served, known)


def of_vector(
    served: Served,
    vector: NDArray[np.float32],
    *,
    inspection: Inspection,
    readings: Sequence[Reading],
    without: NDArray[np.int64] | None = None,
) -> dict[str, Any]:
    """Tell how odd an image is.

    Parameters
    ----------
    vector
        As the release stores vectors (:meth:`index.release.Release.as_stored`), shape (D,), unit norm.
    inspection, readings
        Of its pixels.
    without
        Rows that are no neighbours: galaxies that the image shows.
    """
    release = served.release
    left_out = np.empty(0, np.int64) if without is None else without
    hits = release.searched.search(vector[None], _AMONG + len(left_out), allowed=release.alive)
    kept = np.flatnonzero(~np.isin(hits.rows[0, : hits.lengths[0]], left_out))[:_AMONG]
    near = _Near(hits.rows[0][kept], hits.similarity[0][kept])
    p: dict[str, float] = {}
    percentile = 0.0
    if release.anomalies is None:
        percentile = release.remoteness.mean_percentile(near.first(_NEAREST).distance)
    else:
        p = {name: float(values[0]) for name, values in release.anomalies.score(vector[None]).p.items()}
    return _block(served, _Known(p, percentile, near, inspection, readings, lambda: vector))


def _block(served: Served, known: _Known) -> dict[str, Any]:
    model, cause = served.release.anomalies, cause_block(known.inspection, known.readings)
    p = None if model is None else known.p[model.default]
    percentile = known.percentile if p is None else 100 * (1 - p)
    raw = served.raw_scores
    scores = (
        []
        if raw is None
        else [
            {"detector": name, "score": raw.of(name, value), "anomaly_p": value}
            for name, value in known.p.items()
        ]
    )
    nearest = known.near.first(_NEAREST)
    shares = (
        (None, None, None, ())
        if cause is None
        else (cause["kind"], cause["p_data_quality"], cause["p_blend"], cause["defects"])
    )
    return {
        "percentile": round(percentile, 4),
        "anomaly_p": p,
        "detector": None if model is None else model.default,
        "scores": scores,
        "cause": cause,
        "reason": reason(oddity_text(p, percentile), *shares),
        "nearest_normal": _nearest_normal(served, known),
        "knn_distance": nearest.distance,
        "nearest": _listed(served, nearest),
    }


def _nearest_normal(served: Served, known: _Known) -> list[dict[str, Any]]:
    """Return the nearest galaxies that are not odd; where most neighbours are, of the sample that scores are made against."""
    model = served.release.anomalies
    if model is None:
        return []
    listed = _listed(served, _normal(served, known.near))
    if len(listed) == _NORMAL:
        return listed
    ids, more = {one["object_id"] for one in listed}, model.nearest_normal(known.vector(), 2 * _NORMAL)
    for object_id, similarity in zip(more.ids, more.similarity.tolist(), strict=True):
        if object_id not in ids and _is_there(served, object_id):
            listed.append({"object_id": object_id, "similarity": round(similarity, 6)})
    return sorted(listed, key=lambda one: -one["similarity"])[:_NORMAL]


def _normal(served: Served, near: _Near) -> _Near:
    p = served.rankings.p()
    assert p is not None
    normal = np.flatnonzero(p[near.rows] >= _NORMAL_P)[:_NORMAL]
    return _Near(near.rows[normal], near.similarity[normal])


def _of_graph(served: Served, row: int) -> _Near:
    return _Near(*served.release.graph.of(row, _AMONG))


def _listed(served: Served, near: _Near) -> list[dict[str, Any]]:
    ids = served.release.columns.ids
    pairs = zip(near.rows.tolist(), near.similarity.tolist(), strict=True)
    return [{"object_id": ids[row], "similarity": round(similarity, 6)} for row, similarity in pairs]


def _is_there(served: Served, object_id: str) -> bool:
    try:
        served.release.columns.row_of(object_id)
    except UnknownObject:
        return False
    return True


def _detectors(served: Served) -> tuple[str, ...]:
    model = served.release.anomalies
    return () if model is None else model.detectors
