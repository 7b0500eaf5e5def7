"""The anomaly model of a release: detectors, and the frozen sample they are calibrated on."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from index.anomalies.density import Density
from index.anomalies.detector import Detector
from index.anomalies.forest import IsolationForest
from index.anomalies.lof import LocalOutlierFactor
from index.anomalies.reference import Reference
from index.anomalies.skops_file import Arrays, read_skops, write_skops
from index.anomalies.tail import Tail
from index.anomalies.whitening import Whitening
from survey.manifests import CorruptFolder

__all__ = ["ANOMALIES", "DEFAULT", "DETECTORS", "MAX_REFERENCE", "AnomalyModel", "Normal", "Scored"]

#: The file of a release; releases of before format 5 have none.
ANOMALIES = "anomalies.skops"
#: Galaxies of a reference sample at most.
MAX_REFERENCE = 20_000
DETECTORS: Final[tuple[type[Detector], ...]] = (IsolationForest, LocalOutlierFactor, Density)
#: By measurement on the demo survey: docs/decisions/0020-frozen-anomaly-reference.md.
DEFAULT = Density.name
_FORMAT = 1
# Galaxies scored together: their neighbours' coordinates, and their way through all trees, take some 50 MB.
_BLOCK = 1024
# What scores less than one reference galaxy in twenty is normal.
_NORMAL = 0.05

_Vectors = NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Oddity of some galaxies by every detector.

    Attributes
    ----------
    raw
        By detector's name, float64, shape (Q,): larger is odder; no two detectors share a scale.
    p
        Tail probability by detector's name: the share of galaxies like the reference sample that score at least so
        high, float64 in (0, 1], shape (Q,).
    """

    raw: dict[str, NDArray[np.float64]]
    p: dict[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True, eq=False)
class Normal:
    """The nearest galaxies of the reference sample that are not odd.

    Attributes
    ----------
    ids
        Nearest first. A later release may have withdrawn one.
    similarity
        Cosine in the space that is searched, float32.
    """

    ids: tuple[str, ...]
    similarity: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """A detector with the scores of the reference sample."""

    detector: Detector
    tail: Tail


@dataclass(frozen=True, eq=False)
class AnomalyModel:
    """Scores galaxies against a frozen sample of the catalogue that it was fitted to.

    A score depends on the galaxy's vector and on this model alone, never on what else a catalogue holds. Vectors are those
    that a release searches, rounded as it stores them (:meth:`index.release.Release.as_stored`).

    Attributes
    ----------
    reference_ids
        Object ids of the sample.
    reference
        Its vectors as they were stored, shape (n, D).
    is_normal
        Which of the sample the default detector does not count among its oddest twentieth, shape (n,).
    whitening, sample
        What turns vectors into points, and the sample as such.
    parts
        The detectors.
    seed
        Of the sample and the forest.
    """

    reference_ids: tuple[str, ...]
    reference: _Vectors
    is_normal: NDArray[np.bool_]
    whitening: Whitening
    sample: Reference
    parts: tuple[Calibrated, ...]
    seed: int

    @classmethod
    def fitted(cls, ids: Sequence[str], vectors: _Vectors, *, seed: int) -> AnomalyModel:
        """Fit every detector to a reference sample, and calibrate it on the same.

        Parameters
        ----------
        ids, vectors
            Of the sample: object ids and unit vectors as a release stores them, shape (n, D).
        """
        whitening = Whitening.fitted(vectors)
        sample = Reference(whitening(vectors))
        parts, p = [], {}
        for kind in DETECTORS:
            detector = kind.fitted(sample, seed)
            scores = detector.score(sample.itself)
            parts.append(Calibrated(detector, Tail.fitted(scores)))
            p[kind.name] = parts[-1].tail.probability(scores)
        return cls(tuple(ids), vectors, p[DEFAULT] >= _NORMAL, whitening, sample, tuple(parts), seed)

    @property
    def detectors(self) -> tuple[str, ...]:
        """Names of the detectors."""
        return tuple(part.detector.name for part in self.parts)

    @property
    def default(self) -> str:
        """The detector that ranks, and whose tail probability is the column ``anomaly_p``."""
        return DEFAULT

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self.reference.shape[1])

    @property
    def n(self) -> int:
        """Galaxies of the sample."""
        return len(self.reference_ids)

    def score(
        self, vectors: _Vectors, *, threads: int = 0, progress: Callable[[int], None] | None = None
    ) -> Scored:
        """Score embeddings, block by block.

        Parameters
        ----------
        vectors
            As a release stores them, shape (Q, D).
        threads
            Blocks scored at once; 0 means as many as there are cores.
        progress
            Told how many are done.
        """
        raw = {name: np.empty(len(vectors)) for name in self.detectors}

        def score(start: int) -> int:
            block = slice(start, start + _BLOCK)
            placed = self.sample.place(self.whitening(vectors[block]))
            for part in self.parts:
                raw[part.detector.name][block] = part.detector.score(placed)
            return min(start + _BLOCK, len(vectors))

        starts = range(0, len(vectors), _BLOCK)
        with ThreadPoolExecutor(min(threads or os.cpu_count() or 1, max(1, len(starts)))) as pool:
            for done in pool.map(score, starts):
                if progress is not None:
                    progress(done)
        tails = {part.detector.name: part.tail for part in self.parts}
        return Scored(raw, {name: tails[name].probability(scores) for name, scores in raw.items()})

    def nearest_normal(self, vector: _Vectors, k: int) -> Normal:
        """Return the k galaxies of the sample that are most like one and are not odd, itself left out.

        Parameters
        ----------
        vector
            Shape (D,).
        """
        similarity = self.reference.astype(np.float64) @ vector.astype(np.float64)
        apart = self.sample.points - self.whitening(vector[None])
        is_other = np.einsum("nd,nd->n", apart, apart) > 1e-8
        rows = np.flatnonzero(is_other & self.is_normal)
        rows = rows[np.argsort(-similarity[rows], kind="stable")[:k]]
        return Normal(tuple(self.reference_ids[row] for row in rows), similarity[rows].astype(np.float32))

    def save(self, folder: Path) -> None:
        """Write the model into a release's folder."""
        arrays: Arrays = {
            "format": np.array(_FORMAT),
            "seed": np.array(self.seed),
            "ids": np.array(self.reference_ids, dtype=np.str_),
            "reference": self.reference,
            "mean": self.whitening.mean,
            "axes": self.whitening.axes,
            "normal": self.is_normal,
        }
        for part in self.parts:
            tail = {f"tail_{name}": array for name, array in part.tail.to_arrays().items()}
            named = {**part.detector.to_arrays(), **tail}
            arrays |= {f"{part.detector.name}_{name}": array for name, array in named.items()}
        write_skops(folder / ANOMALIES, arrays)

    @classmethod
    def open(cls, folder: Path) -> AnomalyModel:
        """Read what :meth:`save` wrote.

        Raises
        ------
        CorruptFolder
            If the file cannot be read, holds anything but plain arrays, or a later version wrote it.
        """
        arrays = read_skops(folder / ANOMALIES)
        try:
            return cls._from_arrays(arrays)
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise CorruptFolder(
                f"{ANOMALIES} does not fit this version ({error}); build the release again"
            ) from error

    @classmethod
    def _from_arrays(cls, arrays: Arrays) -> AnomalyModel:
        if int(arrays["format"]) != _FORMAT:
            raise ValueError(f"format {arrays['format']}")
        reference, ids = arrays["reference"], tuple(arrays["ids"].tolist())
        is_normal = arrays["normal"].astype(np.bool_)
        whitening = Whitening(arrays["mean"].astype(np.float64), arrays["axes"].astype(np.float64))
        if reference.shape != (len(ids), len(whitening.mean)) or is_normal.shape != (len(ids),):
            raise ValueError(f"{len(ids)} ids of {len(reference)} vectors")
        sample = Reference(whitening(reference))
        parts = []
        for kind in DETECTORS:
            own = {n.removeprefix(f"{kind.name}_"): a for n, a in arrays.items() if n.startswith(kind.name)}
            tail = {n.removeprefix("tail_"): a for n, a in own.items() if n.startswith("tail_")}
            parts.append(Calibrated(kind.from_arrays(sample, own), Tail.from_arrays(tail)))
        return cls(ids, reference, is_normal, whitening, sample, tuple(parts), int(arrays["seed"]))
