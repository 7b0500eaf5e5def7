"""Pixels that are not there: missing and constant bands, masks, the edge of the data."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.ndimage import binary_opening, label

from survey.cutout import MaskArray
from survey.defects.look import Look
from survey.defects.verdict import Severity, Verdict

__all__ = ["constant", "masked", "missing_band", "off_edge"]

# The contract refuses a quarter of the centre masked (survey.coverage); below it is a warning.
_MAX_MASKED = 0.25
# A corner that is cut off by a slanted edge counts from this share of the image on.
_MIN_CORNER = 0.02
# Counts of a picture that may be left where there is no data.
_BLACK_COUNTS = 3.0
# A channel whose brightest pixels (one in 500) have less than this share of the other channels' is empty.
_MIN_LIGHT, _TOP_PER_CENT, _MIN_OTHER_COUNTS = 0.25, 99.8, 20.0


def missing_band(look: Look) -> Iterator[Verdict]:
    """Name the bands without a usable pixel that is not 0, and the dark channels of a picture."""
    if look.missing:
        severity: Severity = "warning" if look.names else "bad"
        yield Verdict("missing_band", severity, f"No usable pixel in {', '.join(look.missing)}.")
    elif look.is_display and len(look.names) > 1:
        top = np.percentile(look.flux.reshape(len(look.names), -1), _TOP_PER_CENT, axis=1) - np.minimum(
            look.sky, 0
        )
        dark = int(top.argmin())
        others = float(np.delete(top, dark).min())
        if others >= _MIN_OTHER_COUNTS and top[dark] < _MIN_LIGHT * others:
            yield Verdict(
                "missing_band",
                "warning",
                f"Channel {look.names[dark]} reaches {top[dark]:.0f} counts where the others reach {others:.0f}.",
            )


def constant(look: Look) -> Iterator[Verdict]:
    """Name the bands in which every usable pixel has one value."""
    flat = [
        name
        for plane, use, name in zip(look.flux, look.good, look.names, strict=True)
        if np.ptp(plane[use]) == 0
    ]
    if flat:
        severity: Severity = "bad" if len(flat) == len(look.names) else "warning"
        yield Verdict("constant", severity, f"Every pixel has the same value in {', '.join(flat)}.")


def masked(look: Look) -> Iterator[Verdict]:
    """Measure how much of the central half is masked in the worst band."""
    height, width = look.shape
    centre = look.good[:, height // 4 : height - height // 4, width // 4 : width - width // 4]
    if centre.all():
        return
    share = 1 - centre.mean(axis=(1, 2))
    worst = int(share.argmax())
    severity: Severity = "bad" if share[worst] > _MAX_MASKED else "note"
    yield Verdict(
        "masked",
        severity,
        f"{100 * share[worst]:.1f} % of the central half is masked in {look.names[worst]}.",
    )


def off_edge(look: Look) -> Iterator[Verdict]:
    """Name the sides beyond which there is no data: NaN, no weight, or exact zeros, in all bands."""
    # JPEG leaves a few counts in what was black; in Galaxy Zoo's pictures no line of real sky is as dark all along.
    black = _BLACK_COUNTS if look.is_display else 0
    empty = np.asarray(~(look.good & (np.abs(look.flux) > black)).any(axis=0))
    top, bottom = ("north", "south") if look.is_display else ("south", "north")
    # East is left; rows of a picture run from the top down, those of flux from the bottom up.
    lines = {top: empty[0], bottom: empty[-1], "west": empty[:, -1], "east": empty[:, 0]}
    beyond = [side for side in ("south", "north", "west", "east") if lines[side].all()]
    if len(beyond) == len(lines) and look.is_display:
        # Black all around is how a picture shows its sky, or what was cut out of it; data end on one side, or on three.
        return
    if not beyond and look.is_display:
        empty = np.asarray(~(look.flux != 0).any(axis=0))
    if not beyond and _cuts_corner(empty):
        beyond = ["a corner"]
    share = float(empty.mean())
    if beyond:
        yield Verdict(
            "off_edge",
            "warning",
            f"{100 * share:.0f} % of the image lies beyond the edge of the data ({', '.join(beyond)}).",
        )


def _cuts_corner(empty: MaskArray) -> bool:
    """Whether a solid piece is missing at a corner; dark sky, all zeros here and there, is full of holes."""
    corners = ((0, 0), (0, -1), (-1, 0), (-1, -1))
    if not any(empty[corner] for corner in corners):
        return False
    blocks, _ = label(binary_opening(empty, np.ones((3, 3), np.bool_)))
    sizes = np.bincount(blocks.ravel())
    sizes[0] = 0
    return any(sizes[blocks[corner]] >= _MIN_CORNER * empty.size for corner in corners)
