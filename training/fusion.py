"""The rotation-invariant description beside a trained vector: what makes a model a hybrid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.contract import InputContract
from training.contracts import RADIUS_ARCSEC
from training.discriminant import discriminant_axes
from training.graph_writer import GraphWriter
from training.graphs import embed, write_embedding
from training.pca import PrincipalAxes, principal_axes
from training.phases import RingPhases
from training.polar import PolarModuli

__all__ = ["RingPart", "fit_ring_part", "joined", "polar_moduli"]

_DIMENSION = 48
# Chosen by the neighbours of gz1's training and validation parts (purity@10 0.685 of the moduli as polar48 has them, 0.706
# with principal axes of the phases, 0.722 with axes that views leave alone; those axes did not help the moduli): powers
# that principal axes are divided by and others multiplied by, and the weight of the phases beside the moduli.
_MODULI_POWER, _PHASE_POWER = 0.125, 0.25
_PHASE_WEIGHT, _STEADY_WEIGHT = 0.8, 1.1
_STEADY_DIMENSION = 32
_BLOCK = 512

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class RingPart:
    """Moduli on rings, as in ``polar48``, and phases between rings, on a network's input.

    Attributes
    ----------
    phases
        With the moduli whose rings they compare.
    moduli_axes, phase_axes
        Mean and axes of either on the training part, already scaled.
    weight
        Of the phases beside the moduli.
    is_steady
        Whether the axes of the phases are those that views leave alone (:mod:`training.discriminant`).
    """

    phases: RingPhases
    moduli_axes: PrincipalAxes
    phase_axes: PrincipalAxes
    weight: float
    is_steady: bool

    @property
    def dimension(self) -> int:
        """Length of its vector."""
        return int(self.moduli_axes.axes.shape[1] + self.phase_axes.axes.shape[1])

    def settings(self) -> dict[str, object]:
        """Return what the model card says about it."""
        return {
            **self.phases.moduli.settings(),
            "moduli_power": _MODULI_POWER,
            "phases": {
                "steps": list(self.phases.steps),
                "orders": list(self.phases.orders),
                "axes": "discriminant between galaxies and views" if self.is_steady else "principal",
                "power": _PHASE_POWER,
                "weight": self.weight,
            },
        }

    def vectors(self, inputs: Floats) -> Floats:
        """Turn network inputs (N, C, S, S) into unit vectors (N, K)."""
        return joined(
            self.moduli_vectors(inputs), embed(self.phases.describe(inputs), self.phase_axes), self.weight
        )

    def moduli_vectors(self, inputs: Floats) -> Floats:
        """Return the moduli's part alone, unit vectors (N, 48)."""
        return embed(self.phases.moduli.describe(inputs), self.moduli_axes)

    def write(self, graph: GraphWriter) -> str:
        """Write the same from ``images``; return the name of the unit vectors."""
        nodes, constants = self.phases.moduli.nodes()
        graph.nodes += nodes
        graph.constants += constants
        moduli = write_embedding(graph, "description", self.moduli_axes)
        phases = write_embedding(graph, self.phases.write(graph, "real", "imaginary"), self.phase_axes)
        weight = graph.constant(np.array(self.weight, dtype=np.float32))
        return graph.normalised(graph.add("Concat", moduli, graph.add("Mul", phases, weight), axis=1))


def polar_moduli(contract: InputContract) -> PolarModuli:
    """Return the description of a contract's network input: out to 24 arcsec, or to the edge."""
    n_bands, s = len(contract.bands), contract.input_px
    radius_px = (s - 1) / 2
    if contract.pixel_scale_arcsec is not None:
        block = contract.field_px // s if contract.shrink else 1
        radius_px = min(radius_px, RADIUS_ARCSEC / (block * contract.pixel_scale_arcsec))
    return PolarModuli(n_bands=n_bands, input_px=s, radius_px=radius_px)


def fit_ring_part(
    contract: InputContract,
    inputs: Floats,
    rng: np.random.Generator,
    *,
    views: tuple[Floats, Floats] | None = None,
) -> RingPart:
    """Fit means and axes on network inputs of the training part.

    Parameters
    ----------
    inputs
        Unchanged, shape (N, C, S, S).
    views
        Two random views of each, in the same order: the phases then keep what tells galaxies apart beyond the difference
        of two views. Without them, principal axes.
    """
    phases = RingPhases(polar_moduli(contract))
    moduli = principal_axes(_over(phases.moduli.describe, inputs), n_axes=_DIMENSION, rng=rng)
    moduli = PrincipalAxes(moduli.mean, moduli.axes * moduli.explained**-_MODULI_POWER, moduli.explained)
    described = _over(phases.describe, inputs)
    if views is None:
        found = principal_axes(described, n_axes=_DIMENSION, rng=rng)
        found = PrincipalAxes(found.mean, found.axes * found.explained**-_PHASE_POWER, found.explained)
        return RingPart(phases, moduli, found, _PHASE_WEIGHT, is_steady=False)
    first, second = (_over(phases.describe, view) for view in views)
    found = discriminant_axes(described, (first, second), n_axes=_STEADY_DIMENSION, power=_PHASE_POWER)
    return RingPart(phases, moduli, found, _STEADY_WEIGHT, is_steady=True)


def joined(first: Floats, second: Floats, weight: float) -> Floats:
    """Return unit vectors (N, K + L) of two kinds of unit vectors, the second weighted.

    The cosine of two joined vectors is ``(cos_first + weight**2 cos_second) / (1 + weight**2)``.
    """
    both = np.concatenate([first, np.float32(weight) * second], axis=1)
    return np.asarray(both / np.linalg.norm(both, axis=1, keepdims=True), dtype=np.float32)


def _over(describe: Callable[[Floats], Floats], inputs: Floats) -> Floats:
    return np.concatenate([describe(inputs[n : n + _BLOCK]) for n in range(0, len(inputs), _BLOCK)])
