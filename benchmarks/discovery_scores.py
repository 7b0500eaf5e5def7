"""How long it takes to score a large catalogue by every anomaly detector, and in how much memory.

    python benchmarks/discovery_scores.py --vectors FILE --dimension 128 [--n 1000000] --out FILE.json

FILE holds unit vectors, float32, as benchmarks/search_data.py makes them and a release stores them (`vectors.f32`). Scores of a
release are written when it is built, by the same calls. Hardware: two cores, no GPU; takes about ten minutes for a million. Prints
progress and writes the figures, which benchmarks/discovery_page.py puts on its page.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from figures import figure
from progress import Progress
from search_data import peak

from index.anomalies.model import MAX_REFERENCE, AnomalyModel
from index.release_anomalies import Carried, write_anomalies
from index.vectors.exact import ExactStore

# Galaxies of the catalogue that grows by a tenth.
_GROWN = 10_000


def growth(store: ExactStore) -> tuple[float, float]:
    """Return by how much the tail probability of a galaxy changes at most after a tenth more were added.

    Returns
    -------
    tuple
        With the model carried over, as builds and updates do, and with one that is fitted anew.
    """
    small, grown = (ExactStore(store.vectors(slice(0, n))) for n in (_GROWN, _GROWN + _GROWN // 10))
    p = []
    with tempfile.TemporaryDirectory() as folder:
        for vectors, is_carried in ((small, False), (grown, True), (grown, False)):
            carried = None
            if is_carried:
                carried = Carried(AnomalyModel.open(Path(folder)), {"fitted_on": "small"}, None)
            ids = [str(row) for row in range(vectors.n)]
            _, columns = write_anomalies(
                Path(folder), vectors, ids, release_id="small", seed=0, carried=carried
            )
            p.append(columns["anomaly_p"][:_GROWN])
    return float(np.abs(p[1] - p[0]).max()), float(np.abs(p[2] - p[0]).max())


def main() -> None:
    """Fit, save, score, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--vectors", type=Path, required=True)
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--n", type=int, help="Only so many of them.")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    command = f"python benchmarks/discovery_scores.py --vectors vectors.f32 --dimension {asked.dimension}"
    whole = ExactStore(asked.vectors, asked.dimension)
    store = whole if asked.n is None else ExactStore(whole.vectors(slice(0, asked.n)))
    before = peak()
    with tempfile.TemporaryDirectory() as folder:
        progress, began, spent = Progress("Scoring", store.n), time.perf_counter(), time.process_time()
        _, columns = write_anomalies(
            Path(folder),
            store,
            [str(row) for row in range(store.n)],
            release_id="benchmark",
            seed=0,
            progress=progress.to,
        )
        minutes, cpu = (time.perf_counter() - began) / 60, (time.process_time() - spent) / 60
        model = AnomalyModel.open(Path(folder))
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        one = time.perf_counter()
        for row in range(100):
            model.score(store.vectors(slice(row, row + 1)))
        upload_ms = 10 * (time.perf_counter() - one)
    assert np.isfinite(columns["anomaly_p"]).all()
    n = store.n
    kept, refitted = growth(store)
    figures = [
        figure("scores_minutes", round(minutes, 2), "min", n=n, better="lower", command=command),
        figure("scores_cpu_minutes", round(cpu, 2), "min", n=n, better="lower", command=command),
        figure("scores_peak_gib", round(peak() / 2**30, 2), "GiB", n=n, better="lower", command=command),
        figure("scores_start_gib", round(before / 2**30, 2), "GiB", n=n, better="lower", command=command),
        figure(
            "scores_model_mb", round(size / 1e6, 1), "MB", n=MAX_REFERENCE, better="lower", command=command
        ),
        figure("scores_upload_ms", round(upload_ms, 2), "ms", n=100, better="lower", command=command),
        figure(
            "scores_growth_change",
            kept,
            "of p",
            n=_GROWN,
            better="lower",
            command=command,
            against={"limit": 1e-6, "model fitted anew": round(refitted, 4)},
        ),
    ]
    asked.out.write_text(json.dumps({"figures": figures}, indent=1) + "\n")
    for entry in figures:
        print(f"{entry['id']}: {entry['value']} {entry['unit']} (n = {entry['n']}, {os.cpu_count()} cores)")


if __name__ == "__main__":
    main()
