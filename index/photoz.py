"""Redshift distributions from the spectra of a galaxy's nearest neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.estimates import ARRAYS, Estimates, Evidence, points_of
from index.evidence import neighbour_redshift
from index.kernel import KernelSettings, calibrate_kernel, neighbour_weights, sharpened
from index.neighbours import NeighbourGraph
from index.pdf import POINTS, FloatArray, quantiles, summarise
from index.photoz_columns import QUANTILE_LEVELS, Flag
from index.spectroscopic import Spectroscopic
from index.vectors.store import VectorArray, VectorStore

__all__ = ["MIN_SPECTRA", "KernelPhotoZ", "PhotoZUnavailable", "points_of_all"]

MIN_SPECTRA = 50
_BLOCK = 1024


class PhotoZUnavailable(ValueError):
    """A release that cannot give redshifts; the message is the reason."""


class KernelPhotoZ:
    """Mixes Gaussians at the neighbours' spectroscopic redshifts, nearer ones weighing more.

    A galaxy of the catalogue never counts its own redshift, nor those of galaxies with its ``parent_id``.

    Parameters
    ----------
    spectroscopic
        The release's redshifts.
    settings
        The kernel; None when redshifts are unavailable.
    unavailable
        Why there are none; None when there are.
    model_id, train_set
        Repeated in every estimate.
    """

    def __init__(
        self,
        store: VectorStore,
        graph: NeighbourGraph,
        spectroscopic: Spectroscopic,
        *,
        settings: KernelSettings | None,
        unavailable: str | None = None,
        model_id: str = "",
        train_set: str = "",
    ) -> None:
        self.unavailable = unavailable if settings is None else None
        self.settings = settings
        self.model_id, self.train_set = model_id, train_set
        self._store, self._graph, self._spectra = store, graph, spectroscopic
        self._kernel = None if settings is None else settings.grid.kernel(settings.relative_width)

    @classmethod
    def fitted(
        cls,
        store: VectorStore,
        graph: NeighbourGraph,
        spectroscopic: Spectroscopic,
        *,
        is_display: bool,
        model_id: str = "",
        train_set: str = "",
    ) -> KernelPhotoZ:
        """Choose the kernel by leave-one-out on the release itself, or say why there can be none."""
        reason = None
        if is_display:
            reason = "display images carry no calibrated colours"
        elif spectroscopic.n < MIN_SPECTRA:
            reason = (
                f"the survey has {spectroscopic.n} spectroscopic redshifts; at least {MIN_SPECTRA} are needed"
            )
        settings = None if reason else calibrate_kernel(store, graph, spectroscopic)
        return cls(
            store,
            graph,
            spectroscopic,
            settings=settings,
            unavailable=reason,
            model_id=model_id,
            train_set=train_set,
        )

    def estimate_images(
        self,
        inputs: NDArray[np.float32] | None,  # noqa: ARG002 - an estimator with a network looks at them
        vectors: VectorArray,
        *,
        without: NDArray[np.int64] | Sequence[NDArray[np.int64]] | None = None,
        flags: NDArray[np.integer[Any]] | int | None = None,
    ) -> Estimates:
        """Estimate redshifts of images that are no galaxies of the release.

        Parameters
        ----------
        inputs
            Finished network inputs, shape (Q, C, S, S); this estimator asks the embeddings alone.
        vectors
            Their embeddings, shape (Q, D), unit norm.
        without
            Rows whose spectra are left out, for images that show galaxies of the release: those of
            :meth:`index.spectroscopic.Spectroscopic.same_galaxies`, for all images or one array for each.
        flags
            Bits of :class:`index.photoz_columns.Flag` that the caller knows: for all, or shape (Q,).

        Raises
        ------
        PhotoZUnavailable
            If this release cannot give redshifts.
        """
        estimates = self.estimate_many(vectors, without=without)
        return estimates if flags is None else estimates.with_flags(flags)

    def estimate_many(
        self,
        vectors: VectorArray,
        *,
        without: NDArray[np.int64] | Sequence[NDArray[np.int64]] | None = None,
    ) -> Estimates:
        """Estimate redshifts of embeddings of shape (Q, D); see :meth:`estimate_images`."""
        settings = self._settings()
        rows, similarity = self._spectra.nearest(self._store, vectors, settings.k, without=without)
        return self._describe(Evidence(rows, similarity, np.full(len(rows), rows.shape[1])))

    def estimate_rows(self, rows: Sequence[int] | NDArray[np.int64]) -> Estimates:
        """Estimate redshifts of galaxies of the release, each without its own spectrum.

        Raises
        ------
        PhotoZUnavailable
            If this release cannot give redshifts.
        """
        return self._describe(self._evidence_of(np.asarray(rows, dtype=np.int64)))

    def blocks(self) -> Iterator[tuple[slice, Estimates]]:
        """Yield the estimates of every galaxy of the release, block by block.

        Raises
        ------
        PhotoZUnavailable
            If this release cannot give redshifts.
        """
        self._settings()
        for start in range(0, self._spectra.n_rows, _BLOCK):
            block = np.arange(start, min(start + _BLOCK, self._spectra.n_rows))
            yield slice(start, start + len(block)), self.estimate_rows(block)

    def _settings(self) -> KernelSettings:
        if self.settings is None:
            raise PhotoZUnavailable(self.unavailable or "no redshift model was fitted")
        return self.settings

    def _evidence_of(self, rows: NDArray[np.int64]) -> Evidence:
        return Evidence(*self._spectra.nearest_of_rows(self._store, self._graph, rows, self._settings().k))

    def _probability(self, evidence: Evidence) -> FloatArray:
        settings = self._settings()
        assert self._kernel is not None
        weights = neighbour_weights(evidence.similarity, evidence.lengths, settings.distance_scale)
        z = np.nan_to_num(self._spectra.z[evidence.rows])  # Columns beyond ``lengths`` weigh nothing.
        probability = settings.grid.deposit(z, weights) @ self._kernel
        probability[evidence.lengths == 0] = 1 / settings.n_bins
        return sharpened(probability, settings.sharpening)

    def _reach(self, evidence: Evidence) -> FloatArray:
        """Return the cosine distance of each galaxy's last neighbour, shape (Q,); NaN without any."""
        if not evidence.similarity.shape[1]:
            return np.full(len(evidence), np.nan)
        last = np.clip(evidence.lengths - 1, 0, None)[:, None]
        distance = 1 - np.take_along_axis(evidence.similarity, last, axis=1)[:, 0].astype(np.float64)
        return np.where(evidence.lengths > 0, distance, np.nan)

    def _describe(self, evidence: Evidence) -> Estimates:
        settings = self._settings()
        probability = self._probability(evidence)
        summary = summarise(probability, settings.grid)
        raised = {
            Flag.PDF_EDGE: summary.at_edge,
            Flag.FEW_SPECTRA: evidence.lengths < settings.k,
            Flag.OUT_OF_SUPPORT: self._reach(evidence) > settings.far_distance,
        }
        flags = sum(np.where(where, int(flag), 0) for flag, where in raised.items())
        unknown = {name: np.full(len(evidence), np.nan) for name in ARRAYS}
        return Estimates(
            grid=settings.grid,
            probability=probability,
            columns=unknown
            | points_of(summary)
            | {
                "z_flags": np.asarray(flags, dtype=np.int32),
                "z_neighbours": neighbour_redshift(evidence, self._spectra.z, settings.distance_scale),
            },
            quantiles=quantiles(probability, settings.grid, QUANTILE_LEVELS),
            evidence=evidence,
            model_id=self.model_id,
            train_set=self.train_set,
        )


def points_of_all(photoz: KernelPhotoZ) -> FloatArray:
    """Return :data:`index.pdf.POINTS` of every galaxy of a release, shape (N, 9)."""
    return np.concatenate(
        [np.stack([found.columns[name] for name in POINTS], axis=1) for _, found in photoz.blocks()]
    )
