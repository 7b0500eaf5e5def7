"""Colour pictures of cutouts.

The colour scheme is that of Lupton et al. 2004, PASP 116, 133: one asinh stretch of the mean intensity, so
that a pixel keeps its colour at every brightness.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from survey.bands import BandSet
from survey.cutout import Cutout

__all__ = ["RGBArray", "annotate", "compass_arms", "encode", "render", "rgb_planes", "thumbnail", "to_rgb"]

RGBArray = NDArray[np.uint8]
Format = Literal["png", "webp"]

# Gain of a band for a surface brightness in nMgy per SDSS pixel (0.396 arcsec), by pivot wavelength in nm:
# the inverse colours of an Sb galaxy, so that it comes out nearly white. In g, r, i and z these are the
# values of the Legacy Surveys viewer (legacysurvey/imagine, map/views.py, sdss_rgb and dr2_rgb).
_GAIN_PIVOT_NM = (350.0, 475.0, 620.0, 755.0, 900.0, 1020.0, 1250.0, 1650.0, 2150.0)
_GAIN = (8.0, 2.5, 1.5, 1.05, 0.95, 0.8, 0.65, 0.5, 0.5)
_REFERENCE_PIXEL_ARCSEC = 0.396
# Brightness of each survey: deeper ones show fainter light. Set by eye on real stamps, so that sky noise is
# just seen and the cores of bright galaxies keep their structure.
_BRIGHTNESS = {
    "sdss": 0.6,
    "ps1": 0.6,
    "legacy": 0.9,
    "des": 1.0,
    "kids": 1.2,
    "viking": 0.9,
    "hsc": 2.0,
    "lsst": 2.0,
}
# Added to every plane, so that sky noise shows as dark grey rather than being cut at black.
_PEDESTAL = 0.03
_TRIPLES = (("i", "r", "g"), ("z", "r", "g"))


def rgb_planes(bands: BandSet, usable: NDArray[np.bool_] | None = None) -> tuple[int, int, int]:
    """Return the planes shown as red, green and blue.

    ``irg`` or else ``zrg`` where the set has them; otherwise its reddest, middle and bluest band. A set of
    one or two bands shows them more than once.

    Parameters
    ----------
    usable
        Shape (C,); planes without data are passed over as long as there are others.
    """
    planes = [plane for plane in range(len(bands)) if usable is None or usable[plane]] or list(
        range(len(bands))
    )
    by_name = {bands.bands[plane].name: plane for plane in planes}
    for triple in _TRIPLES:
        if all(name in by_name for name in triple):
            red, green, blue = (by_name[name] for name in triple)
            return red, green, blue
    if bands.is_display:
        return planes[0], planes[len(planes) // 2], planes[-1]
    planes.sort(key=lambda plane: bands.bands[plane].pivot_nm)
    return planes[-1], planes[len(planes) // 2], planes[0]


def to_rgb(cutout: Cutout, *, stretch: float = 1.0, q: float = 20.0) -> RGBArray:
    """Return a colour picture, top row first, as the cutout lies: pixels are not turned.

    FITS rows grow upwards, so flux planes are turned upside down; display planes are stored top row first and
    pass through unchanged. North is up unless the provenance has a ``north_angle_deg``.

    Parameters
    ----------
    stretch
        Brightness against the survey's own scale; 2 shows outskirts half as bright.
    q
        Softening of the asinh: larger compresses bright cores more.

    Returns
    -------
    RGBArray
        Shape (H, W, 3). Pixels without a value in one of the three bands are black.
    """
    usable = np.asarray((cutout.good() & (cutout.flux != 0)).any(axis=(1, 2)))
    chosen = list(rgb_planes(cutout.bands, usable))
    flux = cutout.flux[chosen]
    if cutout.bands.is_display:
        counts: RGBArray = np.moveaxis(np.clip(np.nan_to_num(flux), 0, 255).round().astype(np.uint8), 0, -1)
        return np.ascontiguousarray(counts)
    known = np.asarray(np.isfinite(flux).all(axis=0))
    planes: NDArray[np.floating[Any]] = np.where(known, flux, 0.0) * _gains(cutout, chosen)
    if not cutout.is_calibrated:
        planes = _autoscaled(planes, known)
    planes = np.maximum(0.0, stretch * planes + _PEDESTAL)
    intensity = np.maximum(planes.mean(axis=0), 1e-9)
    colour = planes * (np.arcsinh(q * intensity) / np.sqrt(q) / intensity)
    # Lupton et al. section 2: divide by the brightest channel rather than clip, which would bleach cores.
    colour /= np.maximum(1.0, colour.max(axis=0))
    colour[:, ~known] = 0.0
    picture: RGBArray = np.moveaxis(np.round(255 * colour).astype(np.uint8), 0, -1)
    return np.ascontiguousarray(picture[::-1])


def _gains(cutout: Cutout, chosen: list[int]) -> NDArray[np.float64]:
    """Return the factor of each chosen plane, shape (3, 1, 1)."""
    bands = [cutout.bands.bands[plane] for plane in chosen]
    gain = np.interp([band.pivot_nm for band in bands], _GAIN_PIVOT_NM, _GAIN)
    brightness = np.array([_BRIGHTNESS.get(band.system, 1.0) for band in bands])
    scale = cutout.pixel_scale_arcsec or _REFERENCE_PIXEL_ARCSEC
    return (gain * brightness * (_REFERENCE_PIXEL_ARCSEC / scale) ** 2)[:, None, None]  # type: ignore[no-any-return]


def _autoscaled(planes: NDArray[np.floating[Any]], known: NDArray[np.bool_]) -> NDArray[np.floating[Any]]:
    """Bring planes of unknown zero point to a sky of 0 and bright pixels (one in 200) of 1."""
    if not known.any():
        return planes
    planes = planes - np.median(planes[:, known], axis=1)[:, None, None]
    bright = float(np.percentile(planes.mean(axis=0)[known], 99.5))
    return planes / bright if bright > 0 else planes


def encode(rgb: RGBArray, format: Format = "png") -> bytes:  # noqa: A002 - the word of the HTTP surface
    """Return a picture as PNG (lossless) or WebP (quality 85) bytes."""
    stream = BytesIO()
    image = Image.fromarray(rgb)
    if format == "png":
        image.save(stream, "PNG", optimize=True)
    else:
        image.save(stream, "WEBP", quality=85, method=4)
    return stream.getvalue()


def thumbnail(cutout: Cutout, size: int = 96) -> bytes:
    """Return a WebP picture of at most ``size`` pixels a side; small cutouts are not enlarged."""
    image = Image.fromarray(to_rgb(cutout))
    image.thumbnail((size, size), Image.Resampling.LANCZOS)
    return encode(np.asarray(image), "webp")


def render(
    cutout: Cutout,
    *,
    size: int | None = None,
    format: Format = "png",  # noqa: A002 - the word of the HTTP surface
    scale_bar: bool = False,
    compass: bool = False,
    stretch: float = 1.0,
    q: float = 20.0,
) -> bytes:
    """Return an encoded picture of a cutout.

    Parameters
    ----------
    size
        Longer side of the picture in pixels; default the cutout's own.
    scale_bar
        Draw a bar of a round number of arcsec; left out where the pixel scale is unknown.
    compass
        Draw arrows to the north and the east: up and left, or turned by the provenance's ``north_angle_deg``.
        For cutouts whose position on the sky is known.
    """
    image = Image.fromarray(to_rgb(cutout, stretch=stretch, q=q))
    factor = 1.0 if size is None else size / max(image.size)
    if factor != 1.0:
        new_size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        image = image.resize(new_size, Image.Resampling.LANCZOS)
    scale = cutout.pixel_scale_arcsec
    shown = None if scale is None or not scale_bar else scale / factor
    angle = float(cutout.provenance.get("north_angle_deg", 0.0)) if compass else None
    return encode(annotate(np.asarray(image), pixel_scale_arcsec=shown, north_angle_deg=angle), format)


def annotate(
    rgb: RGBArray, *, pixel_scale_arcsec: float | None = None, north_angle_deg: float | None = None
) -> RGBArray:
    """Draw a scale bar (lower left) and north-east arrows (upper right) on a copy of a picture.

    Parameters
    ----------
    pixel_scale_arcsec
        Arcsec per pixel of *this* picture; None draws no bar.
    north_angle_deg
        From up to north, positive to the left; None draws no arrows.
    """
    image = Image.fromarray(rgb.copy())
    draw = ImageDraw.Draw(image)
    side = min(image.size)
    margin, width = max(2, side // 25), max(1, side // 150)
    text_px = max(8, side // 22)
    font = ImageFont.load_default(text_px)
    if pixel_scale_arcsec is not None:
        length = _round_length(image.width * pixel_scale_arcsec / 3)
        left, bottom = margin, image.height - margin
        draw.line((left, bottom, left + length / pixel_scale_arcsec, bottom), fill="white", width=width)
        label = f'{length:g}"' if length < 60 else f"{length / 60:g}'"
        draw.text((left, bottom - 2 * width), label, fill="white", font=font, anchor="lb")
    if north_angle_deg is not None:
        arms = (side // 8) * compass_arms(north_angle_deg)
        labels = arms * (1 + 0.6 * text_px / max(1, side // 8))
        # The origin lies where all of it just fits into the corner.
        right = max(0.0, labels[:, 0].max() + text_px / 2)
        top = min(0.0, labels[:, 1].min() - text_px / 2)
        origin = np.array([image.width - margin - right, margin - top])
        for arm, label, text in zip(arms + origin, labels + origin, "NE", strict=True):
            draw.line((*origin, *arm), fill="white", width=width)
            draw.text(tuple(label), text, fill="white", font=font, anchor="mm")
    return np.asarray(image)


def compass_arms(north_angle_deg: float) -> NDArray[np.float64]:
    """Return the directions of north and east in a picture, (x to the right, y down) each, shape (2, 2)."""
    angle = np.deg2rad(north_angle_deg)
    return np.array([[-np.sin(angle), -np.cos(angle)], [-np.cos(angle), np.sin(angle)]])


def _round_length(limit: float) -> float:
    """Return the largest 1, 2, 5 × 10^n (minutes: 1, 2, 5 × 10^n × 60) that is at most ``limit`` arcsec."""
    unit = 60.0 if limit >= 60 else 1.0
    power = 10.0 ** np.floor(np.log10(limit / unit))
    return float(unit * power * max(step for step in (1, 2, 5) if step * power <= limit / unit))
