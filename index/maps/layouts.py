"""Two-dimensional layouts of embeddings: UMAP, t-SNE, principal components."""

from __future__ import annotations

import importlib.util
import warnings

import numpy as np
from numpy.typing import NDArray

from index.clusters.components import fit_components

__all__ = ["UMAP_NEIGHBOURS", "has_umap", "pca_layout", "tsne_layout", "umap_layout"]

#: Neighbours that UMAP joins, the galaxy itself among them, and how densely it packs them (evaluated for galaxies by
#: Walmsley et al. 2022 and Mohale & Lochner 2024, who have 15 and 20).
UMAP_NEIGHBOURS = 15
_MIN_DIST = 0.1
# UMAP's own number for large sets; small ones gain nothing visible from its 500.
_EPOCHS = 200
# Half the side of the square in which UMAP begins, as in its own initialisation.
_BEGIN = 10.0
_PERPLEXITY = 30.0
# t-SNE sees the components of this share of the variance.
_VARIANCE = 0.95


def has_umap() -> bool:
    """Whether umap-learn is installed (extra ``map``)."""
    return importlib.util.find_spec("umap") is not None


def umap_layout(
    vectors: NDArray[np.float32], rows: NDArray[np.integer], similarity: NDArray[np.float32], *, seed: int
) -> NDArray[np.float32]:
    """Lay vectors out by UMAP on neighbours that are known, from their principal components; one thread, reproducible.

    Parameters
    ----------
    vectors
        Unit vectors, shape (n, D).
    rows, similarity
        Nearest others of each among these n, nearest first, shape (n, K), K at least 14.

    Returns
    -------
    NDArray
        Shape (n, 2).

    References
    ----------
    McInnes, Healy & Melville 2018, arXiv:1802.03426. Kobak & Linderman 2021, Nature Biotechnology 39, 156: principal
    components as the beginning keep the layout's large parts where they belong.
    """
    import umap  # noqa: PLC0415 # numba compiles for seconds: never where nothing is built

    n, k = len(vectors), UMAP_NEIGHBOURS
    indices, distances = np.empty((n, k), np.int32), np.zeros((n, k), np.float32)
    indices[:, 0], indices[:, 1:] = np.arange(n), rows[:, : k - 1]
    distances[:, 1:] = np.maximum(1 - similarity[:, : k - 1], 0)
    begin = pca_layout(vectors)
    begin *= _BEGIN / max(float(np.abs(begin).max()), 1e-12)
    with warnings.catch_warnings():
        # It cannot place new points without an index of its own: ours are placed by their neighbours.
        warnings.filterwarnings("ignore", message=r"precomputed_knn\[2\]", category=UserWarning)
        made = umap.UMAP(
            n_neighbors=k,
            min_dist=_MIN_DIST,
            metric="cosine",
            n_epochs=_EPOCHS,
            init=begin,
            precomputed_knn=(indices, distances, None),
            random_state=seed,
            n_jobs=1,
        ).fit_transform(vectors)
    return np.asarray(made, dtype=np.float32)


def tsne_layout(vectors: NDArray[np.float32], *, seed: int) -> NDArray[np.float32]:
    """Lay vectors out by t-SNE with perplexity 30, from their principal components; shape (n, D) to (n, 2).

    References
    ----------
    van der Maaten & Hinton 2008, JMLR 9, 2579; parameters of Hayat et al. 2021, ApJL 911, L33.
    """
    from sklearn.manifold import TSNE  # noqa: PLC0415 # seconds of import

    reduced = fit_components(vectors, variance=_VARIANCE, at_least=2)(vectors)
    made = TSNE(
        perplexity=min(_PERPLEXITY, (len(vectors) - 1) / 3), init="pca", random_state=seed, n_jobs=1
    ).fit_transform(reduced)
    return np.asarray(made, dtype=np.float32)


def pca_layout(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the first two principal components, shape (n, D) to (n, 2)."""
    made = np.zeros((len(vectors), 2), np.float32)
    components = fit_components(vectors, at_least=2)
    kept = min(2, components.dimension)
    made[:, :kept] = components(vectors)[:, :kept]
    return made
