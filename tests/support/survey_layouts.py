"""The galaxy as surveys and their cutout servers give it: SDSS, Legacy Surveys, KiDS, and plain cubes."""

from __future__ import annotations

import bz2
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from support.galaxy_files import (
    LETTERS,
    NAMED,
    Pixels,
    Written,
    cube,
    expose,
    float32,
    hdu_file,
    packed,
    position,
    with_cards,
)
from support.galaxy_scene import GalaxyScene

from survey.fits.writer import write_fits
from survey.simulate.recipe import PIXEL_SCALE


def own(scene: GalaxyScene, rng) -> Written:
    pixels = expose(scene, PIXEL_SCALE, rng=rng)
    ivar = None if rng is None else float32(pixels.ivar)
    cutout = replace(scene.cutout, flux=float32(pixels.flux), ivar=ivar)
    return Written([("galaxy.fits", write_fits(cutout))])


def sdss_stamps(scene: GalaxyScene, rng) -> Written:
    pixels = expose(scene, PIXEL_SCALE, angle_deg=37.0, rng=rng)
    files = []
    for n in (3, 0, 4, 1, 2):
        header = with_cards(pixels.wcs, RUN=756, CAMCOL=2, FILTER=LETTERS[n], BUNIT="nanomaggy")
        data = hdu_file(
            fits.PrimaryHDU(float32(pixels.flux[n]), header), fits.ImageHDU(float32(pixels.ivar[n]))
        )
        files.append((f"stamp-{LETTERS[n]}.fits", data))
    return Written(files)


def sdss_frames(scene: GalaxyScene, rng) -> Written:
    """Whole fields, the camera's bands a few pixels and a fraction apart, north to the side, compressed."""
    files = []
    for n, letter in enumerate(LETTERS):
        centre = (151.0 + 2.37 * n, 88.4 - 1.19 * n)
        pixels = expose(scene, PIXEL_SCALE, angle_deg=72.0, shape=(180, 260), centre=centre, rng=rng)
        header = with_cards(pixels.wcs, TELESCOP="2.5m", DERV_VER="NSC", FILTER=letter, RUN=756, CAMCOL=3)
        # The reference of a frame is far from the galaxy that is meant.
        header["CRPIX1"], header["CRPIX2"] = 130.5, 90.5
        centre_sky = _moved(scene, pixels, (129.5 - centre[0], 89.5 - centre[1]))
        header["CRVAL1"], header["CRVAL2"] = centre_sky
        table = fits.BinTableHDU.from_columns([fits.Column("ALLSKY", "16E", array=np.zeros((1, 16)))])
        data = hdu_file(
            fits.PrimaryHDU(float32(pixels.flux[n]), header), fits.ImageHDU(np.ones(260, np.float32)), table
        )
        files.append((f"frame-{letter}-000756-3-0206.fits.bz2", bz2.compress(data)))
    return Written(files, position(scene))


def _moved(scene: GalaxyScene, pixels: Pixels, step: tuple[float, float]) -> tuple[float, float]:
    wcs = WCS(pixels.wcs)
    x, y = pixels.wcs["CRPIX1"] - 1 + step[0], pixels.wcs["CRPIX2"] - 1 + step[1]
    ra, dec = wcs.all_pix2world([[x, y]], 0)[0]
    return float(ra), float(dec)


def legacy_cube(scene: GalaxyScene, rng) -> Written:
    pixels = expose(scene, 0.262, rng=rng)
    bands = {f"BAND{n}": letter for n, letter in enumerate(LETTERS)}
    header = with_cards(pixels.wcs, SURVEY="DECaLS", VERSION="DR10", IMAGETYP="image", BANDS=LETTERS, **bands)
    return Written([("cutout.fits", hdu_file(fits.PrimaryHDU(float32(pixels.flux), header)))], NAMED)


def legacy_subimage(scene: GalaxyScene, rng) -> Written:
    pixels = expose(scene, 0.262, rng=rng)
    hdus = [fits.PrimaryHDU(header=fits.Header({"SURVEY": "DECaLS"}))]
    for n, letter in enumerate(LETTERS):
        for kind, planes in (("image", pixels.flux), ("invvar", pixels.ivar)):
            header = with_cards(pixels.wcs, BAND=letter, IMAGETYP=kind, BRICK="1501p022")
            hdus.append(fits.ImageHDU(float32(planes[n]), header))
    return Written([("cutout.fits", hdu_file(*hdus))], NAMED)


def legacy_bricks(scene: GalaxyScene, rng) -> Written:
    pixels = expose(scene, 0.262, rng=rng)
    header = with_cards(pixels.wcs, MAGZERO=22.5, BUNIT="nanomaggy")
    files = [
        (f"legacysurvey-1501p022-image-{letter}.fits.fz", hdu_file(packed(pixels.flux[n], header)))
        for n, letter in enumerate(LETTERS)
    ]
    return Written(files, NAMED)


def kids_cube(scene: GalaxyScene, rng) -> Written:
    """A cube of KiDS and VIKING planes without a WCS: the sender says the scale."""
    pixels = expose(scene, 0.339, rng=rng).counts(30.0)
    header = fits.Header({"SURVEY": "KiDS", "BANDS": "u,g,r,i,Z", "PHOTZP": 30.0})
    header["RA_OBJ"], header["DEC_OBJ"] = scene.galaxy.ra_deg, scene.galaxy.dec_deg
    return Written(
        [("cube.fits", hdu_file(fits.PrimaryHDU(float32(pixels.flux), header)))], {"pixscale": "0.339"}
    )


def mixed_grids(scene: GalaxyScene, rng) -> Written:
    """Five files of five cameras: other scales, angles and parities."""
    grids = [
        (0.45, 10.0, False),
        (0.396, 0.0, False),
        (0.262, 0.0, True),
        (0.3, -77.0, False),
        (0.396, 200.0, True),
    ]
    files = []
    for n, (scale, angle, mirrored) in enumerate(grids):
        pixels = expose(scene, scale, angle_deg=angle, mirrored=mirrored, rng=rng)
        header = with_cards(pixels.wcs, BAND=LETTERS[n], BUNIT="nanomaggy")
        files.append((f"{LETTERS[n]}.fits", hdu_file(fits.PrimaryHDU(float32(pixels.flux[n]), header))))
    return Written(files)


def turned(angle_deg: float, *, mirrored: bool = False, scale: float = PIXEL_SCALE) -> Callable[..., Written]:
    def writer(scene: GalaxyScene, rng) -> Written:
        pixels = expose(scene, scale, angle_deg=angle_deg, mirrored=mirrored, rng=rng)
        return Written([("galaxy.fits", cube(pixels))])

    return writer
