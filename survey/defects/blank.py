"""Images in which nothing stands out of the noise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.ndimage import uniform_filter

from survey.defects.look import Look
from survey.defects.verdict import Verdict

__all__ = ["blank"]

# Of pure noise the brightest of some 50 independent apertures reaches about 2.5 sigma; 5 is never noise.
_MIN_SIGNIFICANCE, _SIDE = 5.0, 5


def blank(look: Look) -> Iterator[Verdict]:
    """Look for light in sums of 5 × 5 pixels over all bands, in units of their noise."""
    if look.is_display or min(look.shape) < _SIDE:
        return
    total = look.significance.sum(axis=0) / np.float32(np.sqrt(len(look.names)))
    half = _SIDE // 2
    sums = _SIDE * uniform_filter(total, size=_SIDE)[half:-half, half:-half]
    peak = float(sums.max())
    if peak < _MIN_SIGNIFICANCE:
        yield Verdict(
            "blank", "warning", f"Nothing stands out: the brightest 5 × 5 px reach {peak:.1f} sigma."
        )
