"""What the command line says of clusters and repeats, and the tables that it writes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from index.clusters.density import MOST_FITTED, density_clusters
from index.clusters.repeats import Repeat, repeats
from index.release import Release
from index.selection import Selection
from service.formats.fields import field
from service.formats.writing import FORMATS, write
from service.operations.clusters import clusters

__all__ = ["UnknownSuffix", "density_report", "mixture_report", "repeat_report", "write_rows"]

_N_EXEMPLARS = 3
_BLOCK = 16_384
_CLUSTER = field("cluster", pa.int32(), ucd="meta.id.part", description="group of galaxies that look alike")


class UnknownSuffix(ValueError):
    """A file name that names no format."""


def mixture_report(release: Release, selection: Selection) -> tuple[dict[str, Any], pa.Table]:
    """Return the release's own clusters, and the cluster of each galaxy with its probability.

    Raises
    ------
    BadSelection
        If the release cannot apply the selection.
    """
    found = {"release": release.id, "method": "gmm", **clusters(release, selection)}
    mask = selection.mask(release)
    rows = release.galaxies if mask is None else release.galaxies[mask[release.galaxies]]
    kind = field(
        "cluster_probability", pa.float32(), ucd="stat.probability", description="that it belongs to it"
    )
    if release.clusters is None:
        return found, _table(release, rows[:0], {_CLUSTER: []})
    parts = [
        release.clusters.assign(release.store.vectors(rows[at : at + _BLOCK]))
        for at in range(0, max(len(rows), 1), _BLOCK)
    ]
    values = {
        _CLUSTER: np.concatenate([one.cluster for one in parts]),
        kind: np.concatenate([one.probability for one in parts]),
    }
    return found, _table(release, rows, values)


def density_report(release: Release, *, seed: int) -> tuple[dict[str, Any], pa.Table]:
    """Return dense groups (HDBSCAN), and the group of each galaxy, null where it is in none."""
    labels = density_clusters(release.store, seed=seed, alive=release.alive)
    rows = release.galaxies
    ids = release.columns.ids
    listed = []
    for number in range(int(labels.max(initial=-1)) + 1):
        own = rows[labels[rows] == number]
        near = _middle(release, own)
        listed.append(
            {
                "cluster": number,
                "size": len(own),
                "share": round(len(own) / len(rows), 6),
                "exemplars": [ids[row] for row in near],
            }
        )
    found = {
        "release": release.id,
        "method": "hdbscan",
        "n_total": len(rows),
        "n_fitted": min(len(rows), MOST_FITTED),
        "n_in_none": int((labels[rows] < 0).sum()),
        "clusters": listed,
    }
    known = labels[rows]
    return found, _table(release, rows, {_CLUSTER: pa.array(known, mask=known < 0)})


def repeat_report(release: Release, *, above: float) -> tuple[dict[str, Any], pa.Table]:
    """Return galaxies that are there more than once, and each row of theirs with its group."""
    found = repeats(release, above=above)
    ids = release.columns.ids
    listed = [
        {"group": number, "found_by": list(one.found_by), "object_ids": [ids[row] for row in one.rows]}
        for number, one in enumerate(found)
    ]
    report = {"release": release.id, "above": above, "n_groups": len(found), "groups": listed}
    group = field("group", pa.int64(), ucd="meta.id.part", description="rows that are one galaxy")
    by = field("found_by", pa.list_(pa.string()), description="place, parent or picture")
    values = {
        group: [number for number, one in enumerate(found) for _ in one.rows],
        by: [list(one.found_by) for one in found for _ in one.rows],
    }
    return report, _table(release, np.array(_rows(found), dtype=np.int64), values)


def write_rows(table: pa.Table, path: Path) -> None:
    """Write a table as its file name says: .csv, .vot, .fits, .parquet or .json.

    Raises
    ------
    UnknownSuffix
        If it ends otherwise.
    OSError
        If it cannot be written.
    """
    suffixes = {one.suffix: one.name for one in FORMATS.values() if one.name != "hdf5"}
    if path.suffix not in suffixes:
        raise UnknownSuffix(f"{path.name}: no format is called so; end it in {', '.join(suffixes)}")
    write([table], table.schema, path, suffixes[path.suffix])


def _rows(found: list[Repeat]) -> list[int]:
    return [row for one in found for row in one.rows]


def _middle(release: Release, rows: NDArray[np.int64]) -> list[int]:
    """Return those of some rows that are nearest their mean."""
    vectors = release.store.vectors(rows)
    order = np.argsort(-(vectors @ vectors.mean(axis=0)), kind="stable")[:_N_EXEMPLARS]
    nearest: list[int] = rows[order].tolist()
    return nearest


def _table(release: Release, rows: NDArray[np.int64], values: dict[pa.Field, Any]) -> pa.Table:
    """Return ids and positions of some rows beside values of them."""
    frozen = release.columns.table(rows, ["object_id", "ra_deg", "dec_deg"])
    fields = [frozen.schema.field(name) for name in frozen.schema.names] + list(values)
    own = [one if isinstance(one, pa.Array) else pa.array(one, kind.type) for kind, one in values.items()]
    return pa.table([*frozen.columns, *own], schema=pa.schema(fields))
