"""A galaxy of the simulated survey as a function of the sky, sampled on any pixel grid without interpolating pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from survey.cutout import Cutout
from survey.simulate.galaxies import build_galaxy
from survey.simulate.light import combine
from survey.simulate.morphology import draw_shape
from survey.simulate.oddities import draw_oddity
from survey.simulate.optics import GRID, SKY_SIGMA, add_noise, draw_observation, expose
from survey.simulate.parents import UGRIZ, read_parents
from survey.simulate.population import Galaxy, draw_population
from survey.simulate.recipe import FIELD_PX, PIXEL_SCALE
from survey.simulate.render import _OFF_CENTRE_ARCSEC, galaxy_generator, render_galaxy
from survey.simulate.surroundings import neighbours
from survey.simulate.templates import sdss_templates

__all__ = ["SKY_SIGMA", "GalaxyScene", "grid_matrix", "population", "scene_of", "scenes_of"]

# A quintic spline on five samples a pixel is exact to 1e-6 of the band limit's amplitude (Unser 1999, IEEE SPM
# 16, 22: the error falls with the sixth power of frequency over sampling rate).
_OVERSAMPLING = 5
_HALF = GRID // 2


@dataclass(frozen=True, eq=False)
class GalaxyScene:
    """Light on the sky, band-limited at the survey's own Nyquist frequency and periodic beyond 66 arcsec.

    Attributes
    ----------
    galaxy
        Of the simulated population; the galaxy lies at its position.
    modes
        Fourier coefficients of the surface brightness before any pixel, shape (5, GRID + 1, GRID // 2 + 1);
        the first row is -Nyquist.
    cutout
        The same light in the survey's own pixels: with ``noise`` exactly those that the survey stores.
    """

    galaxy: Galaxy
    modes: np.ndarray
    cutout: Cutout

    def sample(self, matrix: np.ndarray, shape: tuple[int, int], centre: tuple[float, float] | None = None):
        """Return nanomaggies per pixel, shape (5, H, W), on the grid of a matrix.

        Parameters
        ----------
        matrix
            (east, north) in arcsec = ``matrix @ (x - x0, y - y0)``; see `grid_matrix`.
        centre
            Pixel (x0, y0), counted from 0, on which the galaxy lies; default the middle.
        """
        height, width = shape
        x0, y0 = centre or ((width - 1) / 2, (height - 1) / 2)
        # The simulation looks at the sky: its x runs to the west.
        edges = np.array([[-1.0, 0.0], [0.0, 1.0]]) @ np.asarray(matrix, dtype=float)
        k = 2 * np.pi * np.arange(-_HALF, _HALF + 1) / (GRID * PIXEL_SCALE)
        ky, kx = k[:, None], k[None, _HALF:]
        box = np.prod([np.sinc((kx * a + ky * b) / (2 * np.pi)) for a, b in edges.T], axis=0)
        area = abs(np.linalg.det(edges)) / PIXEL_SCALE**2
        side = GRID * _OVERSAMPLING
        fine = np.zeros((len(self.modes), side, side // 2 + 1), dtype=np.complex128)
        modes = self.modes * box * area * _OVERSAMPLING**2
        fine[:, : _HALF + 1, : _HALF + 1] = modes[:, _HALF:]
        fine[:, -_HALF:, : _HALF + 1] = modes[:, :_HALF]
        images = fft.irfft2(fine, s=(side, side))
        y, x = np.indices(shape, dtype=float)
        at = edges @ np.stack([(x - x0).ravel(), (y - y0).ravel()]) / PIXEL_SCALE + (FIELD_PX - 1) / 2
        where = at[::-1] * _OVERSAMPLING
        planes = [ndimage.map_coordinates(image, where, order=5, mode="grid-wrap") for image in images]
        return np.reshape(planes, (len(planes), height, width))


def grid_matrix(scale: float, *, angle_deg: float = 0.0, mirrored: bool = False) -> np.ndarray:
    """Return the 2 x 2 matrix from pixels to (east, north) in arcsec.

    North lies at ``angle_deg`` from +y towards -x (the position angle of +y is minus this); unmirrored, east is
    90 degrees further. A mirrored grid is the unmirrored one with its columns reversed.
    """
    angle = np.deg2rad(angle_deg)
    matrix = scale * np.array([[-np.cos(angle), -np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return matrix * np.array([-1.0, 1.0]) if mirrored else matrix


def population(*, n: int, seed: int) -> dict[str, Galaxy]:
    """Return the galaxies of a simulated survey of ``n`` and ``seed`` by id, those that it dropped too."""
    drawn = draw_population(read_parents(), n, seed=seed, templates=sdss_templates())
    return {galaxy.object_id: galaxy for galaxy in drawn}


def scenes_of(object_ids, *, n: int, seed: int, noise: bool = True) -> dict[str, GalaxyScene]:
    """Rebuild galaxies of a simulated survey as functions of the sky; see `scene_of`."""
    galaxies = population(n=n, seed=seed)
    return {one: scene_of(galaxies[one], seed=seed, noise=noise) for one in object_ids}


def scene_of(galaxy: Galaxy, *, seed: int, noise: bool = True) -> GalaxyScene:
    """Rebuild a galaxy of a simulated survey as a function of the sky.

    With ``noise`` the survey's own noise is part of the light: what is sampled is the same observation.

    Raises
    ------
    ValueError
        If the galaxy has a planted oddity.
    """
    rng = galaxy_generator(seed, galaxy.index)
    if draw_oddity(rng) is not None:
        raise ValueError("an oddity's light is not linear; choose a galaxy without one")
    shape, observation = draw_shape(galaxy, rng), draw_observation(rng)
    sources = combine(build_galaxy(shape, rng), galaxy.flux) + neighbours(galaxy.flux, rng)
    x, y = rng.normal(0, _OFF_CENTRE_ARCSEC, 2)
    # The camera returns one quarter of its periodic image; four exposures give the whole.
    step = FIELD_PX * PIXEL_SCALE
    parts = [[expose(sources, observation, (x - i * step, y - j * step)) for i in (0, 1)] for j in (0, 1)]
    image = np.concatenate([np.concatenate(row, axis=2) for row in parts], axis=1)
    if noise:
        image = add_noise(image, observation, np.random.default_rng(galaxy.index))
        image[:, :FIELD_PX, :FIELD_PX] = render_galaxy(galaxy, seed=seed).image
    cutout = Cutout(
        flux=np.ascontiguousarray(image[:, :FIELD_PX, :FIELD_PX], dtype=np.float32),
        bands=UGRIZ,
        ra_deg=galaxy.ra_deg,
        dec_deg=galaxy.dec_deg,
        pixel_scale_arcsec=PIXEL_SCALE,
    )
    return GalaxyScene(galaxy, _modes(image), cutout)


def _modes(image: np.ndarray) -> np.ndarray:
    """Return the modes of an image before its pixels; those at Nyquist are shared by both signs."""
    whole = fft.rfft2(image.astype(np.float64))
    rows = np.concatenate([whole[:, _HALF:], whole[:, : _HALF + 1]], axis=1)
    rows[:, [0, -1]] /= 2
    rows[:, :, -1] /= 2
    frequency = np.arange(-_HALF, _HALF + 1) / GRID
    return rows / (np.sinc(frequency)[:, None] * np.sinc(frequency)[None, _HALF:])
