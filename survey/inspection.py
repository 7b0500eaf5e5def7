"""All that a look at the pixels of one cutout tells: its defects, and what lies beside the target."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from survey.blends import Blend, blend_in
from survey.cutout import Cutout
from survey.defects.look import look_at
from survey.defects.verdict import Verdict
from survey.quality import assess_look

__all__ = ["RULES", "Inspection", "inspect"]

#: Version of the rules: what older ones found is looked for again.
RULES = 1
_MAX_SIDE = 512


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in a cutout.

    Attributes
    ----------
    defects
        In the order of :data:`survey.defects.verdict.DEFECTS`, each once at most.
    blend
        What lies beside the target.
    """

    defects: tuple[Verdict, ...]
    blend: Blend

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the defects, sorted."""
        return tuple(sorted(verdict.name for verdict in self.defects))


def inspect(cutout: Cutout) -> Inspection:
    """Look for defects and neighbours in a cutout of flux or of display counts; nothing is raised for any pixels.

    Of an image larger than 512 pixels a side the middle is looked at: 0.1 s for five bands.
    """
    look = look_at(_middle(cutout))
    return Inspection(tuple(assess_look(look)), blend_in(look))


def _middle(cutout: Cutout) -> Cutout:
    height, width = cutout.shape
    if max(height, width) <= _MAX_SIDE:
        return cutout
    top, left = max(0, (height - _MAX_SIDE) // 2), max(0, (width - _MAX_SIDE) // 2)
    window = np.s_[:, top : height - top, left : width - left]
    return replace(
        cutout,
        flux=cutout.flux[window],
        ivar=None if cutout.ivar is None else cutout.ivar[window],
        mask=None if cutout.mask is None else cutout.mask[window],
    )
