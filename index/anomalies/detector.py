"""What an anomaly detector does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from index.anomalies.reference import Placed, Reference

__all__ = ["Detector"]


class Detector(Protocol):
    """Says how odd points are beside a reference sample.

    Attributes
    ----------
    name
        One lower-case word.
    """

    name: ClassVar[str]

    @classmethod
    def fitted(cls, reference: Reference, seed: int) -> Detector:
        """Learn what is usual; the same sample and seed learn the same."""

    @classmethod
    def from_arrays(cls, reference: Reference, arrays: Mapping[str, NDArray[Any]]) -> Detector:
        """Take back what :meth:`to_arrays` gave.

        Raises
        ------
        KeyError, ValueError
            If an array is missing or does not fit.
        """

    def score(self, placed: Placed) -> NDArray[np.float64]:
        """Return the oddity of each point, float64, shape (Q,): larger is odder; no two detectors share a scale."""

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return what was learned beyond the sample itself, as plain arrays by name."""
