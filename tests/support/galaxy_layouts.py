"""One galaxy written as surveys write it: many layouts, units, pixel scales, orientations and parities.

Every file shows the same light through the same PSF, so that only the writing differs. The bands are those of the
simulated survey; where a survey has no u, the sender's word (``bands=``) names them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from support import pipeline_layouts as pipelines
from support import survey_layouts as surveys
from support.galaxy_files import Written
from support.galaxy_scene import GalaxyScene

from survey.simulate.recipe import PIXEL_SCALE

__all__ = ["LAYOUTS", "Layout", "write"]


@dataclass(frozen=True)
class Layout:
    """One way to write a galaxy.

    Attributes
    ----------
    writer
        From a scene, and a generator for noise of its own or None, to files.
    scale_arcsec
        Of its (coarsest) pixels.
    is_turned
        Whether north is neither up nor along an axis, so that pixels must be interpolated.
    """

    writer: Callable[[GalaxyScene, np.random.Generator | None], Written]
    scale_arcsec: float = PIXEL_SCALE
    is_turned: bool = False


LAYOUTS: dict[str, Layout] = {
    "own writer, 0.396": Layout(surveys.own),
    "SDSS stamps, five files, north at 37°": Layout(surveys.sdss_stamps, is_turned=True),
    "SDSS frames, bzip2, bands shifted, north at 72°": Layout(surveys.sdss_frames, is_turned=True),
    "Legacy cube, 0.262": Layout(surveys.legacy_cube, 0.262),
    "Legacy subimage, 0.262": Layout(surveys.legacy_subimage, 0.262),
    "Legacy bricks, RICE, 0.262": Layout(surveys.legacy_bricks, 0.262),
    "Pan-STARRS skycells, asinh, RICE, 0.25": Layout(pipelines.ps1_skycell, 0.25),
    "Pan-STARRS cutouts, 0.25": Layout(pipelines.ps1_cutouts, 0.25),
    "HSC, FLUXMAG0, 0.168": Layout(pipelines.hsc, 0.168),
    "DES tiles, MAGZERO, RICE, 0.263": Layout(pipelines.des, 0.263),
    "HST drizzled, e/s, gzip, 0.05, north at -58°": Layout(pipelines.hst_drz, 0.05, is_turned=True),
    "Rubin coadds, nJy, 0.2, north at 12°": Layout(pipelines.rubin, 0.2, is_turned=True),
    "HDU a band, µJy, 0.3, north down": Layout(pipelines.microjansky, 0.3),
    "JWST, MJy/sr, 0.1, north at 123°": Layout(pipelines.jwst, 0.1, is_turned=True),
    "KiDS and VIKING cube, no WCS, 0.339": Layout(surveys.kids_cube, 0.339),
    "five files on five grids": Layout(surveys.mixed_grids, 0.45, is_turned=True),
    "cube, mirrored": Layout(surveys.turned(0.0, mirrored=True)),
    "cube, north at 90°": Layout(surveys.turned(90.0)),
    "cube, north at 20°": Layout(surveys.turned(20.0), is_turned=True),
    "cube, north at 45°, mirrored": Layout(surveys.turned(45.0, mirrored=True), is_turned=True),
    "cube, 0.5, north at -30°": Layout(surveys.turned(-30.0, scale=0.5), 0.5, is_turned=True),
}


def write(name: str, scene: GalaxyScene, rng: np.random.Generator | None = None) -> Written:
    """Write a scene in one of the `LAYOUTS`; with ``rng`` each file has noise of its own."""
    return LAYOUTS[name].writer(scene, rng)
