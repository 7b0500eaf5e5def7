"""Whether the bands of a cutout lie on each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import uniform_filter

from survey.cutout import FluxArray, MaskArray

__all__ = ["MAX_SHIFT_PX", "band_shifts"]

# Further off, another source of the field is taken for the galaxy.
MAX_SHIFT_PX = 12
# Only the middle is compared: the galaxy is there, and Fourier transforms of it take a millisecond.
_SIDE_PX = 128
# What is compared must be much alike, much more so after the shift than before it, and stand out of the noise. Of
# 611 galaxies of the demo survey one is then said to be shifted by 2 px or more, and 92 to 95 % of those whose g, r, i
# or z was moved by 5 px are found (48 % for the noisier u).
_MIN_ALIKE, _GAIN, _MIN_SIGNIFICANCE = 0.7, 1.3, 10.0


def band_shifts(flux: FluxArray, good: MaskArray, sigma: NDArray[Any]) -> NDArray[np.float64]:
    """Return by how much each band lies aside of the band that stands out most of its noise.

    The shift is that of the peak of the cross-correlation of all that stands more than three sigma out, so the
    colours inside a galaxy move it by less than a pixel or two.

    Parameters
    ----------
    flux, good
        Shape (C, H, W), sky at zero.
    sigma
        Noise per pixel of each band, shape (C,); a band of noise 0 is not compared.

    Returns
    -------
    ndarray
        (dy, dx) in whole pixels, at most ``MAX_SHIFT_PX``, shape (C, 2); 0 where the bands agree or nothing can
        be told.
    """
    shifts = np.zeros((len(flux), 2))
    noise = np.asarray(sigma, dtype=np.float64)
    # Means over 3 x 3 pixels have a third of the noise.
    middle = _middle(np.where(good, flux, 0))
    smooth = uniform_filter(middle.astype(np.float64), size=(0, 3, 3), mode="constant")
    light = np.where(smooth > noise[:, None, None], smooth, 0.0)
    significance = 3 * light.max(axis=(1, 2)) / np.where(noise > 0, noise, np.inf)
    first = int(significance.argmax())
    shape = [fft.next_fast_len(side + MAX_SHIFT_PX, real=True) for side in light.shape[1:]]
    transforms = fft.rfft2(light, s=shape)
    norms = np.sqrt((light**2).sum(axis=(1, 2)))
    dy, dx = (np.rint(fft.fftfreq(side, 1 / side)) for side in shape)
    far = (np.abs(dy)[:, None] > MAX_SHIFT_PX) | (np.abs(dx)[None, :] > MAX_SHIFT_PX)
    for n in range(len(flux)):
        if n == first or min(significance[n], significance[first]) < _MIN_SIGNIFICANCE:
            continue
        alike = fft.irfft2(transforms[n] * transforms[first].conj(), s=shape) / (norms[n] * norms[first])
        alike[far] = 0
        y, x = np.unravel_index(int(alike.argmax()), alike.shape)
        if alike[y, x] >= max(_MIN_ALIKE, _GAIN * alike[0, 0]):
            shifts[n] = dy[y], dx[x]
    return shifts


def _middle(planes: NDArray[Any]) -> NDArray[Any]:
    """Return the central square of at most 128 pixels."""
    height, width = planes.shape[1:]
    y, x = max(0, (height - _SIDE_PX) // 2), max(0, (width - _SIDE_PX) // 2)
    return planes[:, y : y + _SIDE_PX, x : x + _SIDE_PX]
