"""Redshift distributions from a model's own network, set beside the spectra of the nearest neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.estimates import Estimates, Evidence
from index.evidence import Answer, with_evidence
from index.neighbours import NeighbourGraph
from index.pdf import RedshiftGrid
from index.photoz import PhotoZUnavailable, Without
from index.photoz_encoder import PhotozEncoder
from index.photoz_stored import StoredEstimates
from index.spectroscopic import Spectroscopic
from index.vectors.store import VectorArray, VectorStore

__all__ = ["N_EVIDENCE", "NetworkPhotoZ"]

#: Spectroscopic neighbours that are shown beside an estimate, at most.
N_EVIDENCE = 20


class NetworkPhotoZ:
    """Asks the network for p(z), and the spectroscopic neighbours whether they agree.

    The network's p(z) of the release's galaxies was computed when it was built.

    Parameters
    ----------
    stored
        Estimates by row; None while a release is built.
    train_set
        The spectra that the network learnt from.

    Attributes
    ----------
    encoder
        The network, for images; None until it is lent.
    reads_images
        That it looks at the pixels; a kernel looks at the embedding alone.
    """

    unavailable: str | None = None
    reads_images = True

    def __init__(
        self,
        store: VectorStore,
        graph: NeighbourGraph,
        spectroscopic: Spectroscopic,
        *,
        grid: RedshiftGrid,
        stored: StoredEstimates | None = None,
        model_id: str,
        train_set: str,
    ) -> None:
        self.grid = grid
        self.model_id, self.train_set = model_id, train_set
        self.encoder: PhotozEncoder | None = None
        self._store, self._graph, self._spectra, self._stored = store, graph, spectroscopic, stored

    def estimate_rows(self, rows: Sequence[int] | NDArray[np.int64]) -> Estimates:
        """Read the estimates of galaxies of the release; their own spectra are no evidence."""
        assert self._stored is not None, "nothing is stored while a release is built"
        return self._stored.take(np.asarray(rows, dtype=np.int64))

    def estimate_images(
        self,
        inputs: NDArray[np.float32] | None,
        vectors: VectorArray,
        *,
        without: Without = None,
        flags: NDArray[np.integer[Any]] | int | None = None,
    ) -> Estimates:
        """Estimate redshifts of images that are no galaxies of the release.

        Parameters
        ----------
        inputs
            Finished network inputs, shape (Q, C, S, S).
        vectors
            Their embeddings, shape (Q, D), unit norm.
        without, flags
            As for :meth:`index.photoz.KernelPhotoZ.estimate_images`.

        Raises
        ------
        PhotoZUnavailable
            If there are no inputs, or the network was not lent.
        """
        if inputs is None:
            raise PhotoZUnavailable("the redshift network reads images; an embedding alone has no redshift")
        if self.encoder is None:
            raise PhotoZUnavailable("the model's redshift network is not open")
        found = self.encoder.run(inputs)
        answer = self.encoder.calibration.apply(found.logits, found.photometry, found.features)
        rows, similarity = self._spectra.nearest(self._store, vectors, N_EVIDENCE, without=without)
        estimates = self.joined(answer, Evidence(rows, similarity, np.full(len(rows), rows.shape[1])))
        return estimates if flags is None else estimates.with_flags(flags)

    def estimate_many(self, vectors: VectorArray, *, without: Without = None) -> Estimates:
        """Raise PhotoZUnavailable: see :meth:`estimate_images`."""
        return self.estimate_images(None, vectors, without=without)

    def of_rows(self, answer: Answer, rows: NDArray[np.int64]) -> Estimates:
        """Set the evidence of galaxies of the release beside what the network says of them."""
        evidence = Evidence(*self._spectra.nearest_of_rows(self._store, self._graph, rows, N_EVIDENCE))
        return self.joined(answer, evidence)

    def joined(self, answer: Answer, evidence: Evidence) -> Estimates:
        """Return estimates with the neighbours' redshift and whether it contradicts."""
        return with_evidence(
            self.grid,
            answer,
            evidence,
            self._spectra.z,
            model_id=self.model_id,
            train_set=self.train_set,
        )
