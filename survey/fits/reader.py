"""A FITS file, or one file per band, becomes a calibrated cutout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.bands import Band, BandSet
from survey.cutout import UNCALIBRATED, Cutout, FluxArray, MaskArray
from survey.fits.container import UNREADABLE, read_images
from survey.fits.grids import SkyGrid, Turn, choose_grid, is_same_view
from survey.fits.layouts import Plane, arrange
from survey.fits.noise import inverse_variance, unusable
from survey.fits.regridding import Planes, area_ratio, regrid, window_for
from survey.fits.sights import Sight, locate
from survey.fits.target import Window, crop, offset_in, window_around
from survey.fits.units import calibration_of, linearise
from survey.ingest import CutoutRejected, IngestReport, Overrides, Understood
from survey.sanity import make_sane

__all__ = ["MAX_FILES", "CutoutRejected", "IngestReport", "Overrides", "Understood", "read_fits"]

MAX_FILES = 9
# The SFD98 map has no larger value away from the Galactic centre.
_MAX_EBV = 20.0


# Cuts the same part out of any plane (H, W) of a band, with a filler for what lies beyond it.
_Cut = Callable[[NDArray[Any], Any], NDArray[Any]]


@dataclass(slots=True, eq=False)
class _Calibrated:
    """One band in nanomaggies around the target."""

    band: Band
    flux: FluxArray
    ivar: FluxArray | None
    mask: MaskArray
    is_calibrated: bool


def read_fits(files: Sequence[tuple[str, bytes]], *, overrides: Overrides | None = None) -> Understood:
    """Read one galaxy from the bytes of its FITS files.

    Parameters
    ----------
    files
        (name, bytes), one to nine; names are searched for a band and never opened.
    overrides
        What the sender says; comes before anything in the files.

    Returns
    -------
    Understood
        The cutout in nanomaggies where a calibration is known (else ``is_calibrated`` is False), with what was
        understood: all bands on one grid, target in the middle (``offset_px`` tells what whole pixels leave),
        unmirrored, and north up wherever a WCS tells it (:mod:`survey.fits.grids`). E(B-V) is known only from an ``EBV`` keyword.

    Raises
    ------
    CutoutRejected
        With a stable code of ``fits.*`` and a sentence that holds nothing of the library's own words.
    """
    if not 1 <= len(files) <= MAX_FILES:
        raise CutoutRejected("fits.files", f"{len(files)} files; send one to {MAX_FILES}, one per band.")
    report = IngestReport()
    try:
        # Numbers beyond float32 become infinite and are masked like every pixel that is no number.
        with np.errstate(over="ignore", invalid="ignore"):
            return make_sane(_read(files, overrides or Overrides(), report))
    except CutoutRejected:
        raise
    except Exception as error:  # numpy and astropy fail in many ways on damaged numbers
        raise CutoutRejected("fits.unreadable", UNREADABLE) from error


def _read(files: Sequence[tuple[str, bytes]], overrides: Overrides, report: IngestReport) -> Understood:
    planes = arrange(read_images(files, report), overrides, report)
    sights = locate(planes, overrides, report)
    grid = choose_grid(sights, report)
    if isinstance(grid, SkyGrid):
        cuts = [_cutter(window_for(sight, grid)) for sight in sights]
        scale: float | None = grid.pixel_scale_arcsec
        offset = 0.0, 0.0
    else:
        shapes = [grid.size(sight.shape) for sight in sights]
        targets = [grid.pixel(sight.target.x, sight.target.y, sight.shape) for sight in sights]
        windows = window_around(shapes, targets, report)
        cuts = [_cutter(window, grid) for window in windows]
        offset = offset_in(windows, targets)
        scale = sights[0].pixel_scale_arcsec
    bands = [
        _calibrate(plane, cut, scale=sight.pixel_scale_arcsec, report=report)
        for plane, cut, sight in zip(planes, cuts, sights, strict=True)
    ]
    _check(bands, report)
    if isinstance(grid, SkyGrid):
        found = _on_sky(bands, sights, grid)
        outside = np.isnan(found.flux)
        report.factors[:] = [
            factor * area_ratio(sight, grid) for factor, sight in zip(report.factors, sights, strict=True)
        ]
    else:
        found = _stack(bands)
        outside = np.stack(
            [cut(np.zeros(sight.shape, np.bool_), np.True_) for cut, sight in zip(cuts, sights, strict=True)]
        )
    provenance = {"files": ", ".join(name for name, _ in files)[:200], "layout": report.layout}
    # As `bands=` would name them: whoever corrects one band starts from the others.
    sent = sorted(planes, key=lambda plane: (plane.image.file, plane.image.index, plane.plane or 0))
    provenance["bands_as_sent"] = ",".join(plane.band.id for plane in sent)
    unknown = [band.band.id for band in bands if not band.is_calibrated]
    if unknown:
        provenance[UNCALIBRATED] = ",".join(unknown)
    if sights[0].jacobian is None:
        provenance["north"] = "unknown"
    _say_masked(found.mask, outside, report)
    return Understood(
        Cutout(
            flux=np.ascontiguousarray(found.flux),
            bands=BandSet(tuple(plane.band for plane in planes)),
            ivar=None if found.ivar is None else np.ascontiguousarray(found.ivar),
            mask=np.ascontiguousarray(found.mask) if found.mask.any() else None,
            ra_deg=sights[0].target.ra_deg,
            dec_deg=sights[0].target.dec_deg,
            pixel_scale_arcsec=scale,
            ebv=_ebv(planes[0], report),
            is_calibrated=all(band.is_calibrated for band in bands),
            provenance=provenance,
            offset_px=offset,
        ),
        report,
    )


def _ebv(plane: Plane, report: IngestReport) -> float | None:
    ebv = plane.image.number("EBV")
    if ebv is None or not 0 <= ebv <= _MAX_EBV:
        return None
    report.say("units", f"E(B-V) = {ebv:.4f} mag from the header.")
    return ebv


def _cutter(window: Window, turn: Turn | None = None) -> _Cut:
    return lambda plane, fill: crop(plane if turn is None else turn.apply(plane), window, fill)


def _calibrate(plane: Plane, cut: _Cut, *, scale: float | None, report: IngestReport) -> _Calibrated:
    image = plane.image if plane.plane is None else replace(plane.image, data=plane.image.data[plane.plane])
    calibration = calibration_of(plane.image, report, zeropoint=plane.zeropoint, pixel_scale_arcsec=scale)
    counts = cut(linearise(image, report), np.nan)
    flux = np.asarray(counts * calibration.factor, dtype=np.float32)
    mask = np.asarray(~np.isfinite(flux))
    ivar: FluxArray | None = None
    for role, companion in plane.companions:
        values = (
            companion.data if companion.data.ndim == 2 or plane.plane is None else companion.data[plane.plane]
        )
        if values.ndim != 2:
            continue
        # Outside the companion nothing is known: weight 0.
        bad = unusable(role, companion, values, report, plane.band.name)
        if bad is not None:
            mask |= cut(bad, np.True_)
        found = inverse_variance(role, values, calibration.factor)
        if found is not None and ivar is None:
            ivar = cut(found, np.float32(0))
    return _Calibrated(plane.band, flux, ivar, mask, calibration.is_calibrated)


def _check(bands: Sequence[_Calibrated], report: IngestReport) -> None:
    """Refuse what holds no galaxy, mask blank bands, and drop noise that only some bands have."""
    with_ivar = [band for band in bands if band.ivar is not None]
    if with_ivar and len(with_ivar) < len(bands):
        report.say("masks", f"Only {len(with_ivar)} of {len(bands)} bands have a noise plane: none is used.")
        for band in with_ivar:
            band.ivar = None
    usable = [~band.mask if band.ivar is None else ~band.mask & (band.ivar > 0) for band in bands]
    if not any(good.any() for good in usable):
        raise CutoutRejected(
            "fits.masked",
            "Every pixel near the target is masked, NaN or outside the image. Send one with data there.",
        )
    for band, good in zip(bands, usable, strict=True):
        seen = band.flux[good]
        if seen.size and float(seen.min()) != float(seen.max()):
            continue
        # One value throughout is a band without data (no coverage), not a galaxy.
        if len(bands) == 1:
            raise CutoutRejected(
                "fits.blank", "Every usable pixel has the same value. Send an image with a galaxy."
            )
        report.say("masks", f"Band {band.band.name} is blank: all its pixels are masked.", "masked")
        band.mask[:] = True
    if all(band.mask.all() for band in bands):
        raise CutoutRejected(
            "fits.blank", "Every usable pixel has the same value in every band. Send an image with a galaxy."
        )


def _stack(bands: Sequence[_Calibrated]) -> Planes:
    with_ivar = [band.ivar for band in bands if band.ivar is not None]
    return Planes(
        np.stack([band.flux for band in bands]),
        np.stack(with_ivar) if with_ivar else None,
        np.stack([band.mask for band in bands]),
    )


def _on_sky(bands: Sequence[_Calibrated], sights: Sequence[Sight], grid: SkyGrid) -> Planes:
    """Bring all bands to a new grid; those on one set of pixels together, since the mapping costs most."""
    shape = (len(bands), grid.height, grid.width)
    has_ivar = bands[0].ivar is not None
    all_ = Planes(
        np.empty(shape, np.float32),
        np.empty(shape, np.float32) if has_ivar else None,
        np.empty(shape, np.bool_),
    )
    left = list(range(len(bands)))
    while left:
        sight = sights[left[0]]
        same = [n for n in left if is_same_view(sight, sights[n])]
        part = regrid(_stack([bands[n] for n in same]), sight, grid)
        all_.flux[same], all_.mask[same] = part.flux, part.mask
        if all_.ivar is not None and part.ivar is not None:
            all_.ivar[same] = part.ivar
        left = [n for n in left if n not in same]
    if all_.mask.all():
        raise CutoutRejected(
            "fits.masked",
            "Every pixel near the target is masked, NaN or outside the image. Send one with data there.",
        )
    return all_


def _say_masked(mask: MaskArray, outside: MaskArray, report: IngestReport) -> None:
    if outside.any():
        report.say("masks", f"{100 * float(outside.mean()):.1f} % of the cutout lie outside the image.")
    # Bands of dithered exposures each end somewhere else: that is no damage.
    share = float(mask[~outside].mean()) if not outside.all() else 0.0
    if share > 0:
        report.say("masks", f"{100 * share:.1f} % of the pixels are masked or not finite.", "masked")
