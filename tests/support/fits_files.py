"""Small FITS files of one synthetic galaxy, in the layouts that surveys use."""

from __future__ import annotations

import io

import numpy as np
import pytest
from astropy.io import fits

from survey.fits.reader import read_fits
from survey.ingest import CutoutRejected, Overrides

SIDE = 40
RA, DEC, SCALE = 150.1, 2.2, 0.4


def galaxy(
    n_planes: int | None = None, *, side: int = SIDE, seed: int = 3, noise: float = 0.01
) -> np.ndarray:
    """A Gaussian blob of ten counts on noise, shape (H, W) or (C, H, W), float32."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((side, side)) - (side - 1) / 2
    blob = 10 * np.exp(-(x**2 + y**2) / 18)
    planes = blob * np.linspace(0.5, 1, n_planes or 1)[:, None, None] + rng.normal(
        0, noise, (n_planes or 1, side, side)
    )
    return (planes if n_planes else planes[0]).astype(np.float32)


def tan_header(
    side: int = SIDE, *, ra: float = RA, dec: float = DEC, scale: float = SCALE, crpix=None, **more
) -> fits.Header:
    """A north-up TAN header whose reference pixel is the middle, or ``crpix``."""
    header = fits.Header()
    x, y = crpix or ((side + 1) / 2, (side + 1) / 2)
    cards = {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": ra, "CRVAL2": dec, "CRPIX1": x, "CRPIX2": y,
        "CD1_1": -scale / 3600, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": scale / 3600,
    }  # fmt: skip
    for key, value in {**cards, **more}.items():
        header[key] = value
    return header


def file_of(*hdus) -> bytes:
    """The bytes of a file with these HDUs; arrays become images, the first one the primary."""
    made = [fits.PrimaryHDU(h) if n == 0 and isinstance(h, np.ndarray) else h for n, h in enumerate(hdus)]
    made = [fits.ImageHDU(h) if isinstance(h, np.ndarray) else h for h in made]
    stream = io.BytesIO()
    fits.HDUList(made).writeto(stream)
    return stream.getvalue()


def cube(bands: str = "grz", *, header: fits.Header | None = None, **more) -> bytes:
    """A Legacy Survey cutout: one cube with BANDS, nanomaggies without BUNIT."""
    header = header or tan_header()
    header["SURVEY"], header["BANDS"] = "DECaLS", bands
    for key, value in more.items():
        header[key] = value
    return file_of(fits.PrimaryHDU(galaxy(len(bands)), header))


def single(band: str | None, *, header: fits.Header | None = None, data=None, **more) -> bytes:
    """One band of an SDSS-like set."""
    header = header or tan_header()
    if band is not None:
        header["BAND"] = band
    for key, value in more.items():
        header[key.replace("__", "-")] = value
    return file_of(fits.PrimaryHDU(galaxy() if data is None else data, header))


def sdss(band: str, **more) -> bytes:
    """One band of a real SDSS set: the keywords name the telescope."""
    return single(band, RUN=756, CAMCOL=2, BUNIT="nanomaggy", **more)


def read(*datas, names=None, **overrides):
    """Read files as an upload is read."""
    files = list(zip(names or [f"file{n}.fits" for n in range(len(datas))], datas, strict=True))
    return read_fits(files, overrides=Overrides(**overrides))


def rejected(*datas, names=None, **overrides) -> CutoutRejected:
    """Return the refusal of files that must be refused."""
    with pytest.raises(CutoutRejected) as caught:
        read(*datas, names=names, **overrides)
    return caught.value
