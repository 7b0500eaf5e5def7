"""Plateaus of full wells: the image of a star too bright for its detector."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label

from survey.cutout import MaskArray
from survey.defects.look import Look
from survey.defects.verdict import Verdict

__all__ = ["saturated"]

# The top of a star's image, sampled with at least 2 pixels to the FWHM, has fewer than 6 pixels within 1 % of
# its peak; a plateau of full wells has more.
_PLATEAU_PX, _PLATEAU_DEPTH, _PLATEAU_SIGMA = 9, 0.01, 50.0
# Four pixels that share the peak to a part in 100,000 were clipped there, unless so many of the next brightest share
# their values too: lossy compression leaves few values to share.
_CLIPPED_PX, _CLIPPED_DEPTH, _NEXT_PX = 4, 1e-5, 40
# The resolved core of a galaxy can be as flat, but then it falls slowly; two pixels outside a plateau of full wells a
# star's light has fallen to half (FWHM of 10 px, plateau of radius 5) or less.
_PLATEAU_FALL = 0.8
# Counts of a picture at which it is full. Of 2,500 Galaxy Zoo pictures of galaxies 1 % have 35 such pixels: bright nuclei,
# which fall slowly and stand in the middle; none has 300. A trail is full too, but long.
_FULL_COUNTS, _FULL_PX, _FULL_FALL, _MANY_PX = 250.0, 25, 0.75, 300
_ASIDE, _COMPACT = 0.1, 0.15


def saturated(look: Look) -> Iterator[Verdict]:
    """Name the first band in which a plateau at the peak ends in a steep fall."""
    if look.is_display:
        yield from _in_picture(look)
        return
    for plane, use, signal, name in zip(look.flux, look.good, look.significance, look.names, strict=True):
        if float(signal.max()) <= _PLATEAU_SIGMA:
            continue
        peak = float(plane[use].max())
        top = use & (plane >= (1 - _PLATEAU_DEPTH) * peak)
        plateau = int(np.count_nonzero(top))
        is_flat = plateau >= _PLATEAU_PX or _is_clipped(plane[use], peak)
        if is_flat and _falls(plane, use, top, _PLATEAU_FALL * peak):
            yield Verdict(
                "saturated", "warning", f"{plateau} pixels share the peak value {peak:.4g} in {name}."
            )
            return


def _in_picture(look: Look) -> Iterator[Verdict]:
    brightest = look.flux.max(axis=0)
    full = brightest >= _FULL_COUNTS
    if np.count_nonzero(full) < _FULL_PX:
        return
    blocks, _ = label(full)
    sizes = np.bincount(blocks.ravel())
    sizes[0] = 0
    largest = int(sizes.argmax())
    size = int(sizes[largest])
    if size < _FULL_PX:
        return
    block = blocks == largest
    rows, columns = np.nonzero(block)
    if size < _COMPACT * max(np.ptp(rows), np.ptp(columns)) ** 2:
        return
    side = min(full.shape)
    aside = np.hypot(rows.mean() - (full.shape[0] - 1) / 2, columns.mean() - (full.shape[1] - 1) / 2)
    if (
        aside > _ASIDE * side
        or size >= _MANY_PX
        or _falls(brightest, np.ones_like(full), block, _FULL_FALL * _FULL_COUNTS)
    ):
        yield Verdict("saturated", "warning", f"{size} pixels in one place reach {_FULL_COUNTS:.0f} counts.")


def _is_clipped(values: NDArray[np.float32], peak: float) -> bool:
    """Whether pixels share the peak although their like, somewhat fainter, share nothing."""
    at_peak = values >= (1 - _CLIPPED_DEPTH) * peak
    if np.count_nonzero(at_peak) < _CLIPPED_PX:
        return False
    following = np.sort(values[~at_peak])[-_NEXT_PX:]
    return len(np.unique(following)) == len(following)


def _falls(plane: NDArray[np.float32], use: MaskArray, top: MaskArray, below: float) -> bool:
    """Whether the median two to three pixels outside a plateau lies below a value."""
    around = use & binary_dilation(top, iterations=3) & ~binary_dilation(top)
    return bool(around.any()) and float(np.median(plane[around])) < below
