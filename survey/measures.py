"""What a calibrated field looks like in a few numbers: brightness, colours, size, sharpness, sky."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import log, nan, pi, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from survey.bands import BandSet
from survey.medians import median, medians
from survey.photometry import flux_to_asinh_mag

__all__ = ["APERTURE_PX", "SOFTENING_NANOMAGGY", "Measures", "aperture_px", "measure", "outer_px"]

FloatArray = NDArray[np.float64]

#: Radius of the central aperture in field pixels: 3.17 arcsec at 0.396 arcsec per pixel. Never beyond the outer radius.
APERTURE_PX = 8.0
#: Default b of asinh magnitudes: fluxes below it count linearly.
SOFTENING_NANOMAGGY = 1.0

_GAUSSIAN_MAD = 1.4826
_FWHM_OF_SIGMA = 2 * sqrt(2 * log(2))
# The brightest pixel is looked for this near the middle, and must stand out by this many sigma to have a shape.
_PEAK_PX, _PEAK_SIGMA = 4.0, 10.0
# The frame that counts as sky is this share of the side wide; with fewer known pixels there is no sky.
_FRAME, _MIN_FRAME_PX = 16, 50
_FLOOR = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """Measurements of one calibrated field; NaN is what could not be measured.

    Attributes
    ----------
    bands
        The planes, in order.
    pixel_scale_arcsec
        Arcsec per field pixel; None where images have no scale.
    flux
        Sum inside the central aperture, nanomaggy (mean counts for display bands), shape (C,); NaN in a band that
        has no known pixel there, or one value everywhere.
    sky, noise
        Median and 1.4826 MAD of the frame's known pixels, per pixel, shape (C,).
    r50_px
        Radius that holds half of the light inside the outer radius (:func:`outer_px`), on the sum of all bands,
        each weighted by its inverse noise variance.
    concentration
        5 log10(r80 / r20) of the same growth curve.
    core_fwhm_px
        FWHM of the Gaussian that falls from the brightest central pixel as steeply as the light does.
    snr
        Signal to noise of the same sum inside the aperture.

    References
    ----------
    Bershady, Jangren & Conselice 2000, AJ 119, 2645 (concentration).
    """

    bands: BandSet
    pixel_scale_arcsec: float | None
    flux: FloatArray
    sky: FloatArray
    noise: FloatArray
    r50_px: float
    concentration: float
    core_fwhm_px: float
    snr: float

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which bands have a flux, shape (C,)."""
        return np.isfinite(self.flux)

    def magnitudes(self, softening: ArrayLike = SOFTENING_NANOMAGGY) -> FloatArray:
        """Return asinh magnitudes of the aperture fluxes (Lupton, Gunn & Szalay 1999), shape (C,).

        Parameters
        ----------
        softening
            b in nanomaggies, one for all bands or one each.
        """
        return flux_to_asinh_mag(self.flux, 1e-9 * np.asarray(softening, dtype=np.float64))

    @property
    def greyness(self) -> float:
        """1 for a display image whose three aperture means agree, towards 0 for a pure colour.

        The smallest mean over the largest; NaN unless there are several bands with light.
        """
        top = float(np.max(self.flux)) if self.present.all() and len(self.flux) > 1 else nan
        return max(0.0, float(np.min(self.flux))) / top if top > 0 else nan


def outer_px(side: int) -> int:
    """Return the radius, in field pixels, inside which sizes are measured: a quarter of the side less one.

    It is 20 px for a field of 84 px: what even the smallest stamp that a model takes still covers.
    """
    return max(2, side // 4 - 1)


def aperture_px(side: int) -> float:
    """Return the radius of the central aperture of a field of this side."""
    return min(APERTURE_PX, float(outer_px(side)))


def measure(
    field: NDArray[np.floating], known: NDArray[np.bool_], bands: BandSet, pixel_scale_arcsec: float | None
) -> Measures:
    """Measure a field; takes about half a millisecond for five bands of 84 × 84 pixels.

    Parameters
    ----------
    field, known
        As in :class:`survey.contract.Calibrated`, shape (C, F, F); values finite.

    Returns
    -------
    Measures
        The same numbers for the same field on every machine, whatever the values.
    """
    disc, frame = _geometry(field.shape[-1])
    radius = aperture_px(field.shape[-1])
    count = int(np.searchsorted(disc.radius, radius))
    planes = field.reshape(len(field), -1)
    seen = known.reshape(len(known), -1)
    inner = np.asarray(planes[:, disc.order], dtype=np.float64)
    aperture = inner[:, :count].sum(axis=1) if not bands.is_display else inner[:, :count].mean(axis=1)
    # A plane of one value is a band that was never filled.
    lit = seen[:, disc.order[:count]].any(axis=1) & (np.ptp(inner, axis=1) > 0)
    flux = np.where(lit, aperture, nan)
    sky, noise = _frame(planes, seen, frame)
    present = np.isfinite(flux)
    weights = _weights(noise, present)
    reference = weights @ (inner - _pedestal(sky, bands)[:, None])
    sigma = sqrt(float(np.sum((weights * np.nan_to_num(noise)) ** 2)))
    r20, r50, r80 = _radii(reference)
    signal = float(reference[:count].sum())
    return Measures(
        bands=bands,
        pixel_scale_arcsec=pixel_scale_arcsec,
        flux=flux,
        sky=sky,
        noise=noise,
        r50_px=r50,
        concentration=5 * float(np.log10(r80 / r20)) if r20 > 0 else nan,
        core_fwhm_px=_core(reference, disc, sigma),
        snr=signal / (sigma * sqrt(count)) if sigma > 0 else nan,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Disc:
    """Pixels inside the outer radius, nearest to the middle first.

    Attributes
    ----------
    order
        Flat indices into a plane.
    radius
        Distance from the middle in pixels, ascending.
    around
        For each of the pixels near the middle, where its neighbours (west, east, south, north) are in ``order``.
    """

    order: NDArray[np.int64]
    radius: FloatArray
    around: NDArray[np.int64]


@lru_cache(maxsize=16)
def _geometry(side: int) -> tuple[_Disc, NDArray[np.int64]]:
    y, x = np.mgrid[:side, :side]
    middle = (side - 1) / 2
    distance = np.hypot(y - middle, x - middle).ravel()
    order = np.argsort(distance, kind="stable")
    order = order[: int(np.count_nonzero(distance <= outer_px(side)))]
    place = np.full(side * side, -1)
    place[order] = np.arange(len(order))
    near = order[distance[order] <= min(_PEAK_PX, outer_px(side) - 1.5)]
    around = place[near[:, None] + np.array([-1, 1, -side, side])]
    width = max(1, side // _FRAME)
    is_frame = np.ones((side, side), dtype=np.bool_)
    is_frame[width : side - width, width : side - width] = False
    return _Disc(order, distance[order], around), np.flatnonzero(is_frame)


def _frame(
    planes: NDArray[np.floating], seen: NDArray[np.bool_], frame: NDArray[np.int64]
) -> tuple[FloatArray, FloatArray]:
    """Return level and noise of each plane's frame; NaN where it is hardly known."""
    sky, noise = np.full(len(planes), nan), np.full(len(planes), nan)
    values, use = planes[:, frame].astype(np.float64), seen[:, frame]
    if use.all() and len(frame) >= _MIN_FRAME_PX:
        sky = medians(values)
        return sky, _GAUSSIAN_MAD * medians(np.abs(values - sky[:, None]))
    for band in range(len(planes)):
        mine = values[band][use[band]]
        if len(mine) >= _MIN_FRAME_PX:
            sky[band] = median(mine)
            noise[band] = _GAUSSIAN_MAD * median(np.abs(mine - sky[band]))
    return sky, noise


def _pedestal(sky: FloatArray, bands: BandSet) -> FloatArray:
    """Fluxes come with the sky subtracted; a display's background need not be black."""
    return np.nan_to_num(sky) if bands.is_display else np.zeros(len(bands))


def _weights(noise: FloatArray, present: NDArray[np.bool_]) -> FloatArray:
    """Inverse variances that sum to 1 over the bands present; equal ones where a noise is unknown or zero."""
    usable = bool(present.any()) and bool(np.all(noise[present] > 0))
    raw = np.zeros(len(noise))
    # Relative to the quietest band, so that no value overflows.
    raw[present] = (np.min(noise[present]) / noise[present]) ** 2 if usable else 1.0
    total = float(raw.sum())
    return raw / total if total > 0 else raw


def _radii(reference: FloatArray) -> tuple[float, float, float]:
    """Radii that hold 20, 50 and 80 % of the light; NaN where there is none.

    The n nearest pixels stand for the circle of their area: the radius of n pixels is sqrt(n / pi).
    """
    growth = np.concatenate([[0.0], np.cumsum(reference)])
    if not growth[-1] > 0:
        return nan, nan, nan
    # Of noise the curve may fall again: what is enclosed once stays enclosed.
    share = np.maximum.accumulate(growth / growth[-1])
    area = [_first_crossing(share, part) for part in (0.2, 0.5, 0.8)]
    r20, r50, r80 = (sqrt(n / pi) for n in area)
    return r20, r50, r80


def _first_crossing(share: FloatArray, part: float) -> float:
    after = int(np.searchsorted(share, part))
    low, high = float(share[after - 1]), float(share[after])
    return after - 1 + (part - low) / (high - low)


def _core(reference: FloatArray, disc: _Disc, sigma: float) -> float:
    """FWHM from the second difference of log light at the central peak, which is -1/sigma^2 of a Gaussian anywhere."""
    near = reference[: len(disc.around)]
    if not near.size:
        return nan
    peak = int(near.argmax())
    top = float(near[peak])
    if not top > _PEAK_SIGMA * sigma or not top > 0:
        return nan
    west, east, south, north = np.maximum(reference[disc.around[peak]] / top, _FLOOR)
    curvature = -0.5 * (log(west) + log(east) + log(south) + log(north))
    return _FWHM_OF_SIGMA / sqrt(curvature) if curvature > 0 else nan
