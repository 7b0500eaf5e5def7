"""What is plainly wrong with the pixels is mended or named; what is right is left alone."""

import numpy as np
import pytest
from astropy.io import fits
from support.fits_files import file_of, galaxy, read, tan_header

from survey.bands import BAND_SETS, BandSet
from survey.cutout import Cutout
from survey.ingest import FLAGS, IngestReport, Understood
from survey.sanity import make_sane

GRI = BandSet.from_ids(["sdss:g", "sdss:r", "sdss:i"])
SIDE, NOISE = 64, 0.05


def scene(*, peak=20.0, radius=3.0, seed=1, side=SIDE, noise=NOISE):
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    light = peak * np.exp(-np.hypot(x, y) / radius)
    return (np.linspace(0.5, 1, 3)[:, None, None] * light
            + np.random.default_rng(seed).normal(0, noise, (3, side, side))).astype(np.float32)  # fmt: skip


def sane(flux, *, factors=(), **more):
    bands = more.pop("bands", GRI)
    report = IngestReport(factors=list(factors))
    found = make_sane(Understood(Cutout(flux, bands, **more), report))
    assert found.report is report
    assert set(report.flags) <= set(FLAGS)
    return found


def test_an_ordinary_galaxy_comes_back_untouched_and_unflagged():
    flux = scene()
    ivar = np.full_like(flux, NOISE**-2)
    found = sane(flux, ivar=ivar)
    assert found.report.flags == []
    assert found.cutout.flux is flux
    assert found.cutout.ivar is ivar


def test_a_pedestal_is_subtracted_from_the_bands_that_have_one_and_said():
    flux = scene()
    on_sky = flux + np.array([0, 7, 300], np.float32)[:, None, None]
    found = sane(on_sky)
    assert found.report.flags == ["sky_subtracted"]
    # The median of four quarters' medians of a hundred pixels: within half the noise.
    np.testing.assert_allclose(found.cutout.flux, flux, atol=0.5 * NOISE)
    np.testing.assert_array_equal(found.cutout.flux[0], on_sky[0])
    (text,) = [text for step, text in found.report.steps if step == "sanity"]
    assert "r 6.9" in text or "r 7" in text
    assert "g " not in text.split("(")[1]


@pytest.mark.parametrize("sign", [1, -1])
def test_sky_that_was_left_in_one_band_plainly_is_subtracted_from_all(sign):
    flux = scene()
    # 5, 9 and 40 times the noise: the first two would not be called a pedestal alone.
    sky = sign * NOISE * np.array([5, 9, 40], np.float32)[:, None, None]
    found = sane(flux + sky)
    assert found.report.flags == ["sky_subtracted"]
    np.testing.assert_allclose(found.cutout.flux, flux, atol=0.3 * NOISE)


def test_sky_of_the_other_sign_is_not_subtracted_beside_a_pedestal():
    flux = scene() + NOISE * np.array([-5, 0, 40], np.float32)[:, None, None]
    np.testing.assert_array_equal(sane(flux).cutout.flux[0], flux[0])


def test_a_galaxys_halo_is_left_beside_a_band_on_a_pedestal():
    flux = scene(peak=100, radius=SIDE / 4)
    flux[0] = scene()[0] + 40 * NOISE
    found = sane(flux)
    assert "sky_subtracted" in found.report.flags
    np.testing.assert_array_equal(found.cutout.flux[1:], flux[1:])


def test_the_halo_of_a_galaxy_that_fills_the_frame_is_left():
    flux = scene(peak=100, radius=SIDE / 4)
    assert flux[1, 0].min() > 10 * NOISE
    found = sane(flux)
    assert found.cutout.flux is flux
    assert "sky_subtracted" not in found.report.flags


@pytest.mark.parametrize("factor", [1.0, 0.1])
def test_a_variance_given_as_inverse_variance_is_turned_round(factor):
    # In counts the noise is NOISE / factor, and the reader divides a plane of inverse variance by factor².
    variance = np.full((3, SIDE, SIDE), (NOISE / factor) ** 2)
    variance[:, 0, 0] = 0
    found = sane(scene(), ivar=(variance / factor**2).astype(np.float32), factors=[factor] * 3)
    assert found.report.flags == ["noise_mismatch"]
    np.testing.assert_allclose(found.cutout.ivar[:, 1:], NOISE**-2, rtol=1e-5)
    assert not found.cutout.good()[:, 0, 0].any()


@pytest.mark.parametrize("times", [0.2, 5.0])
def test_a_noise_plane_that_does_not_fit_is_left_out_but_its_holes_stay_masked(times):
    ivar = np.full((3, SIDE, SIDE), (times * NOISE) ** -2, np.float32)
    ivar[1, 5] = 0
    found = sane(scene(), ivar=ivar)
    assert found.report.flags == ["noise_mismatch"]
    assert found.cutout.ivar is None
    np.testing.assert_array_equal(found.cutout.mask, ivar == 0)


@pytest.mark.parametrize("times", [0.5, 2.0])
def test_a_noise_plane_within_a_factor_three_is_believed(times):
    ivar = np.full((3, SIDE, SIDE), (times * NOISE) ** -2, np.float32)
    assert sane(scene(), ivar=ivar).report.flags == []


def test_an_empty_middle_is_named_even_with_a_neighbour_at_the_edge():
    flux = scene(peak=0)
    assert sane(flux).report.flags == ["no_source"]
    assert sane(flux + np.roll(scene(noise=0), 28, axis=2)).report.flags == ["no_source"]


@pytest.mark.parametrize("peak", [0.4, 2.0])
def test_a_faint_galaxy_is_a_source(peak):
    # Each of the three bands sees it at 8 sigma or more a pixel, or many pixels together do.
    assert sane(scene(peak=peak)).report.flags == []


def test_a_saturated_star_is_named():
    assert "saturated" in sane(np.minimum(scene(peak=5000.0, radius=2.0), 500.0)).report.flags


def test_the_flat_core_of_a_resolved_galaxy_is_not_saturated():
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    core = 200 * np.exp(-((np.hypot(x, y) / 14) ** 4))
    assert np.count_nonzero(core > 0.99 * core.max()) > 9
    assert "saturated" not in sane(scene(peak=0) + core.astype(np.float32)).report.flags


def test_a_trail_across_one_band_is_named():
    flux = scene()
    flux[1, 20:22] += 1
    assert sane(flux).report.flags == ["trail"]


def test_an_edge_on_galaxy_in_one_band_is_no_trail():
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    disc = 5 * np.exp(-np.hypot(x / 40, y / 0.8))
    flux = (scene(peak=0)[:1] + disc).astype(np.float32)
    assert "trail" not in sane(flux, bands=BandSet.from_ids(["sdss:r"])).report.flags


def test_holes_in_the_sky_are_named():
    flux = scene()
    flux[2, 40:46, 3:20] -= 2
    assert sane(flux).report.flags == ["negative"]


def test_what_is_masked_plays_no_part():
    flux = scene()
    mask = np.zeros(flux.shape, bool)
    mask[2, 40:46, 3:20] = True
    flux[mask] = -2
    assert sane(flux, mask=mask).report.flags == []


def test_a_display_picture_comes_back_as_it_is():
    understood = Understood(
        Cutout(np.full((3, 20, 20), 9, np.float32), BAND_SETS["display-rgb"]), IngestReport()
    )
    assert make_sane(understood) is understood


HUGE = np.finfo(np.float32).max
HOSTILE = {
    "zeros": np.zeros((3, 20, 20)),
    "one value": np.full((3, 20, 20), 7.0),
    "NaN": np.full((3, 20, 20), np.nan),
    "infinity": np.full((3, 20, 20), np.inf),
    "huge": np.full((3, 20, 20), HUGE),
    "huge of both signs": np.where(np.indices((3, 20, 20)).sum(axis=0) % 2, HUGE, -HUGE),
    "denormal": np.full((3, 20, 20), 1e-45),
    "one pixel": np.where(np.arange(1200).reshape(3, 20, 20) == 610, 5.0, np.nan),
    "one column": np.where(np.arange(20) == 3, np.arange(20.0)[:, None], np.nan) * np.ones((3, 1, 1)),
    "thin": np.arange(3 * 16 * 900.0).reshape(3, 16, 900),
    "tiny": np.arange(12.0).reshape(3, 2, 2),
    "integers": np.random.default_rng(1).integers(0, 2, (3, 40, 40)).astype(float),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("weight", [None, 0.0, 1.0, HUGE, np.nan, -1.0])
def test_no_pixels_raise_and_the_outcome_is_always_the_same(name, weight):
    flux = HOSTILE[name].astype(np.float32)
    ivar = None if weight is None else np.full_like(flux, weight)
    with np.errstate(over="ignore"):
        first, second = sane(flux, ivar=ivar), sane(flux, ivar=ivar)
    np.testing.assert_array_equal(first.cutout.flux, second.cutout.flux)
    assert first.report == second.report


def test_a_file_that_was_read_has_been_looked_at():
    header = tan_header(BAND="r", SURVEY="SDSS", BUNIT="nanomaggy")
    found = read(file_of(fits.PrimaryHDU(galaxy() + 50, header)))
    assert "sky_subtracted" in found.report.flags
    np.testing.assert_allclose(found.cutout.flux[0], galaxy(), atol=0.01)
