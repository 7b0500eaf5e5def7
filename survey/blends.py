"""Other sources in a cutout, and how much they matter beside the target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter, label

from survey.cutout import Cutout
from survey.deblending import part_sources
from survey.defects.look import GAUSSIAN_MAD, Look, look_at
from survey.medians import median

__all__ = ["NO_BLEND", "Blend", "blend_in", "measure_blend"]

# The detection image is smoothed to what stars look like (FWHM 2.4 px).
_SMOOTH_PX, _MIN_SIDE = 1.0, 16
# The brightest peak this near the middle is the target's.
_TARGET_PX = 4.0
# A neighbour matters by its share of light, and half as much at this many pixels from the target (4 arcsec for SDSS).
_REACH_PX = 10.0
# Light without a counterpart across the peak: looked for this far, not next to the peak, as a share of what is there and in
# noise.
_ASYMMETRY_PX, _CORE_PX, _LUMP_SHARE, _LUMP_SIGMA = 20, 2.5, 0.4, 7.0
# Larger images are binned: the sources that matter are many pixels wide there.
_MAX_SIDE = 160


@dataclass(frozen=True, slots=True)
class Blend:
    """The sources beside the target, and the one that matters most.

    Attributes
    ----------
    n_neighbours
        Sources that stand out beside the target.
    influence
        The largest over all neighbours of flux ratio times nearness, 0 without any; nearness is 1 on the target, a half at
        10 px.
    flux_ratio
        Light of the one that matters most over the target's; None without any.
    separation_px, separation_arcsec
        Its distance from the target; None without any, in arcsec also where pixels have no scale.
    overlap
        Share of its outline that touches the target's light, 0 to 1; None without any.
    """

    n_neighbours: int
    influence: float
    flux_ratio: float | None = None
    separation_px: float | None = None
    separation_arcsec: float | None = None
    overlap: float | None = None


#: What a cutout without neighbours has.
NO_BLEND = Blend(0, 0.0)


def measure_blend(cutout: Cutout) -> Blend:
    """Look for sources beside the target; nothing is raised for any pixels."""
    return blend_in(look_at(cutout))


def blend_in(look: Look) -> Blend:
    """Look for sources beside the target of a cutout that is prepared already.

    Light of all bands, each in units of its noise, is smoothed and parted into sources (:mod:`survey.deblending`); a lump
    of the target's own light without a counterpart across its peak counts as one too.
    """
    if not look.names or min(look.shape) < _MIN_SIDE:
        return NO_BLEND
    image, block = _detection(look)
    smooth = gaussian_filter(image, _SMOOTH_PX)
    noise = _noise(smooth)
    if not noise > 0:
        return NO_BLEND
    smooth /= noise
    sources = part_sources(smooth)
    target = _target(smooth, sources)
    flux = np.bincount(sources.ravel(), weights=image.ravel())
    if not target or not flux[target] > 0:
        return NO_BLEND
    here = _peak(smooth, sources, target)
    found = []
    for number in np.unique(sources[sources > 0]).tolist():
        if number != target:
            away = np.subtract(_peak(smooth, sources, number), here)
            ratio = max(0.0, float(flux[number] / flux[target]))
            found.append(_Neighbour(ratio, block * float(np.hypot(*away)), number))
    hidden = _hidden(smooth, sources, target, here)
    if hidden is not None:
        found.append(_Neighbour(hidden[0], block * hidden[1], None))
    if not found:
        return NO_BLEND
    chief = max(found, key=lambda one: one.influence)
    scale = look.pixel_scale_arcsec
    return Blend(
        n_neighbours=len(found),
        influence=round(chief.influence, 5),
        flux_ratio=round(chief.flux_ratio, 5),
        separation_px=round(chief.separation_px, 2),
        separation_arcsec=None if scale is None else round(scale * chief.separation_px, 2),
        overlap=1.0 if chief.number is None else round(_overlap(sources, chief.number, target), 3),
    )


@dataclass(frozen=True, slots=True)
class _Neighbour:
    """A source beside the target, with its number in the segmentation; None for light that was not parted from it."""

    flux_ratio: float
    separation_px: float
    number: int | None

    @property
    def influence(self) -> float:
        return self.flux_ratio / (1 + (self.separation_px / _REACH_PX) ** 2)


def _hidden(
    smooth: NDArray[np.float32], sources: NDArray[np.int64], target: int, peak: tuple[int, int]
) -> tuple[float, float] | None:
    """Return light ratio and distance of a lump in the target's light that has no counterpart across its peak.

    A galaxy looks the same turned by half, its spiral arms too; what is left of its light after that is taken off is a
    companion that has no peak of its own, or a galaxy that is disturbed (rotational asymmetry: Conselice 2003, ApJS 147,
    1).
    """
    spans = [_span(centre, side) for centre, side in zip(_centre(smooth, peak), smooth.shape, strict=True)]
    if min(stop - start for start, stop in spans) < 2 * _CORE_PX + 4:
        return None
    window = tuple(slice(*span) for span in spans)
    light, own = smooth[window], sources[window] == target
    excess = light - light[::-1, ::-1]
    y, x = np.ogrid[: light.shape[0], : light.shape[1]]
    distance = np.hypot(y - (light.shape[0] - 1) / 2, x - (light.shape[1] - 1) / 2)
    # Next to the peak a fraction of a pixel makes a difference.
    lump = own & (excess > np.maximum(_LUMP_SHARE * light, _LUMP_SIGMA)) & (distance > _CORE_PX)
    blocks, n_blocks = label(lump)
    if not n_blocks:
        return None
    sums = np.bincount(blocks.ravel(), weights=(excess * lump).ravel())
    largest = int(sums[1:].argmax()) + 1
    rest = float(light[own].sum()) - float(sums[largest])
    if not rest > 0:
        return None
    inside = blocks == largest
    return float(sums[largest]) / rest, float(np.average(distance[inside], weights=excess[inside]))


def _centre(smooth: NDArray[np.float32], peak: tuple[int, int]) -> list[int]:
    """Return twice the place of a peak, rounded: an image turns about pixels and their edges.

    The place is that of the parabola through the logarithms of the peak and of two pixels to either side.
    """
    centres = []
    for axis, at in enumerate(peak):
        line = np.take(smooth, peak[1 - axis], axis=1 - axis)
        low, middle, high = np.log(np.maximum(line[[max(0, at - 2), at, min(len(line) - 1, at + 2)]], 1e-3))
        bend = low - 2 * middle + high
        centres.append(round(2 * at + 2 * float(np.clip((low - high) / bend, -1, 1)) if bend < 0 else 2 * at))
    return centres


def _span(centre: int, side: int) -> tuple[int, int]:
    """Return the widest range of pixels around half of ``centre`` that the image and the reach of the search hold."""
    start = max(0, centre - (side - 1), -(-centre // 2) - _ASYMMETRY_PX)
    return start, centre - start + 1


def _detection(look: Look) -> tuple[NDArray[np.float32], int]:
    """Return the light of all bands over its noise, shape (H, W), and by how much it was binned."""
    if look.is_display:
        image = look.flux.mean(axis=0) - np.float32(look.sky.mean())
    else:
        image = look.significance.sum(axis=0) / np.float32(np.sqrt(len(look.names)))
    block = -(-max(look.shape) // _MAX_SIDE)
    if block > 1:
        rows, columns = image.shape[0] // block, image.shape[1] // block
        blocks = image[: rows * block, : columns * block].reshape(rows, block, columns, block)
        image = blocks.mean(axis=(1, 3))
    return np.nan_to_num(image, posinf=0.0, neginf=0.0), block


def _noise(smooth: NDArray[np.float32]) -> float:
    """Return the noise of the fainter half of the pixels, which is sky."""
    low = smooth[smooth <= median(smooth)]
    return GAUSSIAN_MAD * median(np.abs(low - low.max())) if low.size else 0.0


def _target(smooth: NDArray[np.float32], sources: NDArray[np.int64]) -> int:
    """Return the number of the source whose light is brightest near the middle; 0 if there is none."""
    y, x = np.ogrid[: smooth.shape[0], : smooth.shape[1]]
    distance = np.hypot(y - (smooth.shape[0] - 1) / 2, x - (smooth.shape[1] - 1) / 2)
    near = np.where((distance <= _TARGET_PX) & (sources > 0), smooth, -np.inf)
    at = int(near.argmax())
    return int(sources.ravel()[at]) if np.isfinite(near.ravel()[at]) else 0


def _peak(smooth: NDArray[np.float32], sources: NDArray[np.int64], number: int) -> tuple[int, int]:
    at = int(np.where(sources == number, smooth, -np.inf).argmax())
    row, column = divmod(at, smooth.shape[1])
    return row, column


def _overlap(sources: NDArray[np.int64], neighbour: int, target: int) -> float:
    """Return the share of a source's outline that touches the target."""
    inside = sources == neighbour
    outline = binary_dilation(inside) & ~inside
    return float((sources[outline] == target).mean()) if outline.any() else 0.0
