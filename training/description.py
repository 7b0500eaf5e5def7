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
from training.fusion import fit_ring_part

__all__ = ["DESCRIBED", "DescriptionHead", "describe_inputs"]

_BLOCK = 512
#: Length of a description.
DESCRIBED = 96

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
    part = fit_ring_part(contract, inputs[0], np.random.default_rng(0))
    vectors = [
        np.concatenate([part.vectors(source[n : n + _BLOCK]) for n in range(0, len(source), _BLOCK)])
        for source in inputs
    ]
    mean = vectors[0].mean(axis=0)
    scale = np.sqrt(vectors[0].var(axis=0).sum())
    # A few galaxies have fewer axes; the rest is nothing.
    missing = ((0, 0), (0, DESCRIBED - part.dimension))
    return [np.pad((source - mean) / scale, missing).astype(np.float32) for source in vectors]


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
