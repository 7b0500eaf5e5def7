"""A release as software of before format 5 built it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa

from index.columns import write_columns
from index.neighbours import NeighbourGraph

__all__ = ["make_format_4"]

_SINCE_5 = ("anomalies.skops", "causes.arrow", "clusters.npz")
_KEPT = ("anomaly_percentile", "z_phot", "z_err68", "z_conf", "z_flags")


def make_format_4(path: Path) -> None:
    """Take from a release what format 4 had not, and give its percentile that of the mean distance to ten neighbours."""
    from index.columns import COMPUTED_COLUMNS

    distances = 1 - NeighbourGraph.open(path).similarity[:, :10].mean(axis=1, dtype=np.float64)
    percentile = 100 * (distances[:, None] >= distances).mean(axis=1)
    with pa.memory_map(str(path / "columns.arrow")) as source:
        table = pa.ipc.open_file(source).read_all()
    table = table.drop_columns([n for n in COMPUTED_COLUMNS if n not in _KEPT and n in table.column_names])
    at = table.column_names.index("anomaly_percentile")
    table = table.set_column(at, "anomaly_percentile", pa.array(percentile, pa.float32()))
    write_columns(table, path / "columns.new")
    (path / "columns.new").replace(path / "columns.arrow")
    np.save(path / "anomaly.npy", distances.astype(np.float32))
    for name in _SINCE_5:
        (path / name).unlink(missing_ok=True)
    manifest = orjson.loads((path / "manifest.json").read_bytes())
    files = sorted(one for one in path.iterdir() if one.name != "manifest.json")
    manifest |= {
        "format": 4,
        "sizes": {one.name: one.stat().st_size for one in files},
        "files": {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in files},
    }
    for name in ("anomalies", "map"):
        manifest.pop(name, None)
    (path / "manifest.json").write_bytes(orjson.dumps(manifest))
