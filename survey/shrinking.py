"""Large pictures averaged down to what any model needs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from survey.ingest import Understood

__all__ = ["MAX_DISPLAY_SIDE", "shrink_display"]

#: Ten times the field of any display model.
MAX_DISPLAY_SIDE = 1024


def shrink_display(understood: Understood) -> Understood:
    """Average blocks of pixels until no side is longer than ``MAX_DISPLAY_SIDE``; smaller pictures stay as they are.

    Up to a block less one pixel is cut off about the middle, where the sides are no multiples of the block.
    """
    cutout = understood.cutout
    height, width = cutout.shape
    block = -(-max(height, width) // MAX_DISPLAY_SIDE)
    if block == 1 or min(height, width) < block:
        return understood
    tall, wide = height // block, width // block
    top, left = (height - tall * block) // 2, (width - wide * block) // 2
    middle = cutout.flux[:, top : top + tall * block, left : left + wide * block]
    flux = middle.reshape(len(middle), tall, block, wide, block).mean(axis=(2, 4), dtype=np.float32)
    understood.report.say("grid", f"Averaged down from {width}x{height} to {wide}x{tall} px.")
    scale = None if cutout.pixel_scale_arcsec is None else cutout.pixel_scale_arcsec * block
    small = replace(cutout, flux=flux, ivar=None, mask=None, pixel_scale_arcsec=scale)
    return Understood(small, understood.report)
