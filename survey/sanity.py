"""A second look at a cutout's pixels: what is plainly wrong is mended or named, the rest is left alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from survey.backdrop import Backdrop, measure_backdrop
from survey.blanks import without_blanks
from survey.cutout import Cutout, FluxArray, MaskArray
from survey.ingest import IngestReport, Understood
from survey.quality import assess
from survey.registration import band_shifts

__all__ = ["make_sane"]

# Noise planes of real surveys fit the pixels within a factor 2.5 even around bright stars (SDSS stamps).
_MAX_MISMATCH = 3.0
# Beyond five sigma noise has 3e-7 of its pixels; a real image has stars there, but no holes.
_HOLE_SIGMA, _MIN_HOLES, _MAX_HOLES = 5.0, 10, 0.002
_MIN_SIGNIFICANCE, _MAX_CORRELATION = 5.0, 4.0
_MIN_SHIFT_PX, _MIN_SHIFT_ARCSEC = 2.0, 0.75
_VERDICTS = {"saturated": "saturated", "trail": "trail", "off_edge": None}


def make_sane(understood: Understood) -> Understood:
    """Mask fillings, subtract a sky pedestal, check the noise planes against the pixels, name what else looks wrong.

    A pedestal is subtracted only where the image stands plainly on one (:mod:`survey.backdrop`). A noise plane
    that misses the scatter of the pixels by more than a factor 3 is turned round if it evidently was a variance,
    else left out; the pixels without weight stay masked. Everything is said in the report, which is added to.

    Parameters
    ----------
    understood
        As read: a display cutout comes back as it is.

    Returns
    -------
    Understood
        With the same report. Nothing is raised for any values of the pixels.
    """
    cutout, report = understood.cutout, understood.report
    if cutout.bands.is_display:
        return understood
    with np.errstate(all="ignore"):
        cutout = without_blanks(cutout, report)
        good = cutout.good()
        backdrops = [measure_backdrop(plane, use) for plane, use in zip(cutout.flux, good, strict=True)]
        pedestals = _pedestals(backdrops)
        cutout = _without_pedestal(cutout, pedestals, report)
        levels = [
            0.0 if b is None or pedestal else b.level
            for b, pedestal in zip(backdrops, pedestals, strict=True)
        ]
        cutout = _with_fitting_noise(cutout, backdrops, report)
        _name_holes(cutout, good, backdrops, levels, report)
        _name_no_source(cutout, good, backdrops, levels, report)
        _name_shifts(cutout, good, backdrops, levels, report)
        for verdict in assess(cutout):
            if verdict.name in _VERDICTS:
                report.say("sanity", verdict.detail, _VERDICTS[verdict.name])
    return Understood(cutout, report)


def _pedestals(backdrops: Sequence[Backdrop | None]) -> list[float]:
    """Return the sky to subtract from each band, 0 for none.

    Whoever left the sky in one band left it in all: beside a plain pedestal a likely one of the same sign counts.
    """
    signs = {np.sign(b.level) for b in backdrops if b is not None and b.is_pedestal}
    return [
        b.level
        if b is not None and (b.is_pedestal or (b.may_be_pedestal and np.sign(b.level) in signs))
        else 0.0
        for b in backdrops
    ]


def _without_pedestal(cutout: Cutout, levels: Sequence[float], report: IngestReport) -> Cutout:
    if not any(levels):
        return cutout
    unit = "nanomaggy" if cutout.is_calibrated else "counts"
    told = ", ".join(
        f"{band.name} {level:.4g}" for band, level in zip(cutout.bands, levels, strict=True) if level
    )
    report.say(
        "sanity",
        f"The image stands on a pedestal of sky, the same to its edges: subtracted ({told} {unit} per pixel).",
        "sky_subtracted",
    )
    flux = cutout.flux.astype(np.float64) - np.asarray(levels)[:, None, None]
    return replace(cutout, flux=flux.astype(np.float32))


def _with_fitting_noise(cutout: Cutout, backdrops: Sequence[Backdrop | None], report: IngestReport) -> Cutout:
    if cutout.ivar is None:
        return cutout
    # The factor to nanomaggies is squared in an inverse variance: read as a variance it counts the other way.
    known = len(report.factors) == len(cutout.bands)
    factors = report.factors if known else [1.0] * len(cutout.bands)
    ivar = cutout.ivar.copy()
    turned: list[str] = []
    unfit: list[str] = []
    for n, (band, backdrop) in enumerate(zip(cutout.bands, backdrops, strict=True)):
        plane = cutout.ivar[n]
        ratio = _mismatch(plane, backdrop)
        if ratio is None or 1 / _MAX_MISMATCH <= ratio <= _MAX_MISMATCH:
            continue
        other = _turned_round(plane, factors[n])
        fits = _mismatch(other, backdrop)
        if fits is not None and 1 / _MAX_MISMATCH <= fits <= _MAX_MISMATCH:
            ivar[n] = other
            turned.append(band.name)
        else:
            unfit.append(f"{band.name} {ratio:.3g}")
    if turned:
        report.say(
            "sanity",
            f"The noise plane of {', '.join(turned)} was a variance where an inverse variance was expected, or the "
            "other way round (the scatter of the sky tells): its reciprocal is used.",
            "noise_mismatch",
        )
    if not unfit:
        return replace(cutout, ivar=ivar) if turned else cutout
    report.say(
        "sanity",
        f"The noise planes are left out, except for the pixels without weight: the sky scatters differently from what "
        f"they say ({', '.join(unfit)} times as much).",
        "noise_mismatch",
    )
    weightless = ~(cutout.ivar > 0)
    mask = weightless if cutout.mask is None else cutout.mask | weightless
    return replace(cutout, ivar=None, mask=mask if mask.any() else None)


def _turned_round(plane: FluxArray, factor: float) -> FluxArray:
    other = 1 / (plane.astype(np.float64) * factor**4)
    usable = (plane > 0) & np.isfinite(other) & (other < np.finfo(np.float32).max)
    return np.where(usable, other, 0).astype(np.float32)


def _mismatch(ivar: FluxArray, backdrop: Backdrop | None) -> float | None:
    """Return how many times more the sky scatters than a plane of inverse variance says; None if nobody knows.

    Correlated noise hides from differences and gradients add to the scatter, so that of the two measures the
    one that speaks for the plane is taken.
    """
    weights = ivar[ivar > 0]
    if backdrop is None or weights.size == 0 or backdrop.noise == 0 or backdrop.scatter == 0:
        return None
    weight = float(np.sqrt(np.median(weights.astype(np.float64))))
    low, high = sorted((backdrop.noise * weight, backdrop.scatter * weight))
    return low if low > 1 else high if high < 1 else 1.0


def _name_holes(
    cutout: Cutout,
    good: MaskArray,
    backdrops: Sequence[Backdrop | None],
    levels: Sequence[float],
    report: IngestReport,
) -> None:
    for n, (band, backdrop) in enumerate(zip(cutout.bands, backdrops, strict=True)):
        if backdrop is None or not backdrop.sigma > 0:
            continue
        values = cutout.flux[n][good[n]].astype(np.float64)
        holes = int(np.count_nonzero(values < levels[n] - _HOLE_SIGMA * backdrop.sigma))
        if holes >= _MIN_HOLES and holes > _MAX_HOLES * values.size:
            report.say(
                "sanity",
                f"{100 * holes / values.size:.1f} % of the pixels of {band.name} lie more than 5 sigma below the sky: "
                "holes, or a sky that was subtracted badly.",
                "negative",
            )
            return


def _name_no_source(
    cutout: Cutout,
    good: MaskArray,
    backdrops: Sequence[Backdrop | None],
    levels: Sequence[float],
    report: IngestReport,
) -> None:
    """Look for light in the middle, all bands together: means over squares of a sixteenth of a side."""
    use = [n for n, b in enumerate(backdrops) if b is not None and b.sigma > 0]
    if not use:
        return
    total = np.zeros(cutout.shape)
    for n in use:
        backdrop = backdrops[n]
        assert backdrop is not None
        total += np.where(good[n], (cutout.flux[n].astype(np.float64) - levels[n]) / backdrop.sigma, 0)
    peak = _central_significance(total / np.sqrt(len(use)))
    if peak < _MIN_SIGNIFICANCE:
        report.say(
            "sanity",
            f"Nothing significant stands in the middle of the image: at most {peak:.1f} sigma.",
            "no_source",
        )


def _name_shifts(
    cutout: Cutout,
    good: MaskArray,
    backdrops: Sequence[Backdrop | None],
    levels: Sequence[float],
    report: IngestReport,
) -> None:
    sigma = np.array([0.0 if b is None else b.sigma for b in backdrops])
    sky = np.asarray(levels, dtype=np.float32)[:, None, None]
    shifts = band_shifts(cutout.flux - sky, good, sigma)
    # Where pixels are fine, dust and young stars move the light of a band by more than two of them.
    least = max(_MIN_SHIFT_PX, _MIN_SHIFT_ARCSEC / (cutout.pixel_scale_arcsec or np.inf))
    aside = [
        f"{band.name} by {np.hypot(*shift):.0f} px"
        for band, shift in zip(cutout.bands, shifts, strict=True)
        if np.hypot(*shift) >= least
    ]
    if aside:
        report.say("sanity", f"Bands lie aside of the others: {', '.join(aside)}.", "bands_shifted")


def _central_significance(total: NDArray[Any]) -> float:
    side = min(total.shape)
    box = max(5, side // 16)
    means = uniform_filter(total, size=box, mode="constant") * box
    height, width = total.shape
    y, x = np.ogrid[:height, :width]
    distance = np.hypot(x - (width - 1) / 2, y - (height - 1) / 2)
    # Noise that is correlated adds up to more in a square than white noise, whose sums have unit variance here; a
    # galaxy's gradient is not taken for more than drizzling can do.
    steps = (means[box:] - means[:-box])[(distance > side / 4)[box:]]
    spread = 1.4826 / np.sqrt(2) * float(np.median(np.abs(steps)))
    return float(means[distance <= max(5, side / 8)].max()) / float(np.clip(spread, 1.0, _MAX_CORRELATION))
