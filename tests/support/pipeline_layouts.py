"""The galaxy as reduction pipelines write it: Pan-STARRS, HSC, DES, HST, Rubin, JWST."""

from __future__ import annotations

import gzip
import warnings
from dataclasses import replace

import numpy as np
from astropy.io import fits
from support.galaxy_files import (
    LETTERS,
    NAMED,
    Pixels,
    Written,
    expose,
    float32,
    hdu_file,
    packed,
    with_cards,
)
from support.galaxy_scene import GalaxyScene


def _ps1_header(pixels: Pixels, letter: str, seconds: float, **more) -> fits.Header:
    """Write the WCS as Pan-STARRS does: positive CDELT, the sign in PC001001, no RADESYS."""
    header = pixels.wcs.copy()
    matrix = np.array([[header.pop(f"CD{i}_{j}") for j in (1, 2)] for i in (1, 2)])
    step = float(np.sqrt(abs(np.linalg.det(matrix))))
    header["CDELT1"], header["CDELT2"] = step, step
    for i in (0, 1):
        for j in (0, 1):
            header[f"PC00{i + 1}00{j + 1}"] = matrix[i, j] / step
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header["HIERARCH FPA.FILTERID"], header["HIERARCH FPA.ZP"] = f"{letter}.00000", 25.0
    header["EXPTIME"] = seconds
    for key, value in more.items():
        header[key] = value
    return header


def ps1_skycell(scene: GalaxyScene, rng) -> Written:
    files = []
    pixels = expose(scene, 0.25, rng=rng)
    for n, letter in enumerate(LETTERS):
        seconds = 700.0 + 40 * n
        counts = pixels.counts(25 + 2.5 * np.log10(seconds))
        # Waters et al. 2020, section 4.2, with the softening of a typical stack: a few sigma.
        softening, offset = 3.0 * counts.sigma[n], 0.1 * counts.sigma[n]
        scaled = 2.5 * np.log10(np.e) * np.arcsinh((counts.flux[n] - offset) / (2 * softening))
        header = _ps1_header(pixels, letter, seconds, BSOFTEN=softening, BOFFSET=offset)
        files.append(
            (f"rings.v3.skycell.1234.056.stk.{letter}.unconv.fits", hdu_file(packed(scaled, header)))
        )
    return Written(files, NAMED)


def ps1_cutouts(scene: GalaxyScene, rng) -> Written:
    files = []
    pixels = expose(scene, 0.25, rng=rng)
    for n, letter in enumerate(LETTERS):
        seconds = 700.0 + 40 * n
        flux = float32(pixels.counts(25 + 2.5 * np.log10(seconds)).flux[n])
        header = _ps1_header(pixels, letter, seconds)
        files.append((f"cutout_rings.v3.stk.{letter}.fits", hdu_file(fits.PrimaryHDU(flux, header))))
    return Written(files, NAMED)


def _masked_image(pixels: Pixels, n: int, primary: fits.Header, header: fits.Header) -> bytes:
    """Write IMAGE, MASK and VARIANCE as the LSST pipelines do; DETECTED is no fault of a pixel."""
    detected = (pixels.flux[n] > 5 * pixels.sigma[n]).astype(np.int32) << 5
    mask = with_cards(pixels.wcs, MP_BAD=0, MP_SAT=1, MP_EDGE=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mask["HIERARCH MP_DETECTED"] = 5
    variance = np.full(pixels.flux.shape[1:], pixels.sigma[n] ** 2, dtype=np.float32)
    return hdu_file(
        fits.PrimaryHDU(header=primary),
        fits.ImageHDU(float32(pixels.flux[n]), header, name="IMAGE"),
        fits.ImageHDU(detected, mask, name="MASK"),
        fits.ImageHDU(variance, pixels.wcs, name="VARIANCE"),
    )


def hsc(scene: GalaxyScene, rng) -> Written:
    pixels = expose(scene, 0.168, rng=rng).counts(27.0)
    files = []
    for letter, n in zip(LETTERS, range(5), strict=True):
        primary = fits.Header({"FLUXMAG0": 63095734448.0194, "FILTER": f"HSC-{letter.upper()}"})
        files.append(
            (f"cutout-HSC-{letter.upper()}-9813.fits", _masked_image(pixels, n, primary, pixels.wcs))
        )
    return Written(files, NAMED)


def des(scene: GalaxyScene, rng) -> Written:
    pixels = expose(scene, 0.263, rng=rng).counts(30.0)
    files = []
    for n, letter in enumerate(LETTERS):
        header = with_cards(
            pixels.wcs, MAGZERO=30.0, BAND=letter, FILTER=f"{letter} DECam SDSS c0001 4720.0 1520.0"
        )
        none = np.zeros(pixels.flux.shape[1:], dtype=np.int32)
        data = hdu_file(
            packed(pixels.flux[n], header, "SCI"),
            packed(none, pixels.wcs, "MSK"),
            packed(float32(pixels.ivar[n]), pixels.wcs, "WGT"),
        )
        files.append((f"DES0219-0541_r4575p01_{letter}.fits.fz", data))
    return Written(files, NAMED)


def hst_drz(scene: GalaxyScene, rng) -> Written:
    """Drizzled electrons per second: photometric keywords in the extension, the filter in the primary."""
    pivots = (3355.0, 4747.0, 6312.0, 7693.0, 9145.0)
    files = []
    pixels = expose(scene, 0.05, angle_deg=-58.0, shape=(760, 760), rng=rng)
    for n, letter in enumerate(LETTERS):
        flam = 1.5e-19 * (n + 1)
        zeropoint = -2.5 * np.log10(flam) - 5 * np.log10(pivots[n]) - 2.408
        header = with_cards(pixels.wcs, PHOTFLAM=flam, PHOTPLAM=pivots[n], BUNIT="ELECTRONS/S")
        primary = fits.Header({"TELESCOP": "HST", "INSTRUME": "ACS", "FILTER1": f"F{n}W", "EXPTIME": 2028.0})
        data = hdu_file(
            fits.PrimaryHDU(header=primary),
            fits.ImageHDU(float32(pixels.counts(zeropoint).flux[n]), header, name="SCI"),
            fits.ImageHDU(np.full(pixels.flux.shape[1:], 2028, np.float32), pixels.wcs, name="WHT"),
        )
        files.append((f"hst_{letter}_drz.fits.gz", gzip.compress(data, 1, mtime=0)))
    return Written(files, NAMED)


def rubin(scene: GalaxyScene, rng) -> Written:
    # One nanomaggy is 3631 nJy times 10^9 / 10^9: AB magnitude 22.5 of 3631 Jy.
    pixels = expose(scene, 0.2, angle_deg=12.0, rng=rng).counts(31.4)
    exact = 3631.0 / 10 ** (0.4 * (31.4 - 22.5))
    pixels = replace(pixels, flux=pixels.flux * exact, sigma=pixels.sigma * exact)
    files = []
    for n, letter in enumerate(LETTERS):
        header = with_cards(pixels.wcs, BUNIT="nJy")
        primary = fits.Header({"TELESCOP": "Rubin", "INSTRUME": "LSSTCam", "FILTER": letter})
        files.append((f"deepCoadd_{letter}.fits", _masked_image(pixels, n, primary, header)))
    return Written(files[::-1])


def microjansky(scene: GalaxyScene, rng) -> Written:
    pixels = expose(scene, 0.3, angle_deg=180.0, rng=rng)
    hdus = [
        fits.ImageHDU(
            float32(plane * 3.631), with_cards(pixels.wcs, BUNIT="uJy"), name=f"SCI_{letter.upper()}"
        )
        for letter, plane in zip(LETTERS, pixels.flux, strict=True)
    ]
    return Written([("galaxy.fits", hdu_file(*hdus))], NAMED)


def jwst(scene: GalaxyScene, rng) -> Written:
    """Surface brightness: megajansky per steradian, with its error."""
    pixels = expose(scene, 0.1, angle_deg=123.0, rng=rng)
    per_pixel = 3.631e-12 / np.deg2rad(pixels.scale / 3600) ** 2
    files = []
    for n, letter in enumerate(LETTERS):
        header = with_cards(pixels.wcs, BUNIT="MJy/sr")
        data = hdu_file(
            fits.PrimaryHDU(header=fits.Header({"TELESCOP": "JWST", "FILTER": f"F{n}50W"})),
            fits.ImageHDU(float32(pixels.flux[n] * per_pixel), header, name="SCI"),
            fits.ImageHDU(
                np.full(pixels.flux.shape[1:], pixels.sigma[n] * per_pixel, np.float32), header, name="ERR"
            ),
        )
        files.append((f"jw_{letter}_i2d.fits", data))
    return Written(files, NAMED)
