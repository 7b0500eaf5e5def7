"""Named verdicts on what is wrong with a cutout, each from one simple measurement."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from survey.cutout import Cutout, FluxArray, MaskArray
from survey.defects.verdict import DEFECTS, Verdict
from survey.medians import median

__all__ = ["VERDICTS", "Verdict", "assess"]

VERDICTS = DEFECTS

# The contract refuses a quarter of the centre masked (survey.coverage); below it is a warning.
_MAX_MASKED = 0.25
# Of pure noise the brightest of some 50 independent apertures reaches about 2.5 sigma; 5 is never noise.
_MIN_SIGNIFICANCE = 5.0
# The top of a star's image, sampled with at least 2 pixels to the FWHM, has fewer than 6 pixels within 1 % of
# its peak; a plateau of full wells has more.
_PLATEAU_PX, _PLATEAU_DEPTH, _PLATEAU_SIGMA = 9, 0.01, 50.0
# The resolved core of a galaxy can be as flat, but then it falls slowly; two pixels outside a plateau of full wells a
# star's light has fallen to half (FWHM of 10 px, plateau of radius 5) or less.
_PLATEAU_FALL = 0.8
# A trail is a line across the frame with most of its pixels bright at both ends, far from the galaxy, and quiet
# sky on both sides. Of a noise line 2 % of the pixels exceed 2 sigma; neighbours cover one end, not two.
_TRAIL_SIGMA, _TRAIL_SHARE, _TRAIL_BESIDE, _TRAIL_GAP_PX = 2.0, 0.6, 0.3, 6
_TRAIL_ANGLES, _TRAIL_INNER, _TRAIL_MAX_SIDE = 60, 0.25, 256
_GAUSSIAN_MAD = 1.4826


def assess(cutout: Cutout) -> list[Verdict]:
    """Measure a cutout and name what is wrong with it; an empty list means nothing was found.

    The measurements are simple on purpose: a verdict is a reason to look, its absence no guarantee.
    """
    good = cutout.good()
    present = np.asarray(good.any(axis=(1, 2)))
    verdicts = list(_missing(cutout, present))
    if not present.any():
        return verdicts
    flux, good = cutout.flux[present], good[present]
    names = [name for name, there in zip(cutout.bands.names, present.tolist(), strict=True) if there]
    sky, sigma = _sky(flux, good)
    verdicts += _constant(flux, good, names)
    verdicts += _masked(good, names)
    verdicts += _off_edge(flux, good)
    if cutout.bands.is_display:
        return verdicts
    significance = (
        np.where(good, flux - sky[:, None, None], 0) / np.where(sigma > 0, sigma, np.inf)[:, None, None]
    )
    verdicts += _blank(significance)
    verdicts += _saturated(flux, good, significance, names)
    verdicts += _trail(significance, names)
    return verdicts


def _missing(cutout: Cutout, present: NDArray[np.bool_]) -> Iterator[Verdict]:
    missing = [name for name, there in zip(cutout.bands.names, present.tolist(), strict=True) if not there]
    if missing:
        severity: Literal["warning", "bad"] = "warning" if present.any() else "bad"
        yield Verdict("missing_band", severity, f"No usable pixel in {', '.join(missing)}.")


def _constant(flux: FluxArray, good: MaskArray, names: list[str]) -> Iterator[Verdict]:
    flat = [name for plane, use, name in zip(flux, good, names, strict=True) if np.ptp(plane[use]) == 0]
    if flat:
        severity: Literal["warning", "bad"] = "bad" if len(flat) == len(names) else "warning"
        yield Verdict("constant", severity, f"Every pixel has the same value in {', '.join(flat)}.")


def _masked(good: MaskArray, names: list[str]) -> Iterator[Verdict]:
    height, width = good.shape[1:]
    centre = good[:, height // 4 : height - height // 4, width // 4 : width - width // 4]
    share = 1 - centre.mean(axis=(1, 2))
    worst = int(share.argmax())
    if share[worst] > 0:
        severity: Literal["note", "bad"] = "bad" if share[worst] > _MAX_MASKED else "note"
        yield Verdict(
            "masked", severity, f"{100 * share[worst]:.1f} % of the central half is masked in {names[worst]}."
        )


def _off_edge(flux: FluxArray, good: MaskArray) -> Iterator[Verdict]:
    # Beyond the edge of a tile a cutout has NaN, no weight, or exact zeros, in all bands and whole rows.
    empty = ~(good & (flux != 0)).any(axis=0)
    sides = {"south": empty[0], "north": empty[-1], "west": empty[:, -1], "east": empty[:, 0]}
    beyond = [side for side, line in sides.items() if line.all()]
    if beyond:
        detail = (
            f"{100 * empty.mean():.0f} % of the image lies beyond the edge of the data ({', '.join(beyond)})."
        )
        yield Verdict("off_edge", "warning", detail)


def _blank(significance: NDArray[np.floating[Any]]) -> Iterator[Verdict]:
    # Sums of 5 × 5 pixels over all bands, in units of their noise.
    height, width = significance.shape[1:]
    if min(height, width) < 5:
        return
    total = significance.sum(axis=0) / np.sqrt(len(significance))
    sums = np.lib.stride_tricks.sliding_window_view(total, (5, 5)).sum(axis=(2, 3)) / 5
    peak = float(sums.max())
    if peak < _MIN_SIGNIFICANCE:
        yield Verdict(
            "blank", "warning", f"Nothing stands out: the brightest 5 × 5 px reach {peak:.1f} sigma."
        )


def _saturated(
    flux: FluxArray, good: MaskArray, significance: NDArray[np.floating[Any]], names: list[str]
) -> Iterator[Verdict]:
    for plane, use, signal, name in zip(flux, good, significance, names, strict=True):
        peak = float(plane[use].max())
        plateau = int(np.count_nonzero(use & (plane >= (1 - _PLATEAU_DEPTH) * peak)))
        if plateau < _PLATEAU_PX or float(signal.max()) <= _PLATEAU_SIGMA:
            continue
        top = use & (plane >= (1 - _PLATEAU_DEPTH) * peak)
        around = use & binary_dilation(top, iterations=3) & ~binary_dilation(top)
        if around.any() and float(np.median(plane[around])) < _PLATEAU_FALL * peak:
            yield Verdict(
                "saturated", "warning", f"{plateau} pixels share the peak value {peak:.4g} in {name}."
            )
            return


def _trail(significance: NDArray[np.floating[Any]], names: list[str]) -> Iterator[Verdict]:
    share = _brightest_lines(_shrunk(significance) > _TRAIL_SIGMA)
    best = int(share.argmax())
    # Bands are exposed one after the other: a line in most of them is a galaxy seen edge-on.
    in_others = float(np.median(np.delete(share, best))) if len(share) > 1 else 0.0
    if share[best] >= _TRAIL_SHARE and in_others < _TRAIL_BESIDE:
        detail = f"A line across the image has {100 * share[best]:.0f} % of its outer pixels bright in {names[best]}."
        yield Verdict("trail", "warning", detail)


def _brightest_lines(bright: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return each band's largest share of bright pixels at the poorer end of a line with quiet parallels."""
    n_bands, (height, width) = len(bright), bright.shape[1:]
    gap = _TRAIL_GAP_PX
    outer, lines, lengths = _lines(height, width)
    half = int(np.hypot(height, width) / 2) + 1
    bins = 2 * half + 1
    # Both ends must reach from the inner circle to the frame.
    whole = (lengths >= 0.8 * (0.5 - _TRAIL_INNER) * min(height, width)).all(axis=1)
    # With one band alone a line through the middle may be the galaxy, seen edge-on.
    off_centre = np.abs(np.arange(bins) - half) > (min(height, width) / 8 if n_bands == 1 else -1)
    able = (whole & off_centre)[:, gap:-gap]
    best = np.zeros(n_bands)
    for band in range(n_bands):
        # Few pixels are bright: only these are counted.
        places = lines[:, np.flatnonzero(bright[band][outer])]
        found = np.bincount(places.ravel(), minlength=lengths.size).reshape(lengths.shape)
        ends = found / np.maximum(lengths, 1)
        share, larger = ends.min(axis=1), ends.max(axis=1)
        beside = np.maximum(larger[:, : -2 * gap], larger[:, 2 * gap :])
        crossing = able & (beside < _TRAIL_BESIDE)
        best[band] = np.max(share[:, gap:-gap], where=crossing, initial=0.0)
    return best


@lru_cache(maxsize=2)
def _lines(height: int, width: int) -> tuple[NDArray[np.bool_], NDArray[np.int32], NDArray[np.int64]]:
    """Sort the outer pixels of a frame into parallel lines, at every angle.

    Returns
    -------
    outer
        The pixels that count, shape (H, W).
    lines
        Number of each pixel's line, ends apart, angle by angle, shape (A, n).
    lengths
        Pixels of both ends of each line, shape (A, 2, bins).
    """
    y, x = np.mgrid[:height, :width].astype(np.float64)
    y, x = y - (height - 1) / 2, x - (width - 1) / 2
    outer = np.hypot(x, y) > _TRAIL_INNER * min(height, width)
    x, y = x[outer], y[outer]
    half = int(np.hypot(height, width) / 2) + 1
    bins = 2 * half + 1
    lines = np.empty((_TRAIL_ANGLES, len(x)), dtype=np.int32)
    for n in range(_TRAIL_ANGLES):
        angle = n * np.pi / _TRAIL_ANGLES
        offset = np.rint(x * np.cos(angle) + y * np.sin(angle)).astype(np.int64) + half
        lines[n] = offset + bins * (y * np.cos(angle) > x * np.sin(angle)) + 2 * bins * n
    lengths = np.bincount(lines.ravel(), minlength=2 * bins * _TRAIL_ANGLES)
    return outer, lines, lengths.reshape(_TRAIL_ANGLES, 2, bins)


def _shrunk(significance: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return sums of square blocks over their noise, so that no side exceeds 256 px: a line stays as significant."""
    height, width = significance.shape[1:]
    block = -(-max(height, width) // _TRAIL_MAX_SIDE)
    if block == 1:
        return significance
    rows, columns = height // block, width // block
    blocks = significance[:, : rows * block, : columns * block].reshape(-1, rows, block, columns, block)
    return np.asarray(blocks.sum(axis=(2, 4)) / block)


def _sky(flux: FluxArray, good: MaskArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the level and the noise of each band's outer pixels: median and 1.4826 MAD, shape (C,)."""
    height, width = flux.shape[1:]
    border = np.ones((height, width), dtype=np.bool_)
    margin_y, margin_x = max(1, height // 6), max(1, width // 6)
    border[margin_y : height - margin_y, margin_x : width - margin_x] = False
    level, noise = np.zeros(len(flux)), np.zeros(len(flux))
    for n, (plane, use) in enumerate(zip(flux, good, strict=True)):
        # A target at the edge of the data may have no border: then all there is.
        values = plane[use & border] if (use & border).any() else plane[use]
        level[n] = median(values)
        noise[n] = _GAUSSIAN_MAD * median(np.abs(values - level[n]))
    return level, noise
