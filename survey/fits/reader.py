"""A FITS file, or one file per band, becomes a calibrated cutout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from survey.bands import Band, BandSet
from survey.cutout import Cutout, FluxArray, MaskArray
from survey.fits.astrometry import NO_ASTROMETRY, Astrometry, astrometry_of
from survey.fits.container import UNREADABLE, read_images
from survey.fits.layouts import Plane, arrange
from survey.fits.noise import inverse_variance, unusable
from survey.fits.target import Window, crop, find_target, window_around
from survey.fits.units import calibration_of, linearise
from survey.ingest import CutoutRejected, IngestReport, Overrides, Understood
from survey.sanity import make_sane

__all__ = ["MAX_FILES", "CutoutRejected", "IngestReport", "Overrides", "Understood", "read_fits"]

MAX_FILES = 9
# Half a per cent over a 64 px field is a third of a pixel; bands apart by more need resampling.
_SCALE_TOLERANCE = 0.01
_ANGLE_TOLERANCE_DEG = 1.0
# A scale that the sender gives differs from the header's by more than rounding and distortion.
_CONFLICT = 1.1
# The SFD98 map has no larger value away from the Galactic centre.
_MAX_EBV = 20.0


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
        The cutout in nanomaggies where a calibration is known (else ``is_calibrated`` is False), target in
        the middle, unmirrored, with what was understood. E(B-V) is known only from an ``EBV`` keyword.

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
    skies = _astrometry(planes, overrides, report)
    scale = next((sky.pixel_scale_arcsec for sky in skies if sky.pixel_scale_arcsec is not None), None)
    targets = [
        find_target(plane.image, sky, overrides=overrides, report=report)
        for plane, sky in zip(planes, skies, strict=True)
    ]
    shapes = [plane.image.data.shape[-2:] for plane in planes]
    windows = window_around(shapes, targets, report)
    bands = [
        _calibrate(plane, window, scale=scale, report=report)
        for plane, window in zip(planes, windows, strict=True)
    ]
    cutout = _stack(bands, mirrored=skies[0].is_mirrored, report=report)
    provenance = {"files": ", ".join(name for name, _ in files)[:200], "layout": report.layout}
    # As `bands=` would name them: whoever corrects one band starts from the others.
    sent = sorted(planes, key=lambda plane: (plane.image.file, plane.image.index, plane.plane or 0))
    provenance["bands_as_sent"] = ",".join(plane.band.id for plane in sent)
    if skies[0].wcs is None:
        provenance["north"] = "unknown"
    angle = -skies[0].north_angle_deg if skies[0].is_mirrored else skies[0].north_angle_deg
    if abs(angle) > _ANGLE_TOLERANCE_DEG:
        provenance["north_angle_deg"] = f"{angle:.4f}"
    return Understood(
        Cutout(
            flux=cutout.flux,
            bands=cutout.bands,
            ivar=cutout.ivar,
            mask=cutout.mask,
            ra_deg=targets[0].ra_deg,
            dec_deg=targets[0].dec_deg,
            pixel_scale_arcsec=scale,
            ebv=_ebv(planes[0], report),
            is_calibrated=cutout.is_calibrated,
            provenance=provenance,
        ),
        report,
    )


def _ebv(plane: Plane, report: IngestReport) -> float | None:
    ebv = plane.image.number("EBV")
    if ebv is None or not 0 <= ebv <= _MAX_EBV:
        return None
    report.say("units", f"E(B-V) = {ebv:.4f} mag from the header.")
    return ebv


def _astrometry(planes: Sequence[Plane], overrides: Overrides, report: IngestReport) -> list[Astrometry]:
    """Measure every band's sky; a band without a WCS takes that of a band of the same size."""
    known = {id(plane.image): astrometry_of(plane.image) for plane in planes}
    skies = [known[id(plane.image)] for plane in planes]
    lender = next((n for n, sky in enumerate(skies) if sky.wcs is not None), None)
    for n, sky in enumerate(skies):
        same_size = (
            lender is not None and planes[n].image.data.shape[-2:] == planes[lender].image.data.shape[-2:]
        )
        if sky.wcs is None and lender is not None and same_size:
            skies[n] = skies[lender]
    _check_one_grid(skies)
    first = skies[0]
    if overrides.pixel_scale_arcsec is not None:
        found = first.pixel_scale_arcsec
        told = "" if found is None else f"; the header says {found:.4g}"
        apart = 1.0 if found is None else overrides.pixel_scale_arcsec / found
        report.say(
            "wcs",
            f"Pixel scale {overrides.pixel_scale_arcsec:g} arcsec as you gave it{told}.",
            None if 1 / _CONFLICT <= apart <= _CONFLICT else "scale_conflict",
        )
        skies = [
            Astrometry(s.wcs, overrides.pixel_scale_arcsec, s.anisotropy, s.is_mirrored, s.north_angle_deg)
            for s in skies
        ]
    elif first.pixel_scale_arcsec is None:
        report.say("wcs", "No celestial WCS. Give `pixscale=` in arcsec.", "no_pixel_scale")
    else:
        source = "WCS" if first.wcs is not None else "Header (no WCS)"
        rotation = (
            f", north {first.north_angle_deg:.0f} deg from up" if abs(first.north_angle_deg) > 1 else ""
        )
        report.say("wcs", f"{source}: {first.pixel_scale_arcsec:.4g} arcsec/px{rotation}.")
    if first.anisotropy > 1 + _SCALE_TOLERANCE:
        report.say(
            "wcs",
            f"Pixels are not square (sides differ by {100 * (first.anisotropy - 1):.0f} %).",
            "anisotropic",
        )
    return skies or [NO_ASTROMETRY]


def _check_one_grid(skies: Sequence[Astrometry]) -> None:
    first = skies[0]
    for sky in skies[1:]:
        a, b = first.pixel_scale_arcsec, sky.pixel_scale_arcsec
        if a is None or b is None:
            continue
        turn = (sky.north_angle_deg - first.north_angle_deg + 180) % 360 - 180
        if abs(a / b - 1) > _SCALE_TOLERANCE:
            raise CutoutRejected(
                "fits.grid",
                f"The bands have different pixels ({a:.3g} and {b:.3g} arcsec). Resample them to one grid.",
            )
        if abs(turn) > _ANGLE_TOLERANCE_DEG or sky.is_mirrored != first.is_mirrored:
            raise CutoutRejected(
                "fits.grid",
                f"The bands are turned against each other by {turn:.0f} deg or mirrored. Resample them to one grid.",
            )


def _calibrate(plane: Plane, window: Window, *, scale: float | None, report: IngestReport) -> _Calibrated:
    calibration = calibration_of(plane.image, report, zeropoint=plane.zeropoint, pixel_scale_arcsec=scale)
    counts = linearise(plane.image, report)
    counts = crop(counts if plane.plane is None else counts[plane.plane], window, np.nan)
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
        bad = unusable(role, companion, values, report)
        if bad is not None:
            mask |= crop(bad, window, np.True_)
        found = inverse_variance(role, values, calibration.factor)
        if found is not None and ivar is None:
            ivar = crop(found, window, np.float32(0))
    return _Calibrated(plane.band, flux, ivar, mask, calibration.is_calibrated)


def _stack(bands: Sequence[_Calibrated], *, mirrored: bool, report: IngestReport) -> Cutout:
    flux = np.stack([band.flux for band in bands])
    mask = np.stack([band.mask for band in bands])
    with_ivar = [band.ivar for band in bands if band.ivar is not None]
    ivar = np.stack(with_ivar) if len(with_ivar) == len(bands) else None
    if with_ivar and ivar is None:
        report.say("masks", f"Only {len(with_ivar)} of {len(bands)} bands have a noise plane: none is used.")
    bad = mask if ivar is None else mask | ~(ivar > 0)
    if bad.all():
        raise CutoutRejected(
            "fits.masked",
            "Every pixel near the target is masked, NaN or outside the image. Send one with data there.",
        )
    for n, band in enumerate(bands):
        good = flux[n][~bad[n]]
        if good.size == 0 or float(good.min()) == float(good.max()):
            # One value throughout is a band without data (no coverage), not a galaxy.
            if len(bands) == 1:
                raise CutoutRejected(
                    "fits.blank", "Every usable pixel has the same value. Send an image with a galaxy."
                )
            report.say("masks", f"Band {band.band.name} is blank: all its pixels are masked.", "masked")
            mask[n] = True
    if mask.all():
        raise CutoutRejected(
            "fits.blank", "Every usable pixel has the same value in every band. Send an image with a galaxy."
        )
    share = float(mask.mean())
    if share > 0:
        report.say("masks", f"{100 * share:.1f} % of the pixels are masked or not finite.", "masked")
    if mirrored:
        flux, mask = flux[:, :, ::-1], mask[:, :, ::-1]
        ivar = None if ivar is None else ivar[:, :, ::-1]
        report.say("wcs", "The image is mirrored (east to the right of north): flipped.", "mirrored")
    return Cutout(
        flux=np.ascontiguousarray(flux),
        bands=BandSet(tuple(band.band for band in bands)),
        ivar=None if ivar is None else np.ascontiguousarray(ivar),
        mask=np.ascontiguousarray(mask) if share > 0 or mask.any() else None,
        is_calibrated=all(band.is_calibrated for band in bands),
    )
