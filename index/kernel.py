"""The photo-z kernel: how neighbours weigh, how wide each redshift is smeared, how sharp the sum is made."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from index.calibration import measure
from index.neighbours import NeighbourGraph
from index.pdf import FloatArray, RedshiftGrid, cde_loss
from index.spectroscopic import Spectroscopic
from index.vectors.store import VectorArray, VectorStore

__all__ = ["KernelSettings", "calibrate_kernel", "neighbour_weights", "sharpened"]

# The small grid that is searched, and how many galaxies judge it.
_NEIGHBOURS = (10, 20, 40)
_DISTANCE_SCALES = (0.5, 1.0, 2.0)
_RELATIVE_WIDTHS = (0.001, 0.002, 0.004, 0.008, 0.015, 0.03, 0.06)
_SHARPENINGS = (0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.0)
_FINE = np.geomspace(1 / 1.6, 1.6, 15)
_SAMPLE = 2000
_COARSE_SAMPLE = 500
_JUDGING_BINS = 400
_FAR_QUANTILE = 0.99
_TINY = 1e-300


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
    sharpening
        The mixture is raised to this power and normalised again. Neighbours differ in redshift by more
        than their galaxy's error, since some lie farther away: the mixture alone is too wide.
    leave_one_out_coverage_68, leave_one_out_coverage_95, leave_one_out_crps, leave_one_out_pit_distance
        Measured on the same galaxies; see :class:`index.calibration.Calibration`. None in releases made
        before they were measured.
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
    sharpening: float = 1.0
    leave_one_out_coverage_68: float | None = None
    leave_one_out_coverage_95: float | None = None
    leave_one_out_crps: float | None = None
    leave_one_out_pit_distance: float | None = None

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


def sharpened(probability: FloatArray, sharpening: float) -> FloatArray:
    """Raise bin probabilities, shape (Q, B), to a power; rows sum to 1 again."""
    if sharpening == 1:
        return probability
    powered = np.power(probability / probability.max(axis=1, keepdims=True), sharpening)
    return np.asarray(powered / powered.sum(axis=1, keepdims=True), dtype=np.float64)


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

    def mixed(k: int, scale: float, on: RedshiftGrid, step: int = 1) -> FloatArray:
        weights = neighbour_weights(similarity[::step, :k], np.minimum(lengths[::step], k), scale)
        return on.deposit(z[::step, :k], weights)

    # All choices are compared together on some galaxies, then the sharpening is refined on all.
    step = -(-len(judged) // _COARSE_SAMPLE)
    pairs = product(_NEIGHBOURS, _DISTANCE_SCALES)
    coarse = (
        (*_best_shape(mixed(k, scale, grid, step), grid, z_spec[::step]), k, scale) for k, scale in pairs
    )
    _, width, rough, k, scale = min(coarse)
    fine = tuple((rough * _FINE).tolist())
    loss, _, sharpening = _best_shape(mixed(k, scale, grid), grid, z_spec, widths=(width,), sharpenings=fine)
    measured = measure(sharpened(mixed(k, scale, full) @ full.kernel(width), sharpening), full, z_spec)
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
        sharpening=sharpening,
        leave_one_out_coverage_68=measured.coverage_68,
        leave_one_out_coverage_95=measured.coverage_95,
        leave_one_out_crps=measured.crps,
        leave_one_out_pit_distance=measured.pit_distance,
    )


def _best_shape(
    deposited: FloatArray,
    grid: RedshiftGrid,
    z_spec: FloatArray,
    *,
    widths: tuple[float, ...] = _RELATIVE_WIDTHS,
    sharpenings: tuple[float, ...] = _SHARPENINGS,
) -> tuple[float, float, float]:
    """Return the least CDE loss with the width and the sharpening that give it."""
    candidates = []
    for width in widths:
        logarithm = np.log(np.maximum(deposited @ grid.kernel(width), _TINY))
        for sharpening in sharpenings:
            probability = np.exp(sharpening * logarithm)
            probability /= probability.sum(axis=1, keepdims=True)
            candidates.append((cde_loss(probability, grid, z_spec), width, sharpening))
    return min(candidates)
