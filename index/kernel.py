"""The photo-z kernel: how neighbours weigh, how wide each redshift is smeared."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from index.neighbours import NeighbourGraph
from index.pdf import FloatArray, RedshiftGrid, cde_loss
from index.spectroscopic import Spectroscopic
from index.vectors.store import VectorArray, VectorStore

__all__ = ["KernelSettings", "calibrate_kernel", "neighbour_weights"]

# The small grid that is searched, and how many galaxies judge it.
_NEIGHBOURS = (10, 20, 40)
_DISTANCE_SCALES = (0.5, 1.0, 2.0)
_RELATIVE_WIDTHS = (0.004, 0.008, 0.015, 0.03, 0.06)
_SAMPLE = 2000
_JUDGING_BINS = 400
_FAR_QUANTILE = 0.99


@dataclass(frozen=True, slots=True)
class KernelSettings:
    """A fitted kernel, stored in the release's manifest.

    Attributes
    ----------
    k
        Spectroscopic neighbours used.
    distance_scale
        A neighbour at distance d weighs ``exp(-(d / (distance_scale d_k))^2 / 2)``, d_k being the k-th's.
    relative_width
        Each redshift becomes a Gaussian of width ``relative_width (1 + z)``.
    far_distance
        Cosine distance of the k-th neighbour that 99 % of the catalogue stay below.
    leave_one_out_cde_loss
        The loss the choice was made by, on ``n_judged`` galaxies.
    """

    k: int
    distance_scale: float
    relative_width: float
    z_max: float
    n_bins: int
    far_distance: float
    n_spectra: int
    n_judged: int
    leave_one_out_cde_loss: float

    @property
    def grid(self) -> RedshiftGrid:
        """The redshift grid."""
        return RedshiftGrid(self.z_max, self.n_bins)


def neighbour_weights(
    similarity: VectorArray, lengths: NDArray[np.int64], distance_scale: float
) -> FloatArray:
    """Weigh neighbours by their distance, sqrt(2 - 2 similarity), in units of the last one's.

    Parameters
    ----------
    similarity
        Shape (Q, k), falling; only the first ``lengths`` of each row count.

    Returns
    -------
    ndarray
        Shape (Q, k); rows sum to 1, to 0 where there is no neighbour.
    """
    counts = np.arange(similarity.shape[1])[None] < lengths[:, None]
    squared = np.where(counts, np.maximum(2 - 2 * similarity.astype(np.float64), 0), 0)
    last = np.maximum(squared.max(axis=1, keepdims=True, initial=0), 1e-12)
    weights = np.where(counts, np.exp(-0.5 * squared / (distance_scale**2 * last)), 0)
    return np.asarray(weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300), dtype=np.float64)


def calibrate_kernel(
    store: VectorStore, graph: NeighbourGraph, spectroscopic: Spectroscopic
) -> KernelSettings:
    """Choose the kernel with the least leave-one-out CDE loss on up to 2,000 of the release's galaxies.

    The galaxies are spread evenly over the rows, hence over the sky; nothing is drawn at random.
    """
    full = RedshiftGrid.covering(spectroscopic.z[spectroscopic.rows])
    grid = RedshiftGrid(full.z_max, min(full.n_bins, _JUDGING_BINS))
    spread = np.linspace(0, spectroscopic.n - 1, min(spectroscopic.n, _SAMPLE)).astype(np.int64)
    judged = spectroscopic.rows[spread]
    rows, similarity, lengths = spectroscopic.nearest_of_rows(store, graph, judged, max(_NEIGHBOURS))
    z_spec, z = spectroscopic.z[judged], np.nan_to_num(spectroscopic.z[rows])
    kernels = [(width, grid.kernel(width)) for width in _RELATIVE_WIDTHS]
    best: tuple[float, int, float, float] | None = None
    for k, scale in product(_NEIGHBOURS, _DISTANCE_SCALES):
        weights = neighbour_weights(similarity[:, :k], np.minimum(lengths, k), scale)
        deposited = grid.deposit(z[:, :k], weights)
        for width, kernel in kernels:
            candidate = (cde_loss(deposited @ kernel, grid, z_spec), k, scale, width)
            best = candidate if best is None else min(best, candidate)
    assert best is not None
    loss, k, scale, width = best
    last = np.clip(np.minimum(lengths, k) - 1, 0, None)
    reach = 1 - np.take_along_axis(similarity, last[:, None], axis=1)[:, 0]
    return KernelSettings(
        k=k,
        distance_scale=scale,
        relative_width=width,
        z_max=full.z_max,
        n_bins=full.n_bins,
        far_distance=float(np.quantile(reach, _FAR_QUANTILE)),
        n_spectra=spectroscopic.n,
        n_judged=len(judged),
        leave_one_out_cde_loss=loss,
    )
