"""Cosmic rays: light with sharper edges than the telescope can draw, in one band alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label

from survey.defects.look import Look
from survey.defects.verdict import Verdict
from survey.medians import median, medians

__all__ = ["cosmic_rays", "sharpness"]

# The Laplacian of a pixel, as the height of a lone one, must stand this far out of the noise, and be this many times larger
# than the fine structure of the light around it (van Dokkum 2001, section 3: 4.5 and 2; here no false alarm is wanted).
_SIGMA, _CONTRAST = 7.0, 3.0
_DEEPEST = np.float32(-3.0)
# Median of the same Laplacian of white noise of unit variance.
_MEDIAN_SHARPNESS = 0.211
# What is as sharp in another band, to this share, is a star.
_MAX_ELSEWHERE = 0.35
# A picture has been smoothed by JPEG, and its noise with it: counts; without loss (PNG) its noise is white, and counts as in flux.
_PICTURE_COUNTS, _PICTURE_CONTRAST = 32.0, 2.0
_HALF = 3
# Pixels that are looked at more closely: more are no cosmic rays but an image without a PSF.
_MAX_PIXELS = 300


def cosmic_rays(look: Look) -> Iterator[Verdict]:
    """Count the pixels that only a cosmic ray can have lit, in the band with the most.

    References
    ----------
    van Dokkum 2001, PASP 113, 1420 (edge detection by a Laplacian of the twofold subsampled image).
    """
    if min(look.shape) <= 2 * _HALF:
        return
    struck = _struck(look)
    counts = struck.sum(axis=(1, 2))
    if not counts.any():
        return
    band = int(counts.argmax())
    n_hits = int(label(struck[band], np.ones((3, 3), np.bool_))[1])
    peak = float(look.significance[band][struck[band]].max())
    hits = "a cosmic ray" if n_hits == 1 else f"{n_hits} cosmic rays"
    pixels = "1 pixel" if counts[band] == 1 else f"{counts[band]} pixels"
    verb = "is" if counts[band] == 1 else "are"
    yield Verdict(
        "cosmic_rays",
        "warning",
        f"{pixels} of {look.names[band]} {verb} sharper than the image, up to {peak:.3g} sigma: {hits}.",
    )


def sharpness(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the Laplacian of van Dokkum 2001, equations 5 to 8, shape (C, H, W); a lone pixel comes out as itself.

    Twofold subsampling copies each pixel to four, each of which has two neighbours of its own value and two of the pixels
    beside, so that his kernel gives a quarter of the sum of both differences. Only positive values are kept, and the
    pixel has their mean over the four, here twice that.
    """
    padded = np.pad(planes, ((0, 0), (1, 1), (1, 1)), mode="edge")
    middle = padded[:, 1:-1, 1:-1]
    down, up = middle - padded[:, :-2, 1:-1], middle - padded[:, 2:, 1:-1]
    left, right = middle - padded[:, 1:-1, :-2], middle - padded[:, 1:-1, 2:]
    total = np.maximum(down + left, 0)
    for sum_of_two in (down + right, up + left, up + right):
        total += np.maximum(sum_of_two, 0)
    return np.asarray(total / 8, dtype=np.float32)


def _struck(look: Look) -> NDArray[np.bool_]:
    """Return the pixels hit, shape (C, H, W)."""
    struck = np.zeros(look.flux.shape, dtype=np.bool_)
    if look.is_display:
        planes, contrast = look.flux, _PICTURE_CONTRAST
    else:
        # What lies beside a hole is no sharper for it.
        planes, contrast = np.maximum(look.significance, _DEEPEST), _CONTRAST
    edges = sharpness(planes)
    for band, plane in enumerate(edges):
        if look.is_display:
            least = max(_SIGMA * median(plane) / _MEDIAN_SHARPNESS, _PICTURE_COUNTS)
        else:
            # Noise that is not white, or not that of the frame, is as sharp as it is.
            least = _SIGMA * max(1.0, median(plane) / _MEDIAN_SHARPNESS)
        sharp = plane > least
        # Where pixels are masked, or at the rim, an edge is no cosmic ray.
        if not look.good[band].all():
            sharp &= ~binary_dilation(~look.good[band], np.ones((3, 3), np.bool_), iterations=2)
        sharp[:_HALF] = sharp[-_HALF:] = sharp[:, :_HALF] = sharp[:, -_HALF:] = False
        at = np.flatnonzero(sharp)
        if not 0 < len(at) <= _MAX_PIXELS:
            continue
        if not look.is_display and len(edges) > 1:
            # Most are sharp in all bands: what is told of them below, at the pixel itself.
            there = np.delete(edges.reshape(len(edges), -1)[:, at], band, axis=0).max(axis=0)
            at = at[there < np.maximum(_MAX_ELSEWHERE * plane.ravel()[at], 0.7 * least)]
            if not len(at):
                continue
        excess = plane.ravel()[at] - medians(_windows(plane, at, 2))
        keep = (excess > least) & (excess > contrast * _fine_structure(planes[band], at))
        # JPEG keeps what is sharp in the sum of the channels alone, so that of pictures all have it.
        for other in range(0 if look.is_display else len(edges)):
            if other != band:
                keep &= _windows(edges[other], at, 1).max(axis=1) < np.maximum(
                    _MAX_ELSEWHERE * excess, 0.7 * least
                )
        struck[band].ravel()[at[keep]] = True
    return struck


def _windows(plane: NDArray[np.float32], at: NDArray[np.int64], half: int) -> NDArray[np.float32]:
    """Return the squares around some pixels, none of which is nearer to the rim than ``half``, shape (n, side * side)."""
    y, x = np.divmod(at, plane.shape[1])
    steps = np.arange(-half, half + 1)
    window = plane[(y[:, None] + steps)[:, :, None], (x[:, None] + steps)[:, None, :]]
    return np.asarray(window.reshape(len(at), -1))


def _fine_structure(plane: NDArray[np.float32], at: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return M3 - M7 (van Dokkum 2001, eq. 14, with M7 taken of the pixels themselves), never below a hundredth."""
    return np.maximum(medians(_windows(plane, at, 1)) - medians(_windows(plane, at, _HALF)), 0.01)
