"""How far clusters and maps can be trusted: seed against seed, neighbours kept, galaxies placed that the map never saw.

    python benchmarks/discovery_map.py --embeddings gz1_trained=FOLDER/embeddings/gz1--moco-sdss-rgb \
        gz1_polar48=FOLDER/embeddings/gz1--polar48-gz1 demo=FOLDER/embeddings/demo--polar48-demo --out FILE.json

Each folder is one that `skylike embed` wrote. Hardware: two cores, no GPU; takes about six minutes. Prints progress and writes the
figures, which benchmarks/discovery_page.py puts on its page.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from figures import figure
from progress import Progress
from sklearn.metrics import adjusted_rand_score

from index.clusters.density import density_clusters
from index.clusters.mixture import fit_mixture
from index.embeddings import EmbeddingStore
from index.maps.layouts import umap_layout
from index.maps.placing import PLACING_K, among_neighbours
from index.maps.quality import continuity_of, trustworthiness_of
from index.neighbours import build_graph
from index.vectors.exact import ExactStore

SEEDS = range(5)
HELD_OUT = 0.1
NEIGHBOURS = 15
COMMAND = "python benchmarks/discovery_map.py --embeddings NAME=FOLDER ... --out FILE.json"
Floats = NDArray[np.float32]


def main() -> None:
    """Measure every set, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--embeddings", nargs="+", required=True, metavar="NAME=FOLDER")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    figures, rows = [], []
    for one in asked.embeddings:
        name, _, folder = one.partition("=")
        found, row = measured(name, EmbeddingStore.open(Path(folder)).load()[1])
        figures += found
        rows.append(row)
    asked.out.write_text(json.dumps({"figures": figures, "text": told(rows)}, indent=1) + "\n")
    print(told(rows))


def measured(name: str, vectors: Floats) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the figures of one set, and its row of the table."""
    n, progress = len(vectors), Progress(name, len(SEEDS) + 3)
    labels, seconds = [], []
    for seed in SEEDS:
        began = time.perf_counter()
        mixture = fit_mixture(vectors, seed=seed)
        assert mixture is not None
        labels.append(mixture.assign(vectors).cluster)
        seconds.append(time.perf_counter() - began)
        progress.to(seed + 1)
    rand = [adjusted_rand_score(a, b) for a, b in combinations(labels, 2)]
    store = ExactStore(vectors)
    graph = build_graph(store)
    began = time.perf_counter()
    whole = umap_layout(vectors, graph.rows, graph.similarity, seed=0)
    laid_out_seconds = time.perf_counter() - began
    progress.to(len(SEEDS) + 1)
    rng = np.random.default_rng(0)
    held = np.sort(rng.choice(n, round(HELD_OUT * n), replace=False))
    placed = without(vectors, held)
    progress.to(len(SEEDS) + 2)
    dense = density_clusters(store)
    progress.to(len(SEEDS) + 3)
    some = np.sort(rng.choice(n, min(n, 4000), replace=False))
    row = {
        "name": name,
        "n": n,
        "dimension": mixture.components.dimension,
        "rand": rand,
        "fit_seconds": float(np.median(seconds)),
        "trustworthiness": trustworthiness_of(vectors[some], whole[some]),
        "continuity": continuity_of(vectors[some], whole[some]),
        "laid_out": trusted(vectors, whole, held),
        "placed": trusted(vectors, placed, held),
        "map_seconds": laid_out_seconds,
        "dense": int(dense.max() + 1),
        "alone": float((dense < 0).mean()),
    }
    figures = [
        figure(
            f"cluster_rand_{name}",
            float(np.mean(rand)),
            "adjusted Rand index of two seeds",
            n=n,
            better="higher",
            interval=(min(rand), max(rand)),
            command=COMMAND,
        ),
        figure(
            f"map_trustworthiness_{name}",
            row["trustworthiness"],
            "share",
            n=len(some),
            better="higher",
            against={"continuity": row["continuity"]},
            command=COMMAND,
        ),
        figure(
            f"map_placed_trustworthiness_{name}",
            row["placed"],
            "share",
            n=len(held),
            better="higher",
            against={"laid out": row["laid_out"]},
            command=COMMAND,
        ),
    ]
    return figures, row


def without(vectors: Floats, held: NDArray[np.int64]) -> Floats:
    """Return places of all, those of some from a map that was made without them."""
    rest = np.setdiff1d(np.arange(len(vectors)), held)
    store = ExactStore(vectors[rest])
    graph = build_graph(store)
    places = np.empty((len(vectors), 2), np.float32)
    places[rest] = laid_out = umap_layout(vectors[rest], graph.rows, graph.similarity, seed=0)
    hits = store.search(vectors[held], PLACING_K)
    places[held] = among_neighbours(laid_out, hits.rows, hits.similarity)
    return places


def trusted(vectors: Floats, xy: Floats, rows: NDArray[np.int64]) -> float:
    """Return the trustworthiness of some galaxies' places among all (Venna & Kaski 2001, the sum over these rows alone)."""
    n, k, penalty = len(vectors), NEIGHBOURS, 0
    for row in rows:
        similarity = vectors @ vectors[row]
        similarity[row] = np.inf
        rank = np.empty(n, np.int64)
        rank[np.argsort(-similarity, kind="stable")] = np.arange(n)
        distance = ((xy - xy[row]) ** 2).sum(axis=1)
        distance[row] = np.inf
        near = np.argpartition(distance, k)[:k]
        penalty += int(np.maximum(rank[near] - k, 0).sum())
    return 1 - 2 * penalty / (len(rows) * k * (2 * n - 3 * k - 1))


def told(rows: list[dict[str, Any]]) -> str:
    """Return the table of the page."""
    heads = (
        "set",
        "n",
        "dimensions",
        "adjusted Rand index of two seeds",
        "trustworthiness",
        "continuity",
        "trustworthiness of galaxies laid out / placed",
        "in no dense group",
        "mixture, s",
        "map, s",
    )
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    for one in rows:
        low, high = min(one["rand"]), max(one["rand"])
        cells = (
            one["name"],
            str(one["n"]),
            str(one["dimension"]),
            f"{np.mean(one['rand']):.2f} ({low:.2f} to {high:.2f})",
            f"{one['trustworthiness']:.3f}",
            f"{one['continuity']:.3f}",
            f"{one['laid_out']:.3f} / {one['placed']:.3f}",
            f"{one['alone']:.2f} ({one['dense']} groups)",
            f"{one['fit_seconds']:.0f}",
            f"{one['map_seconds']:.0f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
