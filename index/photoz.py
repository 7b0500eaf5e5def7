"""Redshift distributions from the spectra of a galaxy's nearest neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.estimates import Estimates, Evidence, points_of
from index.evidence import Answer, with_evidence
from index.kernel import KernelSettings, calibrate_kernel, neighbour_weights, sharpened
from index.neighbours import NeighbourGraph
from index.pdf import FloatArray, quantiles, summarise
from index.photoz_calibration import PhotozCalibration
from index.photoz_columns import QUANTILE_LEVELS, Flag
from index.photoz_stored import StoredEstimates
from index.spectroscopic import Spectroscopic
from index.vectors.store import VectorArray, VectorStore

__all__ = ["MIN_SPECTRA", "KernelPhotoZ", "PhotoZUnavailable", "Without"]

MIN_SPECTRA = 50
_BLOCK = 1024
_CALIBRATED = 8000
_TINY = 1e-300


#: Rows that are no evidence: for all images, or for each.
Without = NDArray[np.int64] | Sequence[NDArray[np.int64]] | None


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
    calibration
        Fitted by leave-one-out; None in releases of before there was one, whose estimates are flagged ``uncalibrated``.
    stored
        What :meth:`estimate_rows` reads; without it, it computes.
    unavailable
        Why there are none; None when there are.
    model_id, train_set
        Repeated in every estimate.

    Attributes
    ----------
    reads_images
        That it looks at the embedding alone, not at the pixels.
    """

    reads_images = False

    def __init__(
        self,
        store: VectorStore,
        graph: NeighbourGraph,
        spectroscopic: Spectroscopic,
        *,
        settings: KernelSettings | None,
        calibration: PhotozCalibration | None = None,
        stored: StoredEstimates | None = None,
        unavailable: str | None = None,
        model_id: str = "",
        train_set: str = "",
    ) -> None:
        self.unavailable = unavailable if settings is None else None
        self.settings, self.calibration = settings, calibration
        self.model_id, self.train_set = model_id, train_set
        self._store, self._graph, self._spectra, self._stored = store, graph, spectroscopic, stored
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
        """Choose and calibrate the kernel by leave-one-out on the release itself, or say why there can be none."""
        reason = None
        if is_display:
            reason = "display images carry no calibrated colours"
        elif spectroscopic.n < MIN_SPECTRA:
            reason = (
                f"the survey has {spectroscopic.n} spectroscopic redshifts; at least {MIN_SPECTRA} are needed"
            )
        made = cls(
            store,
            graph,
            spectroscopic,
            settings=None if reason else calibrate_kernel(store, graph, spectroscopic),
            unavailable=reason,
            model_id=model_id,
            train_set=train_set,
        )
        if reason is None:
            made.calibration = made.calibrated()
        return made

    def estimate_images(
        self,
        inputs: NDArray[np.float32] | None,  # noqa: ARG002 - an estimator with a network looks at them
        vectors: VectorArray,
        *,
        without: Without = None,
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
            Rows whose spectra are left out, for all images or one array for each that shows galaxies of the
            release: those of :meth:`index.spectroscopic.Spectroscopic.same_galaxies`.
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
        without: Without = None,
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
        self._settings()
        wanted = np.asarray(rows, dtype=np.int64)
        return self.computed(wanted) if self._stored is None else self._stored.take(wanted)

    def computed(self, rows: NDArray[np.int64]) -> Estimates:
        """Do what :meth:`estimate_rows` does, without looking at what is stored."""
        return self._describe(self._evidence_of(rows))

    def calibrated(self) -> PhotozCalibration:
        """Calibrate on up to 8,000 of the release's galaxies with a spectrum, each estimated without its own."""
        settings, spectra = self._settings(), self._spectra
        spread = np.linspace(0, spectra.n - 1, min(spectra.n, _CALIBRATED)).astype(np.int64)
        rows = spectra.rows[spread]
        evidence = self._evidence_of(rows)
        return PhotozCalibration.fit(
            settings.grid,
            _logits(self._probability(evidence)),
            None,
            self._reach(evidence)[:, None],
            spectra.z[rows],
            # The kernel's sharpening is its temperature, and was chosen by the same loss.
            temperature=1.0,
        )

    def blocks(self) -> Iterator[tuple[slice, Estimates]]:
        """Compute the estimates of every galaxy of the release, block by block.

        Raises
        ------
        PhotoZUnavailable
            If this release cannot give redshifts.
        """
        self._settings()
        for start in range(0, self._spectra.n_rows, _BLOCK):
            block = np.arange(start, min(start + _BLOCK, self._spectra.n_rows))
            yield slice(start, start + len(block)), self.computed(block)

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
        few = np.where(evidence.lengths < settings.k, int(Flag.FEW_SPECTRA), 0)
        return with_evidence(
            settings.grid,
            self._answer(self._probability(evidence), self._reach(evidence)),
            evidence,
            self._spectra.z,
            distance_scale=settings.distance_scale,
            model_id=self.model_id,
            train_set=self.train_set,
        ).with_flags(few)

    def _answer(self, probability: FloatArray, reach: FloatArray) -> Answer:
        settings = self._settings()
        if self.calibration is not None:
            return self.calibration.apply(_logits(probability), None, reach[:, None])
        # A release of before kernels were calibrated: plain intervals, and no chance of being right.
        summary = summarise(probability, settings.grid)
        flags = np.full(len(probability), int(Flag.UNCALIBRATED), np.int32)
        for flag, where in (
            (Flag.PDF_EDGE, summary.at_edge),
            (Flag.OUT_OF_SUPPORT, ~(reach <= settings.far_distance)),
        ):
            flags |= np.where(where, int(flag), 0).astype(np.int32)
        unknown = np.full(len(probability), np.nan)
        columns = {**points_of(summary), "z_conf": unknown, "support_percentile": unknown, "z_flags": flags}
        return probability, columns, quantiles(probability, settings.grid, QUANTILE_LEVELS)


def _logits(probability: FloatArray) -> FloatArray:
    return np.asarray(np.log(np.maximum(probability, _TINY)), dtype=np.float64)
