"""A galaxy on a pixel grid, and the pieces that FITS files of it are made of."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass, field, replace

import numpy as np
from astropy.io import fits
from support.galaxy_scene import SKY_SIGMA, GalaxyScene, grid_matrix

from survey.simulate.recipe import PIXEL_SCALE

__all__ = [
    "LETTERS", "NAMED", "Pixels", "Written", "cube", "expose", "float32", "hdu_file", "packed", "position", "with_cards",
]  # fmt: skip

LETTERS = "ugriz"
# A square of 40 arcsec holds the model's 25 arcsec at any angle.
_SIDE_ARCSEC = 40.0


NAMED = {"bands": "sdss-ugriz"}


@dataclass(frozen=True)
class Written:
    """Files as they would be sent, and what the sender says beside them."""

    files: list[tuple[str, bytes]]
    query: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Pixels:
    """The galaxy on one grid: nanomaggies per pixel (5, H, W), the sky's noise in each pixel (5,), the WCS."""

    flux: np.ndarray
    sigma: np.ndarray
    wcs: fits.Header
    scale: float

    @property
    def ivar(self) -> np.ndarray:
        return np.broadcast_to((self.sigma**-2.0)[:, None, None], self.flux.shape)

    def counts(self, zeropoint: float) -> Pixels:
        """Return the same in counts of an AB zero point."""
        factor = 10 ** (0.4 * (zeropoint - 22.5))
        return replace(self, flux=self.flux * factor, sigma=self.sigma * factor)


def expose(
    scene: GalaxyScene,
    scale: float,
    *,
    angle_deg: float = 0.0,
    mirrored: bool = False,
    shape: tuple[int, int] | None = None,
    centre: tuple[float, float] | None = None,
    rng: np.random.Generator | None = None,
) -> Pixels:
    """Sample a scene on a grid; with ``rng`` the survey's sky noise is added, equal on equal areas."""
    side = 2 * round(_SIDE_ARCSEC / scale / 2)
    shape = shape or (side, side)
    centre = centre or ((shape[1] - 1) / 2, (shape[0] - 1) / 2)
    matrix = grid_matrix(scale, angle_deg=angle_deg, mirrored=mirrored)
    flux = scene.sample(matrix, shape, centre)
    # Noise that is part of the sky is the same in neighbouring fine pixels: each has its share of the area.
    is_shared = rng is None and scale < PIXEL_SCALE
    sigma = SKY_SIGMA * (scale / PIXEL_SCALE) ** (2 if is_shared else 1)
    if rng is not None:
        flux = flux + sigma[:, None, None] * rng.standard_normal(flux.shape)
    wcs = fits.Header()
    cards = {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": centre[0] + 1, "CRPIX2": centre[1] + 1,
        "CRVAL1": scene.galaxy.ra_deg, "CRVAL2": scene.galaxy.dec_deg,
        **{f"CD{i + 1}_{j + 1}": matrix[i, j] / 3600 for i in (0, 1) for j in (0, 1)},
    }  # fmt: skip
    for key, value in cards.items():
        wcs[key] = value
    return Pixels(flux, sigma, wcs, scale)


def hdu_file(*hdus) -> bytes:
    """Return the bytes of a file; without a primary HDU an empty one is put first."""
    listed = list(hdus) if isinstance(hdus[0], fits.PrimaryHDU) else [fits.PrimaryHDU(), *hdus]
    stream = io.BytesIO()
    with warnings.catch_warnings():
        # HIERARCH cards are what Pan-STARRS writes.
        warnings.simplefilter("ignore")
        fits.HDUList(listed).writeto(stream)
    return stream.getvalue()


def packed(data: np.ndarray, header: fits.Header, name: str = "") -> fits.CompImageHDU:
    """Return a RICE-compressed image as fpack writes it: one row a tile, floats in steps of a quarter sigma."""
    values = np.ascontiguousarray(data, dtype=np.int32 if data.dtype.kind == "i" else np.float32)
    kind = {} if values.dtype.kind == "i" else {"quantize_level": 4, "quantize_method": 1, "dither_seed": 1}
    return fits.CompImageHDU(values, header, name=name or None, compression_type="RICE_1", **kind)


def with_cards(wcs: fits.Header, **more) -> fits.Header:
    header = wcs.copy()
    for key, value in more.items():
        header[key.replace("__", "-")] = value
    return header


def float32(data) -> np.ndarray:
    return np.ascontiguousarray(data, dtype=np.float32)


def cube(pixels: Pixels, **more) -> bytes:
    """Write a cube with BANDS and a unit."""
    header = with_cards(pixels.wcs, **({"BANDS": LETTERS, "BUNIT": "nanomaggy"} | more))
    return hdu_file(fits.PrimaryHDU(float32(pixels.flux), header))


def position(scene: GalaxyScene) -> dict[str, str]:
    return {"ra": repr(scene.galaxy.ra_deg), "dec": repr(scene.galaxy.dec_deg)}
