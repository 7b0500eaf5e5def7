from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from PIL import Image

from survey.bands import BAND_SETS, BandSet
from survey.cutout import Cutout
from survey.fits.writer import write_fits
from survey.rendering import annotate, compass_arms, encode, render, rgb_planes, thumbnail, to_rgb

UGRIZ = BAND_SETS["sdss-ugriz"]


def cutout(flux, bands=UGRIZ, scale=0.396, **kwargs):
    return Cutout(np.asarray(flux, np.float32), bands, pixel_scale_arcsec=scale, **kwargs)


def galaxy(size=31, bands=UGRIZ, **kwargs):
    y, x = np.mgrid[:size, :size] - size // 2
    profile = np.exp(-np.hypot(x, y) / 4)
    noise = np.random.default_rng(0).normal(0, 0.02, (len(bands), size, size))
    return cutout(profile * np.arange(1, len(bands) + 1)[:, None, None] + noise, bands, **kwargs)


@pytest.mark.parametrize(
    ("bands", "shown"),
    [
        (UGRIZ, "irg"),
        (BAND_SETS["legacy-grz"], "zrg"),
        (BAND_SETS["hsc-grizy"], "irg"),
        (BAND_SETS["kids-viking"], "irg"),
        (BandSet.parse("u,g,r"), "rgu"),
        (BandSet.from_ids(["viking:J", "viking:Ks", "viking:H"]), ("Ks", "H", "J")),
        (BandSet.parse("g,r"), "rrg"),
        (BandSet.parse("r"), "rrr"),
        (BAND_SETS["display-rgb"], "RGB"),
    ],
)
def test_red_shows_the_reddest_band(bands, shown):
    assert tuple(bands.names[plane] for plane in rgb_planes(bands)) == tuple(shown)


def test_band_without_data_gives_way_to_another():
    flux = galaxy().flux.copy()
    flux[3] = np.nan
    assert to_rgb(cutout(flux)).any()
    assert tuple(UGRIZ.names[p] for p in rgb_planes(UGRIZ, np.array([1, 1, 1, 0, 1], bool))) == tuple("zrg")


def test_display_planes_pass_through():
    counts = np.random.default_rng(0).integers(0, 256, (3, 8, 9)).astype(np.float32)
    shown = to_rgb(cutout(counts, BAND_SETS["display-rgb"], None))
    np.testing.assert_array_equal(shown, np.moveaxis(counts, 0, -1))


def test_north_is_up():
    flux = np.zeros((5, 6, 6))
    flux[:, 5, 2] = 1  # the last FITS row is the northernmost
    shown = to_rgb(cutout(flux)).sum(axis=2)
    assert np.unravel_index(shown.argmax(), shown.shape) == (0, 2)


def test_a_pixel_keeps_its_colour_at_every_brightness():
    flux = np.ones((5, 1, 4)) * np.array([3, 30, 300, 3000])
    shown = to_rgb(cutout(flux * np.array([1, 1, 2, 3, 4])[:, None, None])).astype(float)[0]
    ratios = shown / shown.max(axis=1, keepdims=True)
    # Eight bits and the pedestal of 0.03 leave one per cent.
    np.testing.assert_allclose(ratios, np.broadcast_to(ratios[-1], ratios.shape), atol=0.015)


def test_brightest_channel_grows_with_flux():
    flux = np.broadcast_to(np.geomspace(1e-3, 1e3, 50), (5, 1, 50))
    assert np.all(np.diff(to_rgb(cutout(flux)).astype(int).max(axis=2)[0]) >= 0)


def test_stretch_brightens():
    assert to_rgb(galaxy(), stretch=2).mean() > to_rgb(galaxy()).mean()


def test_same_surface_brightness_looks_the_same_at_any_pixel_scale():
    coarse, fine = np.full((5, 4, 4), 0.5), np.full((5, 4, 4), 0.5 / 4)
    np.testing.assert_array_equal(to_rgb(cutout(coarse)), to_rgb(cutout(fine, scale=0.198)))


def test_unknown_pixels_are_black():
    flux = galaxy().flux.copy()
    flux[2, 0, 0] = np.nan
    assert not to_rgb(cutout(flux))[-1, 0].any()
    assert not to_rgb(cutout(np.full((5, 4, 4), np.nan))).any()
    assert not to_rgb(cutout(np.full((5, 4, 4), np.nan), is_calibrated=False)).any()


def test_uncalibrated_picture_does_not_depend_on_zero_point_or_sky():
    one = galaxy(is_calibrated=False)
    other = cutout(one.flux * 1000 + 7, is_calibrated=False)
    assert np.abs(to_rgb(one).astype(int) - to_rgb(other)).max() <= 1


def test_constant_uncalibrated_picture_is_flat():
    assert to_rgb(cutout(np.full((5, 4, 4), 7.0), is_calibrated=False)).std() == 0


def test_png_is_lossless():
    rgb = to_rgb(galaxy())
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(encode(rgb)))), rgb)


def test_webp_is_close():
    rgb = to_rgb(galaxy())
    back = np.asarray(Image.open(BytesIO(encode(rgb, "webp"))))
    assert back.shape == rgb.shape
    assert abs(back.astype(float) - rgb).mean() < 20


@pytest.mark.parametrize(("side", "expected"), [(31, 31), (150, 96)])
def test_thumbnail_is_small_and_never_enlarged(side, expected):
    image = Image.open(BytesIO(thumbnail(galaxy(side))))
    assert image.format == "WEBP"
    assert image.size == (expected, expected)


def test_rendered_picture_has_the_size_asked_for():
    assert Image.open(BytesIO(render(galaxy(), size=200, scale_bar=True, compass=True))).size == (200, 200)
    assert Image.open(BytesIO(render(galaxy(), format="webp"))).size == (31, 31)


# A third of 200 px is 10, 26.4, 1.3, 66.7 and 266.7 arcsec: the largest 1-2-5 step below is drawn.
@pytest.mark.parametrize(("scale", "arcsec"), [(0.15, 10), (0.396, 20), (0.02, 1), (1.0, 60), (4.0, 120)])
def test_scale_bar_has_the_length_it_says(scale, arcsec):
    marked = annotate(np.zeros((200, 200, 3), np.uint8), pixel_scale_arcsec=scale)
    longest = (marked == 255).all(axis=2).sum(axis=1).max()
    assert longest == pytest.approx(arcsec / scale, abs=2)


def test_annotation_leaves_the_original_alone():
    rgb = to_rgb(galaxy())
    before = rgb.copy()
    annotate(rgb, pixel_scale_arcsec=0.396, north_angle_deg=0.0)
    np.testing.assert_array_equal(rgb, before)


def test_no_scale_bar_without_a_scale():
    rgb = to_rgb(galaxy())
    np.testing.assert_array_equal(annotate(rgb), rgb)
    unknown = cutout(galaxy().flux, scale=None)
    assert render(unknown, scale_bar=True) == render(unknown)


@pytest.mark.parametrize("angle", [0.0, 30.0, 90.0, -135.0])
def test_compass_points_where_the_wcs_of_the_same_cutout_does(angle):
    source = cutout(galaxy().flux)
    turned = replace(source, ra_deg=40.0, dec_deg=10.0, provenance={"north_angle_deg": str(angle)})
    wcs = WCS(fits.Header.fromstring(write_fits(turned)[: 2880 * 4]), naxis=2)
    x, y = wcs.all_world2pix([40.0, 40.0, 40.001], [10.0, 10.001, 10.0], 0)
    steps = np.array([[x[n] - x[0], -(y[n] - y[0])] for n in (1, 2)])
    expected = steps / np.linalg.norm(steps, axis=1, keepdims=True)
    np.testing.assert_allclose(compass_arms(angle), expected, atol=1e-4)


@pytest.mark.parametrize("angle", range(0, 360, 45))
def test_compass_stays_inside_the_picture_at_every_angle(angle):
    marked = annotate(np.zeros((200, 200, 3), np.uint8), north_angle_deg=float(angle)).any(axis=2)
    assert marked.any()
    assert not marked[:3].any()
    assert not marked[:, -3:].any()


def test_rendered_compass_is_turned_as_the_cutout_is():
    source = cutout(galaxy().flux)
    turned = replace(source, provenance={"north_angle_deg": "90"})
    assert render(turned) == render(source)
    assert render(turned, size=200, compass=True) != render(source, size=200, compass=True)
