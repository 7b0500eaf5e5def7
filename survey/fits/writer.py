"""A cutout becomes a FITS file that every tool of the field opens."""

from __future__ import annotations

import io

import numpy as np
from astropy.io import fits

from survey.cutout import Cutout

__all__ = ["write_fits"]

_KEYWORD_LIMIT = 68


def write_fits(cutout: Cutout) -> bytes:
    """Write a cube with its inverse variance and mask; :func:`survey.fits.reader.read_fits` gives it back.

    Layout: the primary HDU holds the flux (C, H, W); ``IVAR`` and ``MASK`` (1 is bad) follow where they are
    known. Keywords: ``BUNIT`` ('nanomaggy', absent when uncalibrated), ``BANDS`` and ``BANDn`` as the Legacy
    Surveys write them, ``BANDIDn`` with the instrument, ``EBV`` on the SFD98 scale, ``OBJECT``, and a TAN WCS
    whose reference is the target. Where a position or pixel scale is missing there is no WCS, only
    ``RA_OBJ``/``DEC_OBJ`` or ``PIXSCALE``. North is up, or turned by the provenance's ``north_angle_deg``.

    Returns
    -------
    bytes
        The same for the same cutout.
    """
    primary = fits.PrimaryHDU(np.ascontiguousarray(cutout.flux, dtype=np.float32), _header(cutout))
    hdus = [primary]
    sky = _sky_cards(cutout)
    for name, plane in (("IVAR", cutout.ivar), ("MASK", cutout.mask)):
        if plane is None:
            continue
        data = np.ascontiguousarray(plane, dtype=np.uint8 if name == "MASK" else np.float32)
        hdu = fits.ImageHDU(data, sky.copy(), name=name)
        if name == "IVAR" and cutout.is_calibrated:
            hdu.header["BUNIT"] = ("nanomaggy^-2", "inverse variance")
        hdus.append(hdu)
    stream = io.BytesIO()
    fits.HDUList(hdus).writeto(stream, output_verify="exception")
    return stream.getvalue()


def _header(cutout: Cutout) -> fits.Header:
    header = fits.Header()
    if cutout.is_calibrated:
        header["BUNIT"] = ("nanomaggy", "AB magnitude 22.5 is 1")
    header["BANDS"] = ("".join(cutout.bands.names), "planes, first to last")
    for n, band in enumerate(cutout.bands):
        header[f"BAND{n}"] = band.name
        header[f"BANDID{n}"] = (band.id, "instrument and band")
    if cutout.ebv is not None:
        header["EBV"] = (float(cutout.ebv), "[mag] E(B-V), SFD98; flux is not dereddened")
    for key, name in (("OBJECT", "object_id"), ("SURVEY", "survey")):
        text = _printable(cutout.provenance.get(name, ""))
        if text:
            header[key] = text
    header.extend(_sky_cards(cutout), strip=False)
    header["CREATOR"] = "Skylike"
    return header


def _sky_cards(cutout: Cutout) -> fits.Header:
    header = fits.Header()
    height, width = cutout.shape
    scale = cutout.pixel_scale_arcsec
    if scale is None or cutout.ra_deg is None or cutout.dec_deg is None:
        if scale is not None:
            header["PIXSCALE"] = (float(scale), "[arcsec/px]")
        if cutout.ra_deg is not None and cutout.dec_deg is not None:
            header["RA_OBJ"] = (float(cutout.ra_deg), "[deg] ICRS")
            header["DEC_OBJ"] = (float(cutout.dec_deg), "[deg] ICRS")
        return header
    angle = np.deg2rad(float(cutout.provenance.get("north_angle_deg", 0.0)))
    degrees = float(scale) / 3600
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CUNIT1"], header["CUNIT2"] = "deg", "deg"
    down, right = cutout.offset_px
    header["CRPIX1"], header["CRPIX2"] = (width + 1) / 2 + right, (height + 1) / 2 + down
    header["CRVAL1"], header["CRVAL2"] = float(cutout.ra_deg), float(cutout.dec_deg)
    # North is at the angle from +y towards -x, east 90 degrees further.
    header["CD1_1"], header["CD1_2"] = -degrees * float(np.cos(angle)), -degrees * float(np.sin(angle))
    header["CD2_1"], header["CD2_2"] = -degrees * float(np.sin(angle)), degrees * float(np.cos(angle))
    header["RADESYS"] = "ICRS"
    return header


def _printable(text: str) -> str:
    return "".join(c for c in text if " " <= c <= "~")[:_KEYWORD_LIMIT]
