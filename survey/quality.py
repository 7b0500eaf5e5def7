"""Named verdicts on what is wrong with a cutout, each from one simple measurement."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from survey.cutout import Cutout
from survey.defects.bad_sky import bad_sky
from survey.defects.blank import blank
from survey.defects.cosmic_rays import cosmic_rays
from survey.defects.gaps import constant, masked, missing_band, off_edge
from survey.defects.look import Look, look_at
from survey.defects.saturation import saturated
from survey.defects.trails import trail
from survey.defects.verdict import DEFECTS, Verdict

__all__ = ["VERDICTS", "Verdict", "assess", "assess_look"]

VERDICTS = DEFECTS

_Detector = Callable[[Look], Iterator[Verdict]]
_OF_GAPS: tuple[_Detector, ...] = (constant, masked, off_edge)
_OF_LIGHT: tuple[_Detector, ...] = (blank, saturated, trail, cosmic_rays, bad_sky)


def assess(cutout: Cutout) -> list[Verdict]:
    """Measure a cutout and name what is wrong with it; an empty list means nothing was found.

    The measurements are simple on purpose: a verdict is a reason to look, its absence no guarantee.
    """
    return assess_look(look_at(cutout))


def assess_look(look: Look) -> list[Verdict]:
    """Judge a cutout that is prepared already; see :func:`assess`."""
    verdicts = list(missing_band(look))
    if not look.names:
        return verdicts
    with np.errstate(all="ignore"):
        for detector in (*_OF_GAPS, *_OF_LIGHT):
            verdicts += detector(look)
    return verdicts
