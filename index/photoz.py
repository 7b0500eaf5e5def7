"""Redshift distributions from the spectra of a galaxy's nearest neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.kernel import KernelSettings, calibrate_kernel, neighbour_weights, sharpened
from index.neighbours import NeighbourGraph
from index.pdf import POINTS, FloatArray, PDFSummary, summarise
from index.spectroscopic import Spectroscopic
from index.vectors.store import VectorArray, VectorStore

__all__ = ["MIN_SPECTRA", "KernelPhotoZ", "PhotoZ", "PhotoZUnavailable"]

MIN_SPECTRA = 50
_BLOCK = 1024


class PhotoZUnavailable(ValueError):
    """A release that cannot give redshifts; the message is the reason."""


@dataclass(frozen=True, slots=True, eq=False)
class PhotoZ:
    """The redshift distribution of one galaxy.

    Attributes
    ----------
    z_grid
        Bin centres, shape (B,).
    pdf
        Probability density, shape (B,); its sum times the bin width is 1.
    z_best, z_mode, z_mean, z_median, z_l68, z_u68, z_l95, z_u95, z_odds
        See :class:`index.pdf.PDFSummary`.
    n_neighbours
        Spectroscopic neighbours that entered.
    evidence
        (row, similarity, z_spec) of each, nearest first.
    flags
        ``pdf_edge``: probability piles up at an end of the grid; ``few_spectra``: fewer neighbours than
        the kernel wants; ``far_from_spectra``: they are farther than those of 99 % of the catalogue.
    """

    z_grid: FloatArray
    pdf: FloatArray
    z_best: float
    z_mode: float
    z_mean: float
    z_median: float
    z_l68: float
    z_u68: float
    z_l95: float
    z_u95: float
    z_odds: float
    n_neighbours: int
    evidence: list[tuple[int, float, float]]
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Evidence:
    """Spectroscopic neighbours of Q galaxies; columns beyond a galaxy's ``lengths`` have weight 0."""

    rows: NDArray[np.int64]
    similarity: VectorArray
    lengths: NDArray[np.int64]


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
    """

    def __init__(
        self,
        store: VectorStore,
        graph: NeighbourGraph,
        spectroscopic: Spectroscopic,
        *,
        settings: KernelSettings | None,
        unavailable: str | None = None,
    ) -> None:
        self.unavailable = unavailable if settings is None else None
        self.settings = settings
        self._store, self._graph, self._spectra = store, graph, spectroscopic
        self._kernel = None if settings is None else settings.grid.kernel(settings.relative_width)

    @classmethod
    def fitted(
        cls, store: VectorStore, graph: NeighbourGraph, spectroscopic: Spectroscopic, *, is_display: bool
    ) -> KernelPhotoZ:
        """Choose the kernel by leave-one-out on the release itself, or say why there can be none."""
        if is_display:
            reason = "display images carry no calibrated colours"
            return cls(store, graph, spectroscopic, settings=None, unavailable=reason)
        if spectroscopic.n < MIN_SPECTRA:
            reason = (
                f"the survey has {spectroscopic.n} spectroscopic redshifts; at least {MIN_SPECTRA} are needed"
            )
            return cls(store, graph, spectroscopic, settings=None, unavailable=reason)
        return cls(store, graph, spectroscopic, settings=calibrate_kernel(store, graph, spectroscopic))

    def estimate(
        self,
        vector: VectorArray,
        *,
        exclude_row: int | None = None,
        without: NDArray[np.int64] | None = None,
    ) -> PhotoZ:
        """Estimate the redshift of one embedding.

        Parameters
        ----------
        vector
            Unit vector, shape (D,).
        exclude_row
            The galaxy's own row; its spectrum and its siblings' are left out.
        without
            Rows whose spectra are left out, for an image that shows galaxies of the release: those of
            :meth:`index.spectroscopic.Spectroscopic.same_galaxies`.

        Raises
        ------
        PhotoZUnavailable
            If this release cannot give redshifts.
        """
        if exclude_row is not None:
            return self.estimate_rows([exclude_row])[0]
        return self.estimate_many(vector[None], without=without)[0]

    def estimate_many(
        self, vectors: VectorArray, *, without: NDArray[np.int64] | None = None
    ) -> list[PhotoZ]:
        """Estimate redshifts of embeddings of shape (Q, D); see :meth:`estimate`."""
        settings = self._settings()
        rows, similarity = self._spectra.nearest(self._store, vectors, settings.k, without=without)
        return self._describe(_Evidence(rows, similarity, np.full(len(rows), rows.shape[1])))

    def estimate_rows(self, rows: Sequence[int] | NDArray[np.int64]) -> list[PhotoZ]:
        """Estimate redshifts of galaxies of the release, each without its own spectrum."""
        evidence = self._evidence_of(np.asarray(rows, dtype=np.int64))
        return self._describe(evidence)

    def summaries(self) -> Iterator[tuple[slice, PDFSummary]]:
        """Yield the estimates of every galaxy of the release, block by block.

        Raises
        ------
        PhotoZUnavailable
            If this release cannot give redshifts.
        """
        settings = self._settings()
        for start in range(0, self._spectra.n_rows, _BLOCK):
            block = np.arange(start, min(start + _BLOCK, self._spectra.n_rows))
            yield (
                slice(start, start + len(block)),
                summarise(self._probability(self._evidence_of(block)), settings.grid),
            )

    def points(self) -> FloatArray:
        """Return :data:`index.pdf.POINTS` of every galaxy of the release, shape (N, 9)."""
        return np.concatenate(
            [np.stack([getattr(summary, name) for name in POINTS], axis=1) for _, summary in self.summaries()]
        )

    def _settings(self) -> KernelSettings:
        if self.settings is None:
            raise PhotoZUnavailable(self.unavailable or "no redshift model was fitted")
        return self.settings

    def _evidence_of(self, rows: NDArray[np.int64]) -> _Evidence:
        return _Evidence(*self._spectra.nearest_of_rows(self._store, self._graph, rows, self._settings().k))

    def _probability(self, evidence: _Evidence) -> FloatArray:
        settings = self._settings()
        assert self._kernel is not None
        weights = neighbour_weights(evidence.similarity, evidence.lengths, settings.distance_scale)
        z = np.nan_to_num(self._spectra.z[evidence.rows])  # Columns beyond ``lengths`` weigh nothing.
        probability = settings.grid.deposit(z, weights) @ self._kernel
        probability[evidence.lengths == 0] = 1 / settings.n_bins
        return sharpened(probability, settings.sharpening)

    def _describe(self, evidence: _Evidence) -> list[PhotoZ]:
        settings = self._settings()
        probability = self._probability(evidence)
        summary = summarise(probability, settings.grid)
        return [self._photoz(n, probability[n], summary, evidence) for n in range(len(probability))]

    def _photoz(self, n: int, probability: FloatArray, summary: PDFSummary, evidence: _Evidence) -> PhotoZ:
        settings = self._settings()
        length = int(evidence.lengths[n])
        rows, similarity = evidence.rows[n, :length], evidence.similarity[n, :length]
        flags = (
            ("pdf_edge", bool(summary.at_edge[n])),
            ("few_spectra", length < settings.k),
            ("far_from_spectra", length > 0 and float(1 - similarity[-1]) > settings.far_distance),
        )
        return PhotoZ(
            z_grid=settings.grid.centres,
            pdf=probability / settings.grid.width,
            z_best=float(summary.z_best[n]),
            z_mode=float(summary.z_mode[n]),
            z_mean=float(summary.z_mean[n]),
            z_median=float(summary.z_median[n]),
            z_l68=float(summary.z_l68[n]),
            z_u68=float(summary.z_u68[n]),
            z_l95=float(summary.z_l95[n]),
            z_u95=float(summary.z_u95[n]),
            z_odds=float(summary.z_odds[n]),
            n_neighbours=length,
            evidence=[
                (int(r), float(s), float(z))
                for r, s, z in zip(rows, similarity, self._spectra.z[rows], strict=True)
            ],
            flags=tuple(name for name, raised in flags if raised),
        )
