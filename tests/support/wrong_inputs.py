"""Files that are wrong in ways that people send them, each with how it must be caught."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from astropy.io import fits
from PIL import Image
from support.galaxy_files import LETTERS, Pixels, Written, cube, expose, hdu_file
from support.galaxy_scene import SKY_SIGMA, GalaxyScene

from survey.simulate.recipe import PIXEL_SCALE

__all__ = ["HARMLESS", "SUSPICIONS", "WRONG_INPUTS", "WrongInput", "is_caught"]

Make = Callable[[GalaxyScene, GalaxyScene], Written]
#: Flags that a right file of the same galaxy has too: they catch nothing.
HARMLESS = frozenset({"band_system_assumed", "ebv_sfd_lowres", "in_catalogue", "target_assumed"})
#: Flags that cast doubt on a file; a right one should have none of them.
SUSPICIONS = frozenset(
    {
        "bands_shifted", "brightness_unlikely", "colours_unlikely", "negative", "no_source", "noise_mismatch",
        "out_of_domain", "saturated", "scale_conflict", "sharper_than_trained", "size_unlikely", "sky_subtracted",
        "sky_unlikely", "trail", "uncalibrated", "units_conflict",
    }
)  # fmt: skip


@dataclass(frozen=True)
class WrongInput:
    """One way to be wrong.

    Attributes
    ----------
    name
        What is wrong, as a sender would have to admit.
    make
        From the galaxy and another one to the files.
    caught_by
        Codes of refusals and flags of answers, any of which tells the sender; empty where nothing can.
    remark
        Why it cannot be seen, or what was corrected.
    """

    name: str
    make: Make
    caught_by: tuple[str, ...]
    remark: str = ""


def is_caught(wrong: WrongInput, code: str, flags: tuple[str, ...]) -> bool:
    """Whether an answer (code ``ok`` with its flags, or a refusal) tells what is wrong."""
    return bool({code, *flags} & set(wrong.caught_by))


@cache
def _pixels(scene: GalaxyScene) -> Pixels:
    return expose(scene, PIXEL_SCALE)


def _one(data: bytes, name: str = "galaxy.fits", **query: str) -> Written:
    return Written([(name, data)], query)


def _with(change: Callable[[np.ndarray], np.ndarray], **header: object) -> Make:
    """Change the pixels, and say what the header says."""

    def make(scene: GalaxyScene, _: GalaxyScene) -> Written:
        pixels = _pixels(scene)
        return _one(cube(replace(pixels, flux=change(pixels.flux.copy())), SURVEY="SDSS", **header))

    return make


def _same(flux: np.ndarray) -> np.ndarray:
    return flux


def _saying(**query: str) -> Make:
    return lambda scene, _: _one(cube(_pixels(scene), SURVEY="SDSS"), **query)


def _scale(factor: float) -> Make:
    """Write a WCS whose pixels are ``factor`` times too large."""

    def make(scene: GalaxyScene, _: GalaxyScene) -> Written:
        pixels = _pixels(scene)
        wcs = pixels.wcs.copy()
        for key in ("CD1_1", "CD1_2", "CD2_1", "CD2_2"):
            wcs[key] = factor * wcs[key]
        return _one(cube(replace(pixels, wcs=wcs), SURVEY="SDSS"))

    return make


def _set(region: tuple[slice, slice] | None, value: float, planes: object = slice(None)) -> Callable:
    def change(flux: np.ndarray) -> np.ndarray:
        flux[(planes, *(region or (slice(None), slice(None))))] = value
        return flux

    return change


def _nan_border(flux: np.ndarray) -> np.ndarray:
    framed = np.full_like(flux, np.nan)
    framed[:, 12:-12, 12:-12] = flux[:, 12:-12, 12:-12]
    return framed


def _middle(side: int) -> tuple[slice, slice]:
    # Of a cutout of 100 pixels.
    return slice(50 - side // 2, 50 + side // 2), slice(50 - side // 2, 50 + side // 2)


def _plane(n: int, change: Callable[[np.ndarray], np.ndarray]) -> Callable:
    def changed(flux: np.ndarray) -> np.ndarray:
        flux[n] = change(flux[n])
        return flux

    return changed


def _saturated(flux: np.ndarray) -> np.ndarray:
    # Full wells at a third of the peak, as a bright core has them.
    return np.minimum(flux, flux.max(axis=(1, 2), keepdims=True) / 3)


def _trail(flux: np.ndarray) -> np.ndarray:
    y, x = np.indices(flux.shape[1:])
    flux[2] += 10 * SKY_SIGMA[2] * np.exp(-0.5 * ((y - 0.4 * x - 18) / 1.2) ** 2)
    return flux


def _star(flux: np.ndarray) -> np.ndarray:
    """Return a point source of the galaxy's colours through the survey's own seeing, on its noise."""
    y, x = np.indices(flux.shape[1:]) - (flux.shape[1] - 1) / 2
    moffat = (1 + (x**2 + y**2) * (PIXEL_SCALE / 0.62) ** 2 * (2 ** (1 / 3) - 1)) ** -3.0
    noise = SKY_SIGMA[:, None, None] * np.random.default_rng(5).standard_normal(flux.shape)
    return flux.sum(axis=(1, 2), keepdims=True) * moffat / moffat.sum() + noise


def _empty(flux: np.ndarray) -> np.ndarray:
    return SKY_SIGMA[:, None, None] * np.random.default_rng(6).standard_normal(flux.shape)


def _asinh(flux: np.ndarray) -> np.ndarray:
    return np.arcsinh(flux / SKY_SIGMA[:, None, None])


def _log(flux: np.ndarray) -> np.ndarray:
    low = flux.min(axis=(1, 2), keepdims=True)
    return np.log10(1 + 1000 * (flux - low) / np.ptp(flux, axis=(1, 2), keepdims=True))


def _noise_plane(plane: Callable[[Pixels], np.ndarray], name: str = "IVAR") -> Make:
    def make(scene: GalaxyScene, _: GalaxyScene) -> Written:
        pixels = _pixels(scene)
        header = pixels.wcs.copy()
        header["BUNIT"], header["BANDS"], header["SURVEY"] = "nanomaggy", LETTERS, "SDSS"
        extra = plane(pixels)
        kind = np.int16 if name == "MASK" else np.float32
        data = np.ascontiguousarray(extra, dtype=kind)
        image = fits.PrimaryHDU(pixels.flux.astype(np.float32), header)
        return _one(hdu_file(image, fits.ImageHDU(data, pixels.wcs, name=name)))

    return make


def _files(names: str, planes: Callable[[np.ndarray, np.ndarray], list[np.ndarray]]) -> Make:
    def make(scene: GalaxyScene, other: GalaxyScene) -> Written:
        pixels, strange = _pixels(scene), _pixels(other)
        listed = []
        for n, (letter, plane) in enumerate(zip(names, planes(pixels.flux, strange.flux), strict=True)):
            header = pixels.wcs.copy()
            header["BUNIT"], header["FILTER"], header["SURVEY"] = "nanomaggy", letter, "SDSS"
            listed.append((f"file{n}.fits", hdu_file(fits.PrimaryHDU(plane.astype(np.float32), header))))
        return Written(listed)

    return make


def _no_wcs(change: Callable[[np.ndarray], np.ndarray], **query: str) -> Make:
    def make(scene: GalaxyScene, _: GalaxyScene) -> Written:
        pixels = _pixels(scene)
        plain = replace(pixels, flux=change(pixels.flux.copy()), wcs=fits.Header())
        return _one(cube(plain, SURVEY="SDSS"), **query)

    return make


def _ecliptic(scene: GalaxyScene, _: GalaxyScene) -> Written:
    from astropy.coordinates import SkyCoord

    pixels = _pixels(scene)
    place = SkyCoord(scene.galaxy.ra_deg, scene.galaxy.dec_deg, unit="deg").barycentrictrueecliptic
    wcs = pixels.wcs.copy()
    wcs["CTYPE1"], wcs["CTYPE2"] = "ELON-TAN", "ELAT-TAN"
    wcs["CRVAL1"], wcs["CRVAL2"] = place.lon.deg, place.lat.deg
    return _one(cube(replace(pixels, wcs=wcs), SURVEY="SDSS"))


def _elsewhere(scene: GalaxyScene, _: GalaxyScene) -> Written:
    where = {"ra": repr((scene.galaxy.ra_deg + 180) % 360), "dec": repr(-scene.galaxy.dec_deg)}
    return _one(cube(_pixels(scene), SURVEY="SDSS"), **where)


def _beside(scene: GalaxyScene, _: GalaxyScene) -> Written:
    where = {"ra": repr(scene.galaxy.ra_deg), "dec": repr(scene.galaxy.dec_deg + 60 / 3600)}
    return _one(cube(_pixels(scene), SURVEY="SDSS"), **where)


def _picture(scene: GalaxyScene) -> np.ndarray:
    flux = _pixels(scene).flux[[3, 2, 1]]
    return np.clip(255 * flux / flux.max(), 0, 255).astype(np.uint8)


def _jpeg(scene: GalaxyScene, _: GalaxyScene) -> Written:
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(_picture(scene).transpose(1, 2, 0))).save(stream, "JPEG")
    return _one(stream.getvalue())


def _picture_as_fits(scene: GalaxyScene, _: GalaxyScene) -> Written:
    return _one(hdu_file(fits.PrimaryHDU(_picture(scene), _pixels(scene).wcs)))


_DOMAIN = ("out_of_domain", "brightness_unlikely", "colours_unlikely", "size_unlikely", "sky_unlikely")

WRONG_INPUTS: tuple[WrongInput, ...] = (
    WrongInput("g and z exchanged", _with(_same, BANDS="uzrig"), ("colours_unlikely",)),
    WrongInput("cube in reversed order", _with(lambda f: f[::-1]), ("colours_unlikely",)),
    WrongInput("one band twice", _files("ugrrz", lambda f, _: list(f)), ("fits.band_repeated",)),
    WrongInput("u missing", _files("griz", lambda f, _: list(f[1:])), ("band_missing", "fits.band_missing")),
    WrongInput(
        "two bands of another galaxy",
        _files("ugriz", lambda f, o: [f[0], f[1], f[2], o[3], o[4]]),
        ("colours_unlikely", "out_of_domain"),
    ),
    WrongInput("no band named", _with(_same, BANDS=""), ("fits.band_unknown",)),
    WrongInput("pixscale= twice the header's", _saying(pixscale="0.792"), ("scale_conflict",)),
    WrongInput("header's pixels twice too large", _scale(2), ("size_unlikely", *_DOMAIN)),
    WrongInput("header's pixels ten times too large", _scale(10), ("size_unlikely", "upsampled", "fits.scale")),
    WrongInput("header's pixels ten times too small", _scale(0.1), ("fits.too_small",)),
    WrongInput("no pixel scale at all", _no_wcs(_same), ("fits.no_wcs",)),
    WrongInput("nJy declared nanomaggy", _with(lambda f: f * 3631), ("brightness_unlikely",)),
    WrongInput("µJy declared nanomaggy", _with(lambda f: f * 3.631), ("brightness_unlikely", "sky_unlikely")),
    WrongInput("zero point 25 taken for 22.5", _with(lambda f: f * 10), ("brightness_unlikely", "sky_unlikely")),
    WrongInput("zero point 30 beside BUNIT nanomaggy", _with(_same, MAGZERO=30.0), ("units_conflict",)),
    WrongInput("zeropoint= 25 said of nanomaggies", _saying(zeropoint="25"), ("units_conflict", *_DOMAIN)),
    WrongInput("no unit", _with(_same, BUNIT="adu"), ("uncalibrated",)),
    WrongInput("24 px of NaN in the middle", _with(_set(_middle(24), np.nan)), ("fits.masked",)),
    WrongInput("6 px of NaN in the middle", _with(_set(_middle(6), np.nan)), ("masked",)),
    WrongInput("a border of NaN", _with(_nan_border), ("masked",), "what the model looks at is whole"),
    WrongInput("all NaN", _with(_set(None, np.nan)), ("fits.masked",)),
    WrongInput("one band blank", _with(_set(None, 0.0, 3)), ("band_missing",)),
    WrongInput("constant everywhere", _with(_set(None, 1.0)), ("fits.blank",)),
    WrongInput(
        "one band 5 px aside",
        _with(_plane(1, lambda p: np.roll(p, 5, axis=1))),
        ("bands_shifted", *_DOMAIN),
    ),
    WrongInput(
        "one band a quarter turn round",
        _with(_plane(1, np.rot90)),
        (),
        "a galaxy turned about its middle keeps place, flux and size in that band",
    ),
    WrongInput("mirrored, no WCS", _no_wcs(lambda f: f[:, :, ::-1], pixscale="0.396"), (), "either parity may be right"),
    WrongInput("variance given as inverse variance", _noise_plane(lambda p: 1 / p.ivar), ("noise_mismatch",)),
    WrongInput("inverse variance all zero", _noise_plane(lambda p: 0 * p.ivar), ("fits.masked",)),
    WrongInput("mask with 1 for good", _noise_plane(lambda p: np.ones(p.flux.shape), "MASK"), ("fits.masked",)),
    WrongInput("sky left in", _with(lambda f: f + 100 * SKY_SIGMA[:, None, None]), ("sky_subtracted",)),
    WrongInput("saturated core", _with(_saturated), ("saturated",)),
    WrongInput("satellite trail", _with(_trail), ("trail",)),
    WrongInput("negative image", _with(lambda f: -f), ("negative", "no_source", "fits.blank")),
    WrongInput("rounded to whole nanomaggies", _with(np.rint), ("sky_unlikely", "noise_mismatch", *_DOMAIN)),
    WrongInput("asinh magnitudes' stretch, no keywords", _with(_asinh), _DOMAIN),
    WrongInput("logarithmic stretch", _with(_log), ("sky_subtracted", *_DOMAIN)),
    WrongInput("a star", _with(_star), ("size_unlikely", "sharper_than_trained", "out_of_domain")),
    WrongInput("empty sky", _with(_empty), ("no_source",)),
    WrongInput("ra, dec on the other side of the sky", _elsewhere, ("fits.outside",)),
    WrongInput("ra, dec an arcminute beside", _beside, ("fits.outside",)),
    WrongInput("ecliptic WCS", _ecliptic, ("fits.no_wcs",), "equatorial and Galactic maps are read; `pixscale=` helps"),
    WrongInput("JPEG named .fits", _jpeg, ("upload.type_mismatch", "display")),
    WrongInput("JPEG's colours written as FITS", _picture_as_fits, ("fits.band_unknown",)),
)  # fmt: skip
