"""Training galaxies as a worse seeing or a greater distance would show them: what an estimate must not be trusted for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from survey.contract import InputContract
from training.augment.flux import WorsenPSF
from training.augment.recipe import Views
from training.photoz_data import Part
from training.photoz_prediction import batches_of

__all__ = ["BOTH_SIDES", "DEGRADATIONS", "degraded_inputs"]

# An ordinary seeing of 1.3 arcsec is a Gaussian of 0.55 arcsec.
_PSF_SIGMA_ARCSEC = 0.55
# Up to twice the seeing; dimmer by 0.5 to 2 magnitudes.
_WORST_SEEING, _LEAST_MAG, _MOST_MAG = 2.0, 0.5, 2.0


def degraded_inputs(part: Part, kind: str, *, seed: int = 0) -> NDArray[np.float32]:
    """Return network inputs (n, C, S, S) of stored fields after a degradation.

    Parameters
    ----------
    kind
        A name of :data:`DEGRADATIONS`.
    """
    change = DEGRADATIONS[kind](part.contract)
    generator = torch.Generator().manual_seed(seed)
    views = Views(part.contract, ())
    made = [
        views.plain(change(part.fields(some).float(), generator)).numpy() for some in batches_of(len(part))
    ]
    return np.concatenate(made)


Change = Callable[[Tensor, torch.Generator], Tensor]


def _blurred(contract: InputContract) -> Change:
    """Smear to a seeing drawn between its own and twice as wide."""
    scale = contract.pixel_scale_arcsec
    assert scale is not None, "linear flux has a pixel scale"
    sigma = _PSF_SIGMA_ARCSEC / scale
    return WorsenPSF(sigma_px=(sigma,) * len(contract.bands), worst=_WORST_SEEING, probability=1.0)


def _dimmed(contract: InputContract) -> Change:
    """Take light away, and give back the sky noise that went with it."""
    noise = torch.tensor(contract.softening).view(1, -1, 1, 1)

    def dim(fields: Tensor, generator: torch.Generator) -> Tensor:
        draw = torch.rand(len(fields), 1, 1, 1, generator=generator)
        share = 10 ** (-0.4 * (_LEAST_MAG + (_MOST_MAG - _LEAST_MAG) * draw))
        lost = torch.randn(fields.shape, generator=generator)
        return share * fields + noise * torch.sqrt(1 - share**2) * lost

    return dim


#: By name; the contract's softening is the noise of a pixel.
DEGRADATIONS: dict[str, Callable[[InputContract], Change]] = {"blurred": _blurred, "dimmed": _dimmed}
#: Of these the opposite, a sharper image than any, is as strange; a brighter galaxy is not.
BOTH_SIDES = frozenset({"blurred"})
