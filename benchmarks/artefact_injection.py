"""Artefacts painted into clean galaxies, at stated strengths, in flux and in pictures."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from survey.cutout import Cutout
from survey.defects.look import look_at

__all__ = ["ARTEFACTS", "DEFECT_OF", "STRENGTHS", "inject"]

ARTEFACTS = ("trail", "missing_band", "saturated_star", "cosmic_rays", "edge")
STRENGTHS = ("median", "faint")
#: The defect that an artefact must be named as.
DEFECT_OF = {
    "trail": "trail",
    "missing_band": "missing_band",
    "saturated_star": "saturated",
    "cosmic_rays": "cosmic_rays",
    "edge": "off_edge",
}
# Flux: ridge of a trail and pixels of a cosmic ray in sigma of the sky, peak of a star in full wells (330 nanomaggies, of
# SDSS r 3e5 electrons: r = 11 and 12.4 there), share of the side that is cut off.
_FLUX = {
    "median": {"trail": 15.0, "cosmic_rays": 50.0, "saturated_star": 7.0, "edge": 0.25},
    "faint": {"trail": 4.0, "cosmic_rays": 15.0, "saturated_star": 2.0, "edge": 0.06},
}
_FULL_WELL, _TRAIL_ARCSEC, _FWHM_ARCSEC = 330.0, 0.65, 1.3
# Pictures: counts of a trail's ridge and of a cosmic ray, radius in px of a star's full core, share of the side.
_PICTURE = {
    "median": {"trail": 150.0, "cosmic_rays": 200.0, "saturated_star": 9.0, "edge": 0.25},
    "faint": {"trail": 50.0, "cosmic_rays": 100.0, "saturated_star": 4.5, "edge": 0.06},
}
_JPEG_QUALITY = 90

_Pixels = NDArray[np.float32]
_Random = np.random.Generator


@dataclass(frozen=True)
class _Sky:
    """How strong an artefact is made, the arcsec of a pixel, and the noise of each band."""

    amount: float
    scale: float
    sigma: NDArray[Any]


def inject(cutout: Cutout, artefact: str, strength: str, rng: _Random) -> Cutout:
    """Return the cutout with an artefact; pictures are compressed again as JPEG."""
    flux = cutout.flux.copy()
    if cutout.bands.is_display:
        amount = _PICTURE[strength].get(artefact, 0.0)
        _IN_PICTURE[artefact](flux, amount, rng)
        return replace(cutout, flux=_compressed(flux))
    amount = _FLUX[strength].get(artefact, 0.0)
    scale = cutout.pixel_scale_arcsec or 0.396
    _IN_FLUX[artefact](flux, _Sky(amount, scale, look_at(cutout).sigma), rng)
    return replace(cutout, flux=flux)


def _grid(planes: _Pixels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    y, x = np.mgrid[: planes.shape[1], : planes.shape[2]].astype(np.float64)
    return y - (planes.shape[1] - 1) / 2, x - (planes.shape[2] - 1) / 2


def _ridge(planes: _Pixels, width: float, rng: _Random) -> NDArray[np.float64]:
    """Return a line across the frame, at most a fifth of a side off the middle, of unit height."""
    y, x = _grid(planes)
    angle, offset = np.pi * rng.random(), rng.uniform(-0.2, 0.2) * min(planes.shape[1:])
    return np.asarray(np.exp(-0.5 * ((x * np.cos(angle) + y * np.sin(angle) - offset) / width) ** 2))


def _aside(planes: _Pixels, rng: _Random) -> NDArray[np.float64]:
    """Return distances from a place a sixth to a third of a side off the middle."""
    y, x = _grid(planes)
    side = min(planes.shape[1:])
    reach, angle = rng.uniform(side / 6, side / 3), 2 * np.pi * rng.random()
    return np.asarray(np.hypot(y - reach * np.sin(angle), x - reach * np.cos(angle)))


def _trail(planes: _Pixels, sky: _Sky, rng: _Random) -> None:
    band = int(rng.integers(len(planes)))
    planes[band] += sky.amount * sky.sigma[band] * _ridge(planes, _TRAIL_ARCSEC / sky.scale, rng)


def _missing_band(planes: _Pixels, _sky: _Sky, rng: _Random) -> None:
    planes[int(rng.integers(len(planes)))] = rng.choice([np.nan, 0.0])


def _saturated_star(planes: _Pixels, sky: _Sky, rng: _Random) -> None:
    radius = sky.scale * _aside(planes, rng)
    # A Moffat profile of beta 2.5 over the halo of the simulated survey (survey.simulate.oddities), of unit peak.
    width = _FWHM_ARCSEC / 2 / np.sqrt(2 ** (1 / 2.5) - 1)
    shape = (1 + (radius / width) ** 2) ** -2.5 + 8e-5 / (1 + (radius / 8) ** 2)
    # Stars are 0.3 to 1 times as bright in other bands.
    colours = rng.uniform(0.3, 1.0, len(planes))
    colours[int(rng.integers(len(planes)))] = 1.0
    planes += (sky.amount * _FULL_WELL * shape * colours[:, None, None]).astype(np.float32)
    np.minimum(planes, np.float32(_FULL_WELL), out=planes)


def _track(planes: _Pixels, rng: _Random) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pixels of one to three straight tracks of one to six pixels."""
    rows, columns = [], []
    for _ in range(rng.integers(1, 4)):
        length, angle = int(rng.integers(1, 7)), 2 * np.pi * rng.random()
        y, x = (rng.integers(8, side - 8) for side in planes.shape[1:])
        steps = np.arange(length)
        rows.append(np.rint(y + steps * np.sin(angle)).astype(np.int64))
        columns.append(np.rint(x + steps * np.cos(angle)).astype(np.int64))
    return np.concatenate(rows), np.concatenate(columns)


def _cosmic_rays(planes: _Pixels, sky: _Sky, rng: _Random) -> None:
    band = int(rng.integers(len(planes)))
    planes[band][_track(planes, rng)] += sky.amount * sky.sigma[band]


def _edge(planes: _Pixels, sky: _Sky, rng: _Random) -> None:
    _cut(planes, sky.amount, float(rng.choice([np.nan, 0.0])), rng)


def _cut(planes: _Pixels, share: float, fill: float, rng: _Random) -> None:
    """Fill what lies beyond an edge along a side, or turned by up to 15 degrees."""
    y, x = _grid(planes)
    angle = rng.integers(4) * np.pi / 2 + (np.deg2rad(rng.uniform(-15, 15)) if rng.random() < 0.5 else 0.0)
    planes[:, x * np.cos(angle) + y * np.sin(angle) > (0.5 - share) * min(planes.shape[1:])] = fill


def _picture_trail(planes: _Pixels, amount: float, rng: _Random) -> None:
    planes[int(rng.integers(3))] += amount * _ridge(planes, rng.uniform(1.5, 4.0), rng)


def _picture_star(planes: _Pixels, amount: float, rng: _Random) -> None:
    radius = _aside(planes, rng)
    colours = rng.uniform(0.75, 1.0, 3)
    colours[int(rng.integers(3))] = 1.0
    # Stretched, the wings of a star fall from the full core like an exponential of four pixels.
    star = 260 * np.exp(-np.maximum(radius - amount, 0) / 4)
    planes += (star * colours[:, None, None]).astype(np.float32)


def _picture_missing(planes: _Pixels, _amount: float, rng: _Random) -> None:
    planes[int(rng.integers(3))] = 0


def _picture_rays(planes: _Pixels, amount: float, rng: _Random) -> None:
    planes[int(rng.integers(3))][_track(planes, rng)] += amount


def _picture_edge(planes: _Pixels, amount: float, rng: _Random) -> None:
    _cut(planes, amount, 0.0, rng)


def _compressed(planes: _Pixels) -> _Pixels:
    counts = np.moveaxis(np.clip(np.rint(planes), 0, 255).astype(np.uint8), 0, -1)
    buffer = BytesIO()
    Image.fromarray(counts).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return np.ascontiguousarray(np.moveaxis(np.asarray(Image.open(buffer)), -1, 0), dtype=np.float32)


_IN_FLUX: dict[str, Callable[[_Pixels, _Sky, _Random], None]] = {
    "trail": _trail,
    "missing_band": _missing_band,
    "saturated_star": _saturated_star,
    "cosmic_rays": _cosmic_rays,
    "edge": _edge,
}
_IN_PICTURE: dict[str, Callable[[_Pixels, float, _Random], None]] = {
    "trail": _picture_trail,
    "missing_band": _picture_missing,
    "saturated_star": _picture_star,
    "cosmic_rays": _picture_rays,
    "edge": _picture_edge,
}
