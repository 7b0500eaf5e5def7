"""A release's clusters: how many galaxies each has, what they are like, how far apart clusters lie."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from index.clusters.hellinger import hellinger
from index.selection import Selection
from service.formats.fields import field
from service.lists import ObjectList, selected
from service.operations.refusals import ClusterNotFound

if TYPE_CHECKING:
    from index.clusters.mixture import Mixture
    from index.release import Release

__all__ = ["MEDIANS", "cluster_tables", "clusters", "members"]

_MEDIAN_UCDS: Final = {
    "z_spec": "src.redshift",
    "z_phot": "src.redshift.phot",
    "mag_r": "phot.mag;em.opt.R",
    "anomaly_p": "stat.probability",
}
#: Columns whose medians are told of each cluster, where the release has them.
MEDIANS: Final = tuple(_MEDIAN_UCDS)
_N_NEAREST: Final = 3
_BLOCK: Final = 16_384
_FIELDS: Final = (
    field(
        "cluster_probability",
        pa.float32(),
        ucd="stat.probability",
        description="that it belongs to the cluster",
    ),
    field("cluster_distance", pa.float32(), description="from the cluster's mean, in units of its spread"),
)


def clusters(release: Release, selection: Selection) -> dict[str, Any]:
    """Return every cluster with the galaxies of it that a selection leaves.

    Raises
    ------
    BadSelection
        If the release cannot apply it.
    """
    mixture = release.clusters
    if mixture is None:
        return {"filters": selection.to_json(), "n_total": 0, "clusters": []}
    rows = selected(release, release.galaxies, selection)
    numbers = _numbers(release)[rows]
    sizes = np.bincount(numbers[numbers >= 0], minlength=mixture.n)
    allowed = np.zeros(release.info.n, np.bool_)
    allowed[rows] = True
    medians = {name: _medians(release, name, rows, numbers, mixture.n) for name in MEDIANS}
    distance = _apart(mixture)
    ids = release.columns.ids
    listed = [
        {
            "cluster": number,
            "size": int(sizes[number]),
            "share": round(float(sizes[number]) / max(len(rows), 1), 6),
            "weight": round(float(mixture.weights[number]), 6),
            "exemplars": [ids[row] for row in _exemplars(mixture, number) if allowed[row]],
            "medians": {name: values[number] for name, values in medians.items()},
            "nearest": _nearest(distance[number], number),
            "hellinger": [round(one, 6) for one in distance[number].tolist()],
        }
        for number in range(mixture.n)
    ]
    return {"filters": selection.to_json(), "n_total": len(rows), "clusters": listed}


def cluster_tables(found: Mapping[str, Any]) -> Iterator[pa.Table]:
    """Give what :func:`clusters` returned as a table, one row a cluster."""
    listed: Sequence[Mapping[str, Any]] = found["clusters"]
    described = {
        "cluster": (pa.int32(), "meta.id", "number, the weightiest first"),
        "size": (pa.int64(), "meta.number", "galaxies that keep the filters"),
        "share": (pa.float64(), "", "of all that keep them"),
        "weight": (pa.float64(), "", "expected share of the mixture"),
        "exemplars": (pa.list_(pa.string()), "meta.id", "galaxies nearest its mean"),
        "nearest": (pa.list_(pa.string()), "meta.id", "clusters at the smallest Hellinger distance"),
        "hellinger": (pa.list_(pa.float64(), len(listed)), "", "Hellinger distance to every cluster"),
    }
    values = {name: [one[name] for one in listed] for name in described}
    values["nearest"] = [[str(near["cluster"]) for near in one["nearest"]] for one in listed]
    fields = [field(name, kind, ucd=ucd, description=text) for name, (kind, ucd, text) in described.items()]
    fields += [
        field(f"median_{name}", pa.float64(), ucd=f"{ucd};stat.median", description=f"median of {name}")
        for name, ucd in _MEDIAN_UCDS.items()
    ]
    values |= {f"median_{name}": [one["medians"][name] for one in listed] for name in MEDIANS}
    if not listed:
        fields = [one for one in fields if one.name != "hellinger"]
    yield pa.table(
        {one.name: pa.array(values[one.name], one.type) for one in fields}, schema=pa.schema(fields)
    )


def members(release: Release, number: int, selection: Selection) -> tuple[ObjectList, dict[str, Any]]:
    """Return the galaxies of one cluster, the most typical first, and what is said of them together.

    Raises
    ------
    ClusterNotFound
        If the release has no such cluster.
    BadSelection
        If it cannot apply the selection.
    """
    mixture = release.clusters
    if mixture is None or not 0 <= number < mixture.n:
        known = "none" if mixture is None else f"0 to {mixture.n - 1}"
        raise ClusterNotFound(f"Release {release.id} has no cluster {number}; its clusters: {known}.")
    rows = release.galaxies[_numbers(release)[release.galaxies] == number]
    distance = np.concatenate(
        [
            mixture.distance(release.store.vectors(rows[at : at + _BLOCK]), number)
            for at in range(0, max(len(rows), 1), _BLOCK)
        ]
    )
    order = rows[np.argsort(distance, kind="stable")]
    listed = selected(release, order, selection)
    return ObjectList(release, listed, _FIELDS, _Assigned(release, mixture)), {
        "filters": selection.to_json(),
        "cluster": number,
    }


@dataclass(frozen=True, slots=True, eq=False)
class _Assigned:
    """What is said of each member."""

    release: Release
    mixture: Mixture

    def __call__(self, rows: NDArray[np.int64], _first: int) -> dict[str, list[float]]:
        assigned = self.mixture.assign(self.release.store.vectors(rows))
        return {
            "cluster_probability": [round(one, 6) for one in assigned.probability.tolist()],
            "cluster_distance": [round(one, 6) for one in assigned.distance.tolist()],
        }


def _numbers(release: Release) -> NDArray[np.int64]:
    """Return the cluster of each row, -1 for none, shape (N,)."""
    return np.asarray(np.nan_to_num(release.columns.array("cluster"), nan=-1), dtype=np.int64)


@lru_cache(maxsize=8)
def _apart(mixture: Mixture) -> NDArray[np.float64]:
    """Return the Hellinger distances of a release's clusters: frozen with it, and a tenth of a second to compute."""
    return hellinger(mixture.means, mixture.covariances)


def _exemplars(mixture: Mixture, number: int) -> list[int]:
    return [row for row in mixture.exemplars[number].tolist() if row >= 0]


def _medians(
    release: Release, name: str, rows: NDArray[np.int64], numbers: NDArray[np.int64], n: int
) -> list[float | None]:
    if name not in release.columns.names:
        return [None] * n
    values = release.columns.array(name)[rows]
    known = np.isfinite(values)
    found = [values[known & (numbers == number)] for number in range(n)]
    return [round(float(np.median(one)), 6) if len(one) else None for one in found]


def _nearest(distance: NDArray[np.float64], number: int) -> list[dict[str, Any]]:
    others = [one for one in np.argsort(distance, kind="stable").tolist() if one != number][:_N_NEAREST]
    return [{"cluster": one, "hellinger": round(float(distance[one]), 6)} for one in others]
