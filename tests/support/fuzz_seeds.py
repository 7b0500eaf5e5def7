"""Honest files that mutation starts from: every layout, pixel type, compression and picture mode that is read."""

from __future__ import annotations

import bz2
import gzip
import io
import warnings
from functools import cache

import numpy as np
from astropy.io import fits
from PIL import Image
from support.fits_builder import image
from support.fits_files import cube, file_of, galaxy, sdss, tan_header

from survey.bands import BAND_SETS
from survey.cutout import Cutout
from survey.fits.writer import write_fits

__all__ = ["seeds"]

Files = tuple[tuple[str, bytes], ...]
SIDE = 48
UGRIZ = "sdss:u,sdss:g,sdss:r,sdss:i,sdss:z"


@cache
def seeds() -> dict[str, tuple[Files, str | None]]:
    """Return name to (files, ``bands=`` that they need or None); the same in every run."""
    fits_files = _plain() | _scaled() | _many_hdus() | _tiled() | _skies()
    found: dict[str, tuple[Files, str | None]] = {
        name: ((("galaxy.fits", data),), bands) for name, (data, bands) in fits_files.items()
    }
    for name in ("cube", "rice_int", "written", "int16"):
        data, bands = fits_files[name]
        found[f"{name}.gz"] = (("galaxy.fits.gz", gzip.compress(data, 6, mtime=0)),), bands
        found[f"{name}.bz2"] = (("galaxy.fits.bz2", bz2.compress(data)),), bands
    whole = fits_files["cube"][0]
    members = gzip.compress(whole[:5760], mtime=0) + gzip.compress(whole[5760:], mtime=0)
    found["two_members.gz"] = ((("galaxy.fits.gz", members),), UGRIZ)
    found["five_files"] = tuple((f"frame-{band}.fits", sdss(band)) for band in "ugriz"), None
    found["three_files_bz2"] = tuple((f"f{band}.fits.bz2", bz2.compress(sdss(band))) for band in "gri"), None
    return found | {name: (((name, data),), None) for name, data in _pictures().items()}


def _plain() -> dict[str, tuple[bytes, str | None]]:
    pixels = galaxy(5, side=SIDE)
    header = tan_header(SIDE, BUNIT="nanomaggy")
    doubles = file_of(fits.PrimaryHDU(pixels.astype(">f8"), header))
    calibrated = Cutout(
        flux=pixels,
        bands=BAND_SETS["sdss-ugriz"],
        ivar=np.full(pixels.shape, 1e4, np.float32),
        mask=np.zeros(pixels.shape, np.bool_),
        ra_deg=150.1,
        dec_deg=2.2,
        pixel_scale_arcsec=0.396,
        ebv=0.03,
    )
    return {
        "cube": (cube("ugriz"), UGRIZ),
        "grz": (cube("grz"), None),
        "written": (write_fits(calibrated), None),
        "doubles": (doubles, UGRIZ),
        "bare": (image(pixels[2], [("FILTER", "r"), ("MAGZERO", 25.0), ("PIXSCALE", 0.4)]), None),
    }


def _scaled() -> dict[str, tuple[bytes, str | None]]:
    counts = np.clip(galaxy(5, side=SIDE) * 1000, -3e4, 3e4)
    header = tan_header(SIDE, MAGZERO=27.0)
    found: dict[str, tuple[bytes, str | None]] = {}
    for name, kind, more in (
        ("uint8", np.uint8, {}),
        ("int16", np.int16, {"BSCALE": 0.001, "BZERO": 3.0, "BLANK": -32768}),
        ("int32", np.int32, {"BZERO": 2**31}),
        ("int64", np.int64, {}),
    ):
        cast = np.clip(counts / 50, 0, 255) if kind is np.uint8 else counts
        data = file_of(fits.PrimaryHDU(cast.astype(kind), header))
        for key, value in more.items():
            data = _insert(data, key, value)
        found[name] = (data, UGRIZ)
    return found


def _insert(data: bytes, key: str, value: float) -> bytes:
    """Put a card where END stands: astropy would rescale the pixels on writing."""
    at = data.index(b"END" + b" " * 77)
    return data[:at] + f"{key:<8}= {value!s:>20}".encode().ljust(80) + data[at : at + 80] + data[at + 160 :]


def _many_hdus() -> dict[str, tuple[bytes, str | None]]:
    pixels, sky = galaxy(5, side=SIDE), tan_header(SIDE)
    per_band = [fits.PrimaryHDU()]
    for n, band in enumerate("ugriz"):
        header = sky.copy()
        header["FILTER"], header["FLUXMAG0"] = f"SDSS {band}", 1e9
        per_band.append(fits.ImageHDU(pixels[n], header, name=band.upper()))
    science = [
        fits.PrimaryHDU(),
        fits.ImageHDU(
            pixels[2], tan_header(SIDE, FILTER="F814W", PHOTFLAM=7e-20, PHOTPLAM=8045.0), name="SCI"
        ),
        fits.ImageHDU(np.full((SIDE, SIDE), 0.01, np.float32), sky, name="ERR"),
        fits.ImageHDU(np.zeros((SIDE, SIDE), np.int16), sky, name="DQ"),
        fits.BinTableHDU.from_columns([fits.Column("x", "E", array=np.arange(9.0))], name="CAT"),
        fits.TableHDU.from_columns([fits.Column("y", "I6", array=np.arange(5))], name="TEXT"),
    ]
    stack = tan_header(SIDE, BOFFSET=0.1, BSOFTEN=0.05, EXPTIME=100.0)
    stack["HIERARCH FPA.ZP"] = 25.0
    weights = [
        fits.PrimaryHDU(pixels, sky),
        fits.ImageHDU(np.full(pixels.shape, 100, np.float32), sky, name="WHT"),
    ]
    return {
        "hdu_per_band": (file_of(*per_band), None),
        "hst": (file_of(*science), "sdss:i"),
        "panstarrs": (file_of(fits.PrimaryHDU(pixels[2], stack)), "sdss:r"),
        "weights": (file_of(*weights), UGRIZ),
    }


def _tiled() -> dict[str, tuple[bytes, str | None]]:
    pixels, found = galaxy(5, side=SIDE), {}
    integers = (pixels * 1000).astype(np.int16)
    header = tan_header(SIDE, BUNIT="nanomaggy")
    header["BANDS"] = "ugriz"
    for name, data, codec, more in (
        ("rice_int", integers, "RICE_1", {}),
        ("rice_float", pixels, "RICE_1", {"quantize_level": 8.0, "quantize_method": 1}),
        ("gzip1_float", pixels, "GZIP_1", {"quantize_level": 0.0}),
        ("gzip2_float", pixels, "GZIP_2", {"quantize_level": 16.0, "quantize_method": 2}),
        ("gzip2_int", integers.astype(np.int32), "GZIP_2", {}),
        ("nocompress", integers, "NOCOMPRESS", {}),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tile = (1, SIDE // 2, SIDE)
            hdu = fits.CompImageHDU(data, header, compression_type=codec, tile_shape=tile, **more)
            stream = io.BytesIO()
            fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(stream)
        found[name] = (stream.getvalue(), None)
    return found


def _skies() -> dict[str, tuple[bytes, str | None]]:
    """World coordinates of every kind: distorted, turned, mirrored, in PC and CDELT, in another system."""
    turned = {"CD1_1": 8e-5, "CD1_2": 7e-5, "CD2_1": -7e-5, "CD2_2": 8e-5}
    sip = {
        "CTYPE1": "RA---TAN-SIP",
        "CTYPE2": "DEC--TAN-SIP",
        "A_ORDER": 2,
        "B_ORDER": 2,
        "A_2_0": 1e-6,
        "B_0_2": -2e-6,
        "AP_ORDER": 2,
        "BP_ORDER": 2,
    }
    tpv = {"CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV", "PV1_1": 1.0, "PV1_4": 1e-5, "PV2_1": 1.0}
    kinds = {
        "sip": sip,
        "tpv": tpv,
        "turned": turned,
        "mirrored": {"CD1_1": 1.1e-4},
        "galactic": {"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"},
    }
    found: dict[str, tuple[bytes, str | None]] = {}
    for name, more in kinds.items():
        header = tan_header(SIDE, BUNIT="nanomaggy", **more)
        found[name] = (file_of(fits.PrimaryHDU(galaxy(5, side=SIDE), header)), UGRIZ)
    pc = fits.Header()
    for key, value in {
        "WCSAXES": 3,
        "CTYPE1": "RA---SIN",
        "CTYPE2": "DEC--SIN",
        "CTYPE3": "WAVE",
        "CRVAL1": 10.0,
        "CRVAL2": -20.0,
        "CRVAL3": 5e-7,
        "CRPIX1": 24.5,
        "CRPIX2": 24.5,
        "CDELT1": -1e-4,
        "CDELT2": 1e-4,
        "CDELT3": 1e-8,
        "PC1_1": 0.8,
        "PC1_2": 0.6,
        "PC2_1": -0.6,
        "PC2_2": 0.8,
        "RADESYS": "FK5",
        "EQUINOX": 2000.0,
        "LONPOLE": 180.0,
    }.items():
        pc[key] = value
    found["pc_cdelt"] = (file_of(fits.PrimaryHDU(galaxy(3, side=SIDE), pc)), "grz")
    return found


def _pictures() -> dict[str, bytes]:
    rng = np.random.default_rng(7)
    grey = np.clip(galaxy(side=SIDE) * 20 + rng.integers(0, 9, (SIDE, SIDE)), 0, 255).astype(np.uint8)
    colour = Image.fromarray(np.stack([grey, np.roll(grey, 2), np.roll(grey, 4)], axis=-1))
    modes = {mode: colour.convert(mode) for mode in ("1", "L", "LA", "RGB", "RGBA", "P")}
    found = {f"{mode}.png": _saved(picture, "PNG") for mode, picture in modes.items()}
    found["I16.png"] = _saved(Image.fromarray(grey.astype(np.uint16) * 257), "PNG")
    found["P_transparent.png"] = _saved(modes["P"], "PNG", transparency=3)
    found["text.png"] = _saved(colour, "PNG", dpi=(72, 72), icc_profile=b"not a profile")
    exif = Image.Exif()
    exif[274] = 6
    found["L.jpg"] = _saved(modes["L"], "JPEG")
    found["RGB.jpg"] = _saved(colour, "JPEG", quality=90, exif=exif)
    found["progressive.jpg"] = _saved(colour, "JPEG", progressive=True, subsampling=0)
    found["CMYK.jpg"] = _saved(colour.convert("CMYK"), "JPEG", icc_profile=b"not a profile" * 9)
    return found


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()
