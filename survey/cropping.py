"""Large images cut down to what any model looks at."""

from __future__ import annotations

import math
from dataclasses import replace

from survey.ingest import Understood

__all__ = ["crop_to_field"]

# Holes are filled from two pixels around them, and scales within half a per cent count as equal.
_MARGIN_PX = 16
# Whatever the file says of its scale: fewer pixels are not worth cutting off.
_LEAST_PX = 128


def crop_to_field(understood: Understood, field_arcsec: float) -> Understood:
    """Cut the same from both sides, so that the target stays in the middle, down to a field with a margin.

    An image of unknown scale stays as it is, and so does a picture: models read those whole.

    Parameters
    ----------
    field_arcsec
        Side of the largest field that a model reads.
    """
    cutout = understood.cutout
    if cutout.pixel_scale_arcsec is None or cutout.bands.is_display:
        return understood
    wanted = max(_LEAST_PX, math.ceil(field_arcsec / cutout.pixel_scale_arcsec) + 2 * _MARGIN_PX)
    height, width = cutout.shape
    top, left = max(0, height - wanted) // 2, max(0, width - wanted) // 2
    if not (top or left):
        return understood
    window = (slice(None), slice(top, height - top), slice(left, width - left))
    small = replace(
        cutout,
        flux=cutout.flux[window],
        ivar=None if cutout.ivar is None else cutout.ivar[window],
        mask=None if cutout.mask is None else cutout.mask[window],
    )
    tall, wide = small.shape
    understood.report.say(
        "grid",
        f"Cropped from {width}x{height} to {wide}x{tall} px around the target: no model looks farther.",
    )
    return Understood(small, understood.report)
