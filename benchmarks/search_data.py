"""Vectors for the search benchmarks: real galaxies, and as many more as are wanted grown between them.

    python benchmarks/search_data.py --data-dir DIR [--real EMBEDDINGS...] [--n 20000 1000000]

EMBEDDINGS are folders of embeddings by one model, as `skylike index build` leaves them in a data folder. A thousand
galaxies, drawn with a seed, are held out as queries and nothing is grown from them. The rest is projected to 128
dimensions by its principal axes if it has more. Writes `DIR/n1000000/base.npy` (float16) and `DIR/queries.npy`; what
is there already is left. Seconds, or two minutes for a million.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import faiss
import numpy as np
from figures import REPOSITORY
from numpy.typing import NDArray
from search_intrinsic import intrinsic_dimension

sys.path.insert(0, str(REPOSITORY))

from index.embeddings import EmbeddingStore

__all__ = [
    "DIMENSION",
    "K",
    "as_stored",
    "grow",
    "intermediate",
    "object_ids",
    "peak",
    "read_base",
    "read_queries",
    "read_truth",
    "recall",
    "truth",
]

VectorArray = NDArray[np.float32]

DIMENSION, K = 128, 10
REAL = (Path("skylike-data/embeddings/demo--moco-sdss-rgb"),)
SIZES = (20_000, 1_000_000)
SEED = 0
_N_QUERIES = 1000
_NEIGHBOURS = 32
# Of the distance to the neighbours; half of it leaves grown vectors of half the intrinsic dimension of real ones.
_NOISE = 1.0
_BLOCK = 20_000


def read_real(folders: list[Path]) -> VectorArray:
    """Read embeddings of galaxies by one model and project them to 128 dimensions, unit norm."""
    stores = [EmbeddingStore.open(folder) for folder in folders]
    if len({store.info.model_sha256 for store in stores}) != 1:
        sys.exit("the embeddings are by different models: their vectors cannot be mixed")
    vectors = np.unique(np.concatenate([store.load()[1] for store in stores]), axis=0)
    centred = vectors - vectors.mean(axis=0)
    if vectors.shape[1] > DIMENSION:
        _, axes = np.linalg.eigh(centred.T @ centred)
        centred = centred @ axes[:, ::-1][:, :DIMENSION]
    elif vectors.shape[1] < DIMENSION:
        sys.exit(f"the embeddings have {vectors.shape[1]} dimensions; take a model with at least {DIMENSION}")
    return unit(centred)


def grow(real: VectorArray, n: int, rng: np.random.Generator) -> VectorArray:
    """Return n vectors: the real ones first, then x = a + t (b - a) + noise between a real a and its neighbour b.

    t is uniform in [0, 1]. The noise is a Gaussian mixture of the directions from a to its 32 neighbours, as long
    as a neighbour is far: it lies where the galaxies lie, not in all 128 directions.
    """
    if n <= len(real):
        return real[rng.choice(len(real), n, replace=False)]
    _, neighbours = faiss.knn(real, real, _NEIGHBOURS + 1, metric=faiss.METRIC_INNER_PRODUCT)
    grown = np.empty((n, real.shape[1]), np.float32)
    grown[: len(real)] = real
    for start in range(len(real), n, _BLOCK):
        size = min(_BLOCK, n - start)
        own = rng.integers(len(real), size=size)
        towards = real[neighbours[own, 1:]] - real[own][:, None]
        partner = rng.integers(_NEIGHBOURS, size=size)
        along = rng.random((size, 1)) * towards[np.arange(size), partner]
        weights = rng.normal(0, _NOISE / np.sqrt(_NEIGHBOURS), (size, _NEIGHBOURS))
        grown[start : start + size] = real[own] + along + np.einsum("nk,nkd->nd", weights, towards)
    return unit(grown)


def unit(vectors: VectorArray) -> VectorArray:
    """Bring rows to unit norm."""
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def as_stored(half: NDArray[np.float16]) -> VectorArray:
    """Return float16 rows as a release holds them: unit norm in float32."""
    wide = half.astype(np.float32)
    return (wide / np.linalg.norm(wide.astype(np.float64), axis=1, keepdims=True)).astype(np.float32)


def read_base(data_dir: Path, n: int) -> VectorArray:
    """Read the n vectors to be searched, shape (n, 128)."""
    path = data_dir / f"n{n}" / "base.npy"
    if not path.is_file():
        sys.exit(f"there is no {path}: run python benchmarks/search_data.py --data-dir {data_dir} --n {n}")
    return as_stored(np.load(path))


def read_queries(data_dir: Path) -> VectorArray:
    """Read the held-out queries, shape (at most 1000, 128)."""
    return np.asarray(np.load(data_dir / "queries.npy"), dtype=np.float32)


def object_ids(n: int) -> list[str]:
    """Return the ids of the vectors in their order."""
    return [f"SYN{row:07d}" for row in range(n)]


def truth(base: VectorArray, queries: VectorArray, k: int = K) -> NDArray[np.int64]:
    """Return the rows of the k nearest of each query (of all, if fewer) by brute force, in blocks of NumPy products."""
    best = np.empty((len(queries), 0), np.float32)
    rows = np.empty((len(queries), 0), np.int64)
    for start in range(0, len(base), _BLOCK):
        similarity = queries @ base[start : start + _BLOCK].T
        few = min(k, similarity.shape[1])
        found = np.argpartition(-similarity, few - 1, axis=1)[:, :few]
        best = np.hstack([best, np.take_along_axis(similarity, found, axis=1)])
        rows = np.hstack([rows, found + start])
        order = np.argsort(-best, axis=1, kind="stable")[:, :k]
        best, rows = np.take_along_axis(best, order, axis=1), np.take_along_axis(rows, order, axis=1)
    return rows


def read_truth(data_dir: Path, n: int) -> NDArray[np.int64]:
    """Return the true rows of every held-out query, computed once."""
    path = data_dir / f"n{n}" / "truth.npy"
    if not path.is_file():
        np.save(path, truth(read_base(data_dir, n), read_queries(data_dir)))
    return np.asarray(np.load(path))


def recall(found: list[list[int]] | NDArray[np.int64], true: NDArray[np.int64]) -> float:
    """Return the share of the true neighbours that were found."""
    hits = [len(set(map(int, one)) & set(map(int, right))) for one, right in zip(found, true, strict=True)]
    return sum(hits) / true.size


def intermediate(data_dir: Path, name: str, found: dict[str, object] | None = None) -> dict[str, object]:
    """Read or write what one piece measured, so that the pieces can run apart."""
    path = data_dir / "measured" / f"{name}.json"
    if found is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=1) + "\n")
    return dict(json.loads(path.read_text())) if path.is_file() else {}


def peak() -> int:
    """Return the most memory that this process has held, shared and mapped pages included.

    Not ``ru_maxrss``, which a process inherits from the one that started it.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def main() -> None:
    """Grow what is missing and print the intrinsic dimensions."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--real", type=Path, nargs="+", default=REAL)
    parser.add_argument("--n", type=int, nargs="+", default=SIZES)
    told = parser.parse_args()
    told.data_dir.mkdir(parents=True, exist_ok=True)
    real = read_real(told.real)
    rng = np.random.default_rng(SEED)
    rng.shuffle(real)
    n_queries = min(_N_QUERIES, len(real) // 4)
    np.save(told.data_dir / "queries.npy", real[:n_queries])
    kept = real[n_queries:]
    found = intermediate(told.data_dir, "data") or {"sizes": {}}
    found |= {"real": asdict(intrinsic_dimension(kept, rng)), "n_real": len(kept), "n_queries": n_queries}
    found["sources"] = [folder.name for folder in told.real]
    for n in told.n:
        path = told.data_dir / f"n{n}" / "base.npy"
        if not path.is_file():
            path.parent.mkdir(exist_ok=True)
            np.save(path, grow(kept, n, np.random.default_rng((SEED, n))).astype(np.float16))
        found["sizes"][str(n)] = asdict(intrinsic_dimension(read_base(told.data_dir, n), rng))
        intermediate(told.data_dir, "data", found)
        print(json.dumps({str(n): found["sizes"][str(n)], "real": found["real"]}), flush=True)


if __name__ == "__main__":
    main()
