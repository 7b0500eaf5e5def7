"""What is measured once on each training galaxy and regressed from its views: how light lies on rings, whatever the angle.

Contrast alone takes long to find shape in a few thousand galaxies; the numbers here hold much of it, and a network that
must tell them from a turned, blurred, noisy view has to look at the galaxy, not at its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from survey.contract import InputContract
from training.fusion import polar_moduli
from training.pca import principal_axes
from training.phases import RingPhases

__all__ = ["DESCRIBED", "DescriptionHead", "describe_inputs"]

_AXES = 48
#: Length of a description: as many principal axes of the moduli as of the phases between rings.
DESCRIBED = 2 * _AXES
# Chosen by the neighbours of the training part (labels of none were trained on): weight of the phases beside the
# moduli, and the powers of the eigenvalues that either is divided by.
_PHASE_WEIGHT = 0.8
_MODULI_POWER, _PHASE_POWER = 0.125, 0.25
_BLOCK = 512

Floats = NDArray[np.float32]


def describe_inputs(contract: InputContract, inputs: Sequence[Floats]) -> list[Floats]:
    """Describe the network inputs of several sources by the axes of the first.

    The first is the one whose neighbours are judged; axes that also follow another processing serve it worse.

    Parameters
    ----------
    inputs
        For each source, unchanged views (n, C, S, S).

    Returns
    -------
    list of ndarray
        For each source (n, :data:`DESCRIBED`), float32, centred by the first source, whose variance sums to 1
        over the axes.
    """
    moduli = polar_moduli(contract)
    phases = RingPhases(moduli)
    counts = [len(part) for part in inputs]
    blocks = [part[n : n + _BLOCK] for part in inputs for n in range(0, len(part), _BLOCK)]
    rings = _axes(np.concatenate([moduli.describe(block) for block in blocks]), counts[0], _MODULI_POWER)
    turns = _axes(np.concatenate([phases.describe(block) for block in blocks]), counts[0], _PHASE_POWER)
    described = np.concatenate([rings, np.float32(_PHASE_WEIGHT) * turns], axis=1)
    described -= described[: counts[0]].mean(axis=0)
    described /= np.sqrt(described[: counts[0]].var(axis=0).sum())
    return np.split(described, np.cumsum(counts)[:-1])


def _axes(numbers: Floats, n_first: int, power: float) -> Floats:
    """Return unit vectors on the principal axes of the first rows, each divided by its variance to the power."""
    principal = principal_axes(numbers[:n_first], n_axes=_AXES, rng=np.random.default_rng(0))
    found = (numbers - principal.mean) @ (principal.axes * principal.explained**-power)
    unit = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
    # Fewer galaxies than axes give fewer axes; the rest is nothing.
    return np.pad(unit, ((0, 0), (0, _AXES - unit.shape[1]))).astype(np.float32)


class DescriptionHead(nn.Module):
    """A linear layer from the trunk to the description."""

    def __init__(self, inside: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inside, DESCRIBED)

    def forward(self, trunk: Tensor, described: Tensor) -> Tensor:
        """Return the share of the description's variance that is not explained (1 for the mean, 0 for all of it)."""
        # In numbers of order one, which a layer's first weights give: else the first steps undo the trunk.
        missed: Tensor = (self.linear(trunk.float()) - DESCRIBED**0.5 * described).square().mean()
        return missed
