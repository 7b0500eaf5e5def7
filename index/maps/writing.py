"""The map and the clusters of a release, made when it is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from index.clusters.exemplars import exemplars
from index.clusters.mixture import Assigned, Mixture, fit_mixture
from index.maps.layouts import UMAP_NEIGHBOURS, has_umap, pca_layout, tsne_layout, umap_layout
from index.maps.placing import PLACING_K, among_neighbours
from index.maps.quality import continuity_of, displacement, trustworthiness_of
from index.neighbours import NeighbourGraph, build_graph
from index.vectors.exact import ExactStore
from survey.manifests import CorruptFolder, read_manifest

__all__ = ["MAP_METHODS", "MapMethod", "WrittenMap", "map_before", "write_map"]

MapMethod = Literal["umap", "tsne", "pca", "none"]
MAP_METHODS: Final = ("umap", "tsne", "pca", "none")
#: Below it a map is of the principal components: there is no neighbourhood for the others to keep.
_SMALL = 500
#: Galaxies that are laid out; further ones are placed among them.
_MOST_LAID_OUT: Final = {"umap": 100_000, "tsne": 20_000, "pca": 100_000}
_FITTED = 20_000
_MEASURED = 2_000
_BLOCK = 16_384
_NO_UMAP = "umap-learn is not installed: pip install 'skylike[map]', or ask for --map tsne."


@dataclass(frozen=True, slots=True, eq=False)
class WrittenMap:
    """What a release gets of it.

    Attributes
    ----------
    columns
        ``map_x`` and ``map_y`` (float32, NaN without a map) and ``cluster`` (int32, absent without clusters), shape (N,).
    said
        Entry ``map`` of the manifest.
    """

    columns: dict[str, NDArray[Any]]
    said: dict[str, Any]


def write_map(
    staged: Path,
    vectors: ExactStore,
    graph: NeighbourGraph,
    *,
    method: MapMethod = "umap",
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> WrittenMap:
    """Lay a release out, part it into clusters, write what later galaxies are assigned by.

    Parameters
    ----------
    staged
        The release's folder.
    method
        A release of fewer than 500 galaxies gets its principal components in place of UMAP and t-SNE. Without
        umap-learn, UMAP gives no map, and ``said["reason"]`` says why.
    progress
        Told how many of the steps are done.

    Returns
    -------
    WrittenMap
        The same for the same vectors and seed.
    """
    asked, rng = method, np.random.default_rng(seed)
    mixture, assigned = _clusters(vectors, seed, rng)
    _tell(progress, 1)
    columns: dict[str, NDArray[Any]] = {}
    if mixture is not None and assigned is not None:
        mixture = replace(mixture, exemplars=exemplars(assigned, mixture.n))
        mixture.save(staged)
        columns["cluster"] = assigned.cluster
    reason = _NO_UMAP if method == "umap" and vectors.n >= _SMALL and not has_umap() else None
    if reason is not None:
        method = "none"
    elif method != "none" and vectors.n < _SMALL:
        method = "pca"
    said: dict[str, Any] = {
        "method": method,
        "asked": asked,
        "reason": reason,
        "seed": seed,
        "clusters": None if mixture is None else {"n": mixture.n, "dimension": mixture.components.dimension},
    }
    if method == "none":
        return WrittenMap(columns, said)
    rows = np.arange(vectors.n)
    if vectors.n > _MOST_LAID_OUT[method]:
        rows = np.sort(rng.choice(vectors.n, _MOST_LAID_OUT[method], replace=False))
    places = _placed(vectors, graph, rows, _laid_out(vectors, graph, rows, method, seed))
    _tell(progress, 2)
    said |= {"n_laid_out": len(rows), **_quality(vectors, graph, places, rng)}
    _tell(progress, 3)
    return WrittenMap({**columns, "map_x": places[:, 0], "map_y": places[:, 1]}, said)


def map_before(folder: Path) -> MapMethod | None:
    """Return the method that was asked for a release's map; None if it has none, or cannot be read."""
    try:
        manifest: dict[str, Any] = read_manifest(folder, "manifest.json", verify=())
    except CorruptFolder:
        return None
    asked = (manifest.get("map") or {}).get("asked")
    return asked if asked in MAP_METHODS else None


def _clusters(
    vectors: ExactStore, seed: int, rng: np.random.Generator
) -> tuple[Mixture | None, Assigned | None]:
    sample = np.arange(vectors.n)
    if vectors.n > _FITTED:
        sample = np.sort(rng.choice(vectors.n, _FITTED, replace=False))
    mixture = fit_mixture(vectors.vectors(sample), seed=seed)
    if mixture is None:
        return None, None
    parts = [mixture.assign(vectors.vectors(slice(at, at + _BLOCK))) for at in range(0, vectors.n, _BLOCK)]
    return mixture, Assigned(
        np.concatenate([one.cluster for one in parts]),
        np.concatenate([one.probability for one in parts]),
        np.concatenate([one.distance for one in parts]),
    )


def _laid_out(
    vectors: ExactStore, graph: NeighbourGraph, rows: NDArray[np.int64], method: MapMethod, seed: int
) -> NDArray[np.float32]:
    drawn = vectors.vectors(rows)
    if method == "pca":
        return pca_layout(drawn)
    if method == "tsne":
        return tsne_layout(drawn, seed=seed)
    if len(rows) < vectors.n:
        graph = build_graph(ExactStore(drawn), UMAP_NEIGHBOURS)
    return umap_layout(drawn, graph.rows, graph.similarity, seed=seed)


def _placed(
    vectors: ExactStore, graph: NeighbourGraph, rows: NDArray[np.int64], laid_out: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return places of all, shape (N, 2), from those of some rows."""
    places = np.full((vectors.n, 2), np.nan, np.float32)
    places[rows] = laid_out
    others = np.flatnonzero(np.isnan(places[:, 0]))
    known = np.isfinite(places[:, 0])
    for at in range(0, len(others), _BLOCK):
        own = others[at : at + _BLOCK]
        places[own] = _from_graph(places, known, graph, own)
    # Those of whose hundred nearest none was drawn: of t-SNE's 20,000 among a million, one in eight.
    lost = np.flatnonzero(np.isnan(places[:, 0]))
    drawn = ExactStore(vectors.vectors(rows)) if len(lost) else vectors
    for at in range(0, len(lost), _BLOCK):
        own = lost[at : at + _BLOCK]
        hits = drawn.search(vectors.vectors(own), PLACING_K)
        places[own] = among_neighbours(laid_out, hits.rows, hits.similarity)
    return places


def _from_graph(
    places: NDArray[np.float32], known: NDArray[np.bool_], graph: NeighbourGraph, own: NDArray[np.int64]
) -> NDArray[np.float32]:
    near = graph.rows[own]
    counts = known[near]
    counts &= np.cumsum(counts, axis=1) <= PLACING_K
    return among_neighbours(places, np.where(counts, near, -1), graph.similarity[own])


def _quality(
    vectors: ExactStore, graph: NeighbourGraph, places: NDArray[np.float32], rng: np.random.Generator
) -> dict[str, Any]:
    rows = np.sort(rng.choice(vectors.n, min(vectors.n, _MEASURED), replace=False))
    drawn, xy = vectors.vectors(rows), places[rows]
    enough = len(rows) >= 4
    moved = displacement(places, graph, rows)
    return {
        "n_measured": len(rows),
        "trustworthiness": trustworthiness_of(drawn, xy) if enough else None,
        "continuity": continuity_of(drawn, xy) if enough else None,
        "displacement_median": float(np.nanmedian(moved)) if np.isfinite(moved).any() else None,
    }


def _tell(progress: Callable[[int, int], None] | None, done: int) -> None:
    if progress is not None:
        progress(done, 3)
