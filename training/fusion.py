"""The rotation-invariant description beside a trained vector: what makes a model a hybrid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.contract import InputContract
from training.contracts import RADIUS_ARCSEC
from training.graph_writer import GraphWriter
from training.graphs import embed
from training.pca import PrincipalAxes, principal_axes
from training.polar import PolarModuli

__all__ = ["PolarPart", "fit_polar_part", "joined", "polar_moduli"]

_DIMENSION = 48
# As in training.graphs: an image that is the mean gets a unit vector too.
_NUDGE = 1e-12

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class PolarPart:
    """``polar48`` on another model's network input.

    Attributes
    ----------
    description
        Moduli of the input.
    principal
        Their mean and axes on the training part.
    """

    description: PolarModuli
    principal: PrincipalAxes

    @property
    def dimension(self) -> int:
        """Length of its vector."""
        return int(self.principal.axes.shape[1])

    def vectors(self, inputs: Floats) -> Floats:
        """Turn network inputs (N, C, S, S) into unit vectors (N, K)."""
        return embed(self.description.describe(inputs), self.principal)

    def write(self, graph: GraphWriter) -> str:
        """Write the same from ``images``; return the name of the unit vectors."""
        nodes, constants = self.description.nodes()
        graph.nodes += nodes
        graph.constants += constants
        nudge = np.zeros(self.dimension, dtype=np.float32)
        nudge[0] = _NUDGE
        centred = graph.add("Sub", "description", graph.constant(self.principal.mean.astype(np.float32)))
        projected = graph.add("MatMul", centred, graph.constant(self.principal.axes.astype(np.float32)))
        return graph.normalised(graph.add("Add", projected, graph.constant(nudge)))


def polar_moduli(contract: InputContract) -> PolarModuli:
    """Return the description of a contract's network input: out to 24 arcsec, or to the edge."""
    n_bands, s = len(contract.bands), contract.input_px
    radius_px = (s - 1) / 2
    if contract.pixel_scale_arcsec is not None:
        block = contract.field_px // s if contract.shrink else 1
        radius_px = min(radius_px, RADIUS_ARCSEC / (block * contract.pixel_scale_arcsec))
    return PolarModuli(n_bands=n_bands, input_px=s, radius_px=radius_px)


def fit_polar_part(contract: InputContract, inputs: Floats, rng: np.random.Generator) -> PolarPart:
    """Fit mean and axes on network inputs of the training part, shape (N, C, S, S)."""
    description = polar_moduli(contract)
    blocks = [description.describe(inputs[n : n + 512]) for n in range(0, len(inputs), 512)]
    return PolarPart(description, principal_axes(np.concatenate(blocks), n_axes=_DIMENSION, rng=rng))


def joined(trunk: Floats, polar: Floats, weight: float) -> Floats:
    """Return unit vectors (N, K + L) of two kinds of unit vectors, the second weighted.

    The cosine of two joined vectors is ``(cos_trunk + weight**2 cos_polar) / (1 + weight**2)``.
    """
    both = np.concatenate([trunk, np.float32(weight) * polar], axis=1)
    return np.asarray(both / np.linalg.norm(both, axis=1, keepdims=True), dtype=np.float32)
