"""The fine structure of a survey's cutouts, small enough to keep for all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from survey.archive import SurveyFolder
from survey.overlaps import between_scales

__all__ = ["fine_planes", "kept_side", "write_planes"]

# Larger cutouts are shrunk by whole blocks: 160 px still hold the structure of a stellar image.
_MOST_PX = 160
# Values are noise over this; what exceeds five times the noise is cut, lest one bright star outweigh all the rest.
_STEPS, _MOST_SIGMA = 25, 5.0
_GAUSSIAN_MAD = 1.4826
_BATCH = 128


def kept_side(side: int) -> int:
    """Return the side in pixels of the planes that are made of cutouts of ``side`` pixels."""
    return side // -(-side // _MOST_PX)


def fine_planes(pixels: NDArray[np.floating], *, is_display: bool) -> NDArray[np.int8]:
    """Return structure between the scales of a star and of a galaxy, in steps of 1/25 of its own noise.

    Parameters
    ----------
    pixels
        Counts of display pictures, or flux, shape (N, C, S, S); NaN where masked.

    Returns
    -------
    NDArray
        Shape (N, C, S', S') with S' of :func:`kept_side`; 0 in a plane without structure.
    """
    values = np.nan_to_num(np.asarray(pixels, dtype=np.float32), posinf=0, neginf=0)
    side = values.shape[-1]
    step, kept = -(-side // _MOST_PX), kept_side(side)
    if step > 1:
        cut = values[..., : kept * step, : kept * step]
        values = cut.reshape(*values.shape[:2], kept, step, kept, step).mean(axis=(3, 5))
    if is_display:
        even = np.sqrt(np.maximum(values, 0))
    else:
        noise = _noise(values)
        even = np.arcsinh(values / np.where(noise > 0, noise, np.inf))
    fine = between_scales(even.astype(np.float32))
    noise = _noise(fine)
    in_noise = fine / np.where(noise > 1e-6, noise, np.inf)
    return np.rint(np.clip(in_noise, -_MOST_SIGMA, _MOST_SIGMA) * _STEPS).astype(np.int8)


def write_planes(
    survey: SurveyFolder, path: Path, *, progress: Callable[[int, int], None]
) -> NDArray[np.int8]:
    """Write the planes of a whole survey to a .npy file and return it, mapped."""
    n = len(survey)
    is_display = survey.info.kind == "display"
    made: np.memmap[tuple[int, ...], np.dtype[np.int8]] | None = None
    for first in range(0, n, _BATCH):
        planes = fine_planes(survey.pixels(slice(first, first + _BATCH))[0], is_display=is_display)
        if made is None:
            made = np.lib.format.open_memmap(path, mode="w+", dtype=np.int8, shape=(n, *planes.shape[1:]))
        made[first : first + len(planes)] = planes
        progress(first + len(planes), n)
    assert made is not None
    made.flush()
    return made


def _noise(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return 1.4826 times the median absolute deviation of each plane, shape (N, C, 1, 1)."""
    flat = values.reshape(*values.shape[:2], -1)
    middle = np.median(flat, axis=-1, keepdims=True)
    return np.asarray(_GAUSSIAN_MAD * np.median(np.abs(flat - middle), axis=-1)[..., None, None], np.float32)
