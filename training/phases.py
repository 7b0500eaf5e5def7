"""How the angular pattern of a galaxy turns from ring to ring: what the moduli of its Fourier transform leave out.

Two galaxies with the same moduli on every ring may be a bar, whose rings are aligned, and a spiral, whose rings are
turned against each other. The product of one ring's transform with another's conjugate keeps that angle and forgets
the galaxy's position angle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.graph_writer import GraphWriter
from training.polar import PolarModuli

__all__ = ["RingPhases"]

# Keeps the quotient defined where a ring has no such order; far below the noise of any image here.
_FLOOR = np.float32(1e-8)

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RingPhases:
    """Cross spectra of pairs of rings, of the mean over bands, by square root of their moduli.

    For order m and rings r and s it is ``X = F_m(r) conj(F_m(s))``, kept as ``Re X / sqrt|X|`` and ``|Im X| / sqrt|X|``.
    A rotation by a multiplies F_m by exp(-i m a) on every ring and leaves X; a reflection conjugates X: neither changes
    what is kept, so that the sense of winding is forgotten, as it must be.

    Attributes
    ----------
    moduli
        Where the rings lie and how they are sampled.
    steps
        Rings between the two of a pair.
    orders
        First and last order taken.
    """

    moduli: PolarModuli
    steps: Sequence[int] = (1, 2, 3, 5)
    orders: tuple[int, int] = (1, 6)

    def __post_init__(self) -> None:
        if not 1 <= self.orders[0] <= self.orders[1] < self.moduli.n_orders:
            raise ValueError(f"orders {self.orders} are not among 1..{self.moduli.n_orders - 1}")
        if not self.steps or min(self.steps) < 1 or max(self.steps) >= self.moduli.n_rings:
            raise ValueError(
                f"steps {tuple(self.steps)} do not lie between 1 and {self.moduli.n_rings - 1} rings"
            )

    @property
    def size(self) -> int:
        """P, numbers in one description."""
        n_orders = self.orders[1] - self.orders[0] + 1
        return 2 * n_orders * sum(self.moduli.n_rings - step for step in self.steps)

    def describe(self, images: Floats) -> Floats:
        """Describe images (N, C, S, S), float32.

        Returns
        -------
        ndarray
            Shape (N, P), float32: for each step the real parts of all pairs, then the imaginary ones; orders fastest.
        """
        real, imaginary = self.moduli.transform(images)
        kept = slice(self.orders[0], self.orders[1] + 1)
        rings = (real.mean(axis=1) + 1j * imaginary.mean(axis=1))[:, :, kept].astype(np.complex64)
        parts = []
        for step in self.steps:
            cross = rings[:, :-step] * np.conj(rings[:, step:])
            root = np.sqrt(np.abs(cross) + _FLOOR)
            parts += [cross.real / root, np.abs(cross.imag) / root]
        return np.concatenate([part.reshape(len(images), -1) for part in parts], axis=1).astype(np.float32)

    def write(self, graph: GraphWriter, real: str, imaginary: str) -> str:
        """Write the same from the transform (N, C, rings, orders); return the name of the description (N, P)."""
        first, last, n_rings = self.orders[0], self.orders[1] + 1, self.moduli.n_rings
        bands = graph.constant(np.array([1], dtype=np.int64))
        x, y = (
            _cut(graph, graph.add("ReduceMean", part, bands, keepdims=0), 2, first, last)
            for part in (real, imaginary)
        )
        floor = graph.constant(np.array(_FLOOR, dtype=np.float32))
        flat = graph.constant(np.array([0, -1], dtype=np.int64))
        parts = []
        for step in self.steps:
            (xa, ya), (xb, yb) = (
                tuple(_cut(graph, part, 1, begin, begin + n_rings - step) for part in (x, y))
                for begin in (0, step)
            )
            cross = graph.add("Add", graph.add("Mul", xa, xb), graph.add("Mul", ya, yb))
            turned = graph.add("Abs", graph.add("Sub", graph.add("Mul", ya, xb), graph.add("Mul", xa, yb)))
            squares = graph.add("Add", graph.add("Mul", cross, cross), graph.add("Mul", turned, turned))
            root = graph.add("Sqrt", graph.add("Add", graph.add("Sqrt", squares), floor))
            parts += [graph.add("Reshape", graph.add("Div", part, root), flat) for part in (cross, turned)]
        return graph.add("Concat", *parts, axis=1)


def _cut(graph: GraphWriter, tensor: str, axis: int, begin: int, end: int) -> str:
    limits = (graph.constant(np.array([limit], dtype=np.int64)) for limit in (begin, end, axis))
    return graph.add("Slice", tensor, *limits)
