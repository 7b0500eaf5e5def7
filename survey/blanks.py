"""Pixels that hold a filling instead of a measurement: blocks of exactly one value."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, find_objects, label

from survey.cutout import Cutout, FluxArray, MaskArray
from survey.ingest import IngestReport

__all__ = ["blank_pixels", "without_blanks"]

# Noise repeats a floating-point value in neighbours hardly ever; ten in a block are somebody's filling.
_MIN_BLOCK = 10
# Counts and coarse integers repeat values everywhere: with fewer different values than a quarter of the pixels a block
# says nothing.
_MIN_DIFFERENT = 0.25
# Each costs a pass over the image; nobody fills with more.
_MAX_VALUES = 4
# Full wells share a value too; they are named otherwise (survey.quality).
_BELOW_PEAK = 0.9
# Around a frame of data that was padded the rest is a rectangle; around a galaxy that was cut out along its outline not.
_MIN_RECTANGLE = 0.95


def without_blanks(cutout: Cutout, report: IngestReport) -> Cutout:
    """Mask the fillings of every band (:func:`blank_pixels`) and say so."""
    blank = np.stack(
        [blank_pixels(plane, use) for plane, use in zip(cutout.flux, cutout.good(), strict=True)]
    )
    if not blank.any():
        return cutout
    shares = blank.mean(axis=(1, 2))
    told = ", ".join(
        f"{band.name} {100 * share:.2g} %" for band, share in zip(cutout.bands, shares, strict=True) if share
    )
    report.say("sanity", f"Blocks of one and the same value are no data and masked ({told}).", "masked")
    return replace(cutout, mask=blank if cutout.mask is None else cutout.mask | blank)


def blank_pixels(plane: FluxArray, good: MaskArray) -> MaskArray:
    """Return where blocks of ten or more neighbouring pixels hold one and the same value.

    A block that touches all four sides is left alone unless it frames a rectangle: a galaxy without noise, or one cut out
    along its outline, has zeros for a sky.

    Parameters
    ----------
    plane, good
        Shape (H, W); pixels that are not good may hold anything and belong to no block.
    """
    blank = np.zeros(plane.shape, np.bool_)
    for value in _repeated(plane, good):
        blocks, n_blocks = label(good & (plane == value))
        is_blank = np.bincount(blocks.ravel(), minlength=n_blocks + 1) >= _MIN_BLOCK
        is_blank[0] = False
        for number in _touching_all_sides(blocks):
            is_blank[number] &= _leaves_rectangle(blocks == number, good)
        blank |= is_blank[blocks]
    return blank


def _repeated(plane: FluxArray, good: MaskArray) -> NDArray[np.float32]:
    """Return the values that may fill blocks; none where all values repeat."""
    values, times = np.unique(plane[good], return_counts=True)
    often = times >= _MIN_BLOCK
    if not often.any() or values.size < 2:
        return values[:0]
    others = int(times[~often].sum())
    if (
        np.count_nonzero(~often) <= _MIN_DIFFERENT * max(others, 1)
        or others < np.count_nonzero(often) * _MIN_BLOCK
    ):
        return values[:0]
    fills = often & ((values < _BELOW_PEAK * float(values[-1])) | (values == 0))
    most = np.argsort(times[fills], kind="stable")[-_MAX_VALUES:]
    return np.asarray(values[fills][most])


def _touching_all_sides(blocks: NDArray[Any]) -> list[int]:
    """Return the blocks that touch all four sides; two cannot, without crossing."""
    sides = (blocks[0], blocks[-1], blocks[:, 0], blocks[:, -1])
    return sorted(set.intersection(*(set(np.unique(side).tolist()) for side in sides)) - {0})


def _leaves_rectangle(block: MaskArray, good: MaskArray) -> bool:
    left = np.asarray(binary_fill_holes(good & ~block))
    found = find_objects(left.astype(np.int8))
    return bool(found) and float(left[found[0]].mean()) >= _MIN_RECTANGLE
