"""One object's FITS files become pixels of the survey's bands, scale and size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from survey.bands import BandMismatch, BandSet
from survey.centring import centre, place_from, rest, start
from survey.cutout import Cutout, FluxArray
from survey.fits.reader import read_fits
from survey.ingest import CutoutRejected, Overrides, Understood
from survey.photometry import aperture_flux
from survey.resample import fill_holes, resample
from survey.sources.plan import Decoded

__all__ = ["FITSDecoder", "to_grid"]

# The same bound as in the input contract: a fifth of a pixel over a 64 px field.
_SAME_SCALE = 0.005
# 1.4826 times the median absolute deviation is the standard deviation of a normal distribution.
_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True)
class FITSDecoder:
    """Decodes a row's FITS files.

    Attributes
    ----------
    files
        Paths of each row.
    positions
        (ra, dec) of each row in degrees, None where the files shall tell.
    overrides
        What holds for all files.
    assumed_scale_arcsec
        Pixel scale of files that do not tell one.
    row_scales
        Pixel scale of each row's files as the table says, NaN where it does not; before all else.
    bands, pixel_scale_arcsec, field_px, with_ivar
        What the survey stores.
    aperture_arcsec
        Radius of the fluxes measured, None for none.
    """

    files: tuple[tuple[str, ...], ...]
    positions: tuple[tuple[float | None, float | None], ...]
    overrides: Overrides
    assumed_scale_arcsec: float | None = None
    row_scales: tuple[float, ...] | None = None
    bands: BandSet | None = None
    pixel_scale_arcsec: float | None = None
    field_px: int = 0
    with_ivar: bool = False
    aperture_arcsec: float | None = None

    def understand(self, row: int) -> Understood:
        """Read a row's cutout as it is.

        Raises
        ------
        CutoutRejected
            If it cannot be read.
        """
        try:
            data = [(Path(p).name, Path(p).read_bytes()) for p in self.files[row]]
        except OSError as error:
            raise CutoutRejected("fits.missing", "A file cannot be opened.") from error
        ra, dec = self.positions[row]
        overrides = replace(self.overrides, ra_deg=ra, dec_deg=dec)
        if self.row_scales is not None and np.isfinite(self.row_scales[row]):
            overrides = replace(overrides, pixel_scale_arcsec=self.row_scales[row])
        found = read_fits(data, overrides=overrides)
        if found.cutout.pixel_scale_arcsec is None and self.assumed_scale_arcsec is not None:
            found = replace(found, cutout=replace(found.cutout, pixel_scale_arcsec=self.assumed_scale_arcsec))
        return found

    def __call__(self, row: int) -> Decoded:
        """Decode one row; raises CutoutRejected."""
        assert self.bands is not None
        cutout = self.understand(row).cutout
        if not cutout.is_calibrated:
            raise CutoutRejected("fits.units_unknown", "No unit and no zero point; give `--zeropoint`.")
        try:
            cutout = cutout.select(self.bands)
        except BandMismatch as error:
            raise CutoutRejected("fits.band_missing", f"{str(error)[0].upper()}{str(error)[1:]}.") from error
        if self.with_ivar and cutout.ivar is None:
            cutout = replace(cutout, ivar=_sky_ivar(cutout))
        facts: dict[str, float | None] = {
            "ra_deg": cutout.ra_deg,
            "dec_deg": cutout.dec_deg,
            "ebv": cutout.ebv,
        }
        flux, ivar = to_grid(cutout, self.pixel_scale_arcsec, self.field_px)
        if self.aperture_arcsec is not None:
            # On the stored pixels: what is served is what was measured, and fine pixels cost nothing extra.
            stored = replace(
                cutout, flux=flux, ivar=ivar, mask=None, pixel_scale_arcsec=self.pixel_scale_arcsec
            )
            facts |= _fluxes(stored, self.aperture_arcsec, self._offset(cutout))
        return Decoded(flux, ivar if self.with_ivar else None, facts)

    def _offset(self, cutout: Cutout) -> tuple[float, float]:
        """Return where the target lies from the middle of the stored pixels: what is not worth a shift."""
        first = start(cutout.shape, self.field_px, cutout.offset_px)
        if not _is_same_scale(cutout, self.pixel_scale_arcsec) or any(rest(first)):
            return 0.0, 0.0
        y, x = (at - round(at) for at in first)
        return y, x

    def fingerprint(self) -> str:
        """Return which files in which state are read, and what is made of them."""
        stats = [Path(p).stat() for paths in self.files for p in paths]
        state = hash(tuple((s.st_size, s.st_mtime_ns) for s in stats))
        names = hash(
            tuple(float("nan" if v is None else v) for pair in self.positions for v in pair if v is not None)
        )
        bands = self.bands.ids if self.bands else ()
        return f"{len(stats)} {state} {names} {self.overrides} {self.assumed_scale_arcsec} {bands} {self.aperture_arcsec}"


def to_grid(
    cutout: Cutout, pixel_scale_arcsec: float | None, side: int
) -> tuple[FluxArray, NDArray[np.float32] | None]:
    """Bring a cutout to a square of ``side`` pixels around its target; unknown pixels are NaN with ivar 0.

    Of the same scale the pixels are cut or surrounded, untouched, or where that leaves the target off the middle
    shifted once, as in the input contract (:mod:`survey.centring`). Of another they are resampled with their
    flux conserved; variances are then carried as if neighbouring pixels were independent, as they were.
    """
    good = cutout.good()
    if pixel_scale_arcsec is None or _is_same_scale(cutout, pixel_scale_arcsec):
        return _placed(cutout, side)
    ratio = pixel_scale_arcsec / (cutout.pixel_scale_arcsec or pixel_scale_arcsec)
    down, right = cutout.offset_px
    middle = (cutout.shape[0] - 1) / 2 + down, (cutout.shape[1] - 1) / 2 + right

    def summed(planes: NDArray[np.float32]) -> NDArray[np.float32]:
        return resample(planes, n_out=side, scale_ratio=ratio, centre_in=middle)

    total = summed(np.where(good, cutout.flux, np.float32(0)))
    share = summed(good.astype(np.float32)) / np.float32(ratio**2)
    known = share > 0.5
    flux = np.where(known, total / np.maximum(share, 0.5), np.nan).astype(np.float32)
    if cutout.ivar is None:
        return flux, None
    variance = np.where(good, 1 / np.where(good, cutout.ivar, 1.0), 0.0).astype(np.float32)
    spread = summed(variance)
    ivar = np.where(known & (spread > 0), 1 / np.where(spread > 0, spread, 1.0), 0.0)
    return flux, ivar.astype(np.float32)


def _placed(cutout: Cutout, side: int) -> tuple[FluxArray, NDArray[np.float32] | None]:
    good, nothing = cutout.good(), np.float32(np.nan)
    ivar = None if cutout.ivar is None else np.where(good, cutout.ivar, np.float32(0))
    first = start(cutout.shape, side, cutout.offset_px)
    if any(rest(first)):
        filled, _ = fill_holes(cutout.flux, good)
        moved, (known,), _ = centre(filled, [good], side, first)
        # The noise of a pixel goes into the covariance with its neighbours (survey.fits.regridding).
        # One more pixel around, for those at the edge that lie half in the image.
        weights = None
        if ivar is not None:
            edged = np.pad(ivar, ((0, 0), (1, 1), (1, 1)), mode="edge")
            weights = np.where(known, place_from(edged, side, (first[0] + 1, first[1] + 1), 0), np.float32(0))
        return np.where(known, moved, nothing), weights
    weights = None if ivar is None else place_from(ivar, side, first, 0)
    return place_from(np.where(good, cutout.flux, nothing), side, first, np.nan), weights


def _is_same_scale(cutout: Cutout, pixel_scale_arcsec: float | None) -> bool:
    if pixel_scale_arcsec is None or cutout.pixel_scale_arcsec is None:
        return True
    return abs(pixel_scale_arcsec / cutout.pixel_scale_arcsec - 1) < _SAME_SCALE


def _sky_ivar(cutout: Cutout) -> FluxArray:
    """Return a constant inverse variance per band from the scatter of the pixels near the edge."""
    height, width = cutout.shape
    border = np.ones((height, width), dtype=bool)
    margin_y, margin_x = height // 6, width // 6
    border[margin_y : height - margin_y, margin_x : width - margin_x] = False
    ivar = np.zeros_like(cutout.flux)
    for n, plane in enumerate(cutout.flux):
        sky = plane[border & cutout.good()[n]]
        sigma = _MAD_TO_SIGMA * float(np.median(np.abs(sky - np.median(sky)))) if sky.size else 0.0
        ivar[n] = 1 / sigma**2 if sigma > 0 else 0.0
    return ivar


def _fluxes(cutout: Cutout, radius_arcsec: float, offset_px: tuple[float, float]) -> dict[str, float | None]:
    flux, ivar = aperture_flux(cutout, radius_arcsec, offset_px=offset_px)
    found: dict[str, float | None] = {}
    for n, name in enumerate(cutout.bands.names):
        found[f"flux_{name}"] = float(flux[n]) if np.isfinite(flux[n]) else None
        if cutout.ivar is not None:
            found[f"flux_ivar_{name}"] = float(ivar[n]) if np.isfinite(ivar[n]) else None
    return found
