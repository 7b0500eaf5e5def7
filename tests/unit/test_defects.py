import numpy as np
import pytest

from survey.bands import BAND_SETS, BandSet
from survey.cutout import Cutout
from survey.defects.cosmic_rays import sharpness
from survey.inspection import inspect
from survey.quality import assess

UGRIZ, RGB = BAND_SETS["sdss-ugriz"], BAND_SETS["display-rgb"]
UGRIZ_R = BandSet.from_ids(["sdss:r"])
SIDE, SIGMA = 84, 0.03
Y, X = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2


def galaxy(seed=0, peak=1.0):
    """Return an exponential galaxy, smooth as a PSF of 3 px makes it, with white noise."""
    profile = peak * np.exp(-np.sqrt(X**2 + Y**2 + 4) / 6)
    noise = np.random.default_rng(seed).normal(0, SIGMA, (5, SIDE, SIDE))
    return Cutout((profile + noise).astype(np.float32), UGRIZ, pixel_scale_arcsec=0.396)


def picture(seed=0):
    """Return a grey galaxy on a dark sky, as Galaxy Zoo shows them."""
    light = 180 * np.exp(-np.hypot(X, Y) / 8) + np.random.default_rng(seed).normal(6, 2, (3, SIDE, SIDE))
    return Cutout(np.clip(light, 1, 255).round().astype(np.float32), RGB, is_calibrated=False)


def names(cutout):
    return {verdict.name for verdict in assess(cutout)}


def test_a_lone_pixel_is_as_sharp_as_it_is_high():
    plane = np.zeros((1, 9, 9), np.float32)
    plane[0, 4, 4] = 7
    assert sharpness(plane)[0, 4, 4] == 7


def test_the_laplacian_is_that_of_the_subsampled_image():
    plane = np.random.default_rng(0).normal(size=(12, 12)).astype(np.float32)
    # van Dokkum 2001: copy each pixel to four, convolve with his kernel, clip, take the mean; his lone pixel has a half.
    fine = np.pad(np.kron(plane, np.ones((2, 2))), 1, mode="edge")
    laplacian = (
        4 * fine[1:-1, 1:-1] - fine[:-2, 1:-1] - fine[2:, 1:-1] - fine[1:-1, :-2] - fine[1:-1, 2:]
    ) / 4
    expected = 2 * np.maximum(laplacian, 0).reshape(12, 2, 12, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(sharpness(plane[None])[0], expected, atol=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_a_clean_galaxy_has_no_cosmic_ray_and_one_hit_is_named_with_its_band(seed):
    cutout = galaxy(seed)
    assert names(cutout) == set()
    cutout.flux[1, 20, 50:53] += 20 * SIGMA
    (verdict,) = assess(cutout)
    assert (verdict.name, verdict.severity) == ("cosmic_rays", "warning")
    assert "of g are sharper" in verdict.detail


def test_a_hole_does_not_make_its_neighbours_sharp():
    cutout = galaxy()
    cutout.flux[1, 20, 50] -= 30 * SIGMA
    assert "cosmic_rays" not in names(cutout)


def test_what_is_sharp_in_every_band_is_no_cosmic_ray():
    cutout = galaxy()
    cutout.flux[:, 20, 50] += 20 * SIGMA
    assert "cosmic_rays" not in names(cutout)


def test_a_star_as_the_telescope_draws_it_is_no_cosmic_ray_even_in_one_band():
    cutout = galaxy()
    # FWHM of 2.8 px, 1.1 arcsec for SDSS.
    cutout.flux[3] += 200 * SIGMA * np.exp(-((X - 20) ** 2 + (Y - 15) ** 2) / (2 * 1.2**2))
    assert "cosmic_rays" not in names(cutout)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda flux: flux.__setitem__(1, flux[1] + 4 * SIGMA), "off zero"),
        (lambda flux: flux.__setitem__(1, flux[1] + 0.1 * SIGMA * X), "side to side"),
        (
            lambda flux: flux.__setitem__((1, slice(None, None, 2)), flux[1, ::2] + 2 * SIGMA),
            "Rows or columns",
        ),
        (
            lambda flux: flux.__setitem__(
                (1, slice(None, 42)),
                flux[1, :42] + np.random.default_rng(1).normal(0, 5 * SIGMA, (42, SIDE)),
            ),
            "noisy on one side",
        ),
    ],
)
def test_a_sky_that_real_sky_never_is_is_named(spoil, told):
    cutout = galaxy()
    spoil(cutout.flux)
    found = [verdict for verdict in assess(cutout) if verdict.name == "bad_sky"]
    assert told in found[0].detail
    assert " g " in found[0].detail


def test_a_galaxy_larger_than_the_frame_is_no_pedestal():
    cutout = galaxy()
    cutout.flux[:] += (3 * np.exp(-np.hypot(X, Y) / 25)).astype(np.float32)
    assert "bad_sky" not in names(cutout)


def test_a_band_of_zeros_is_missing():
    cutout = galaxy()
    cutout.flux[4] = 0
    (verdict,) = assess(cutout)
    assert (verdict.name, verdict.detail) == ("missing_band", "No usable pixel in z.")


def test_an_edge_that_is_turned_cuts_a_corner():
    cutout = galaxy()
    cutout.flux[:, X + Y > 60] = np.nan
    (verdict,) = assess(cutout)
    assert (verdict.name, "a corner" in verdict.detail) == ("off_edge", True)


def test_full_pixels_of_a_faint_star_are_saturated_by_being_equal():
    cutout = galaxy()
    star = 60 * np.exp(-((X - 20) ** 2 + Y**2) / (2 * 1.4**2))
    clipped = np.minimum(cutout.flux + star, 40).astype(np.float32)
    assert np.count_nonzero(clipped == 40) // 5 in range(4, 9)
    assert names(Cutout(clipped, UGRIZ)) == {"saturated"}


def test_equal_values_of_lossy_compression_are_no_full_wells():
    cutout = galaxy()
    # Between four pixels, and coarser than its noise: its like are equal by fours and eights all the way down.
    star = np.round(60 * np.exp(-((X - 20) ** 2 + Y**2) / (2 * 1.4**2)), 1)
    coarse = np.where(star > 0, star, cutout.flux).astype(np.float32)
    assert np.count_nonzero(coarse[1] == coarse[1].max()) == 4
    assert names(Cutout(coarse, UGRIZ)) == set()


def test_a_clean_picture_has_no_defect():
    assert [names(picture(seed)) for seed in range(5)] == [set()] * 5


@pytest.mark.parametrize("seed", range(5))
def test_the_noise_of_a_picture_without_loss_is_no_cosmic_ray(seed):
    cutout = picture(seed)
    cutout.flux[:] += np.random.default_rng(seed).normal(40, 20, cutout.flux.shape)
    cutout.flux[:] = np.clip(cutout.flux, 0, 255).round()
    assert "cosmic_rays" not in names(cutout)
    cutout.flux[1, 20, 30] = 255
    assert "cosmic_rays" in names(cutout)


def test_a_line_of_one_colour_across_a_picture_is_a_trail_not_a_star():
    cutout = picture()
    cutout.flux[1] = np.minimum(cutout.flux[1] + 300 * np.exp(-0.5 * ((X + 0.4 * Y - 15) / 3) ** 2), 255)
    assert names(cutout) == {"trail"}


def test_a_white_disc_aside_of_the_galaxy_is_a_saturated_star():
    cutout = picture()
    cutout.flux[:] = np.minimum(cutout.flux + 400 * np.exp(-np.maximum(np.hypot(X - 25, Y) - 4, 0) / 3), 255)
    assert names(cutout) == {"saturated"}


def test_a_dark_channel_is_a_missing_band():
    cutout = picture()
    cutout.flux[2] = np.random.default_rng(1).integers(0, 4, (SIDE, SIDE))
    (verdict,) = assess(cutout)
    assert (verdict.name, "Channel B" in verdict.detail) == ("missing_band", True)


def test_a_black_sky_all_around_is_no_edge():
    light = np.broadcast_to(180 * np.exp(-np.hypot(X, Y) / 5), (3, SIDE, SIDE))
    black = Cutout(light.round().astype(np.float32), RGB, is_calibrated=False)
    assert names(black) == set()
    assert inspect(black).blend.n_neighbours == 0


def test_the_first_row_of_a_picture_is_north():
    cutout = picture()
    cutout.flux[:, :9] = np.random.default_rng(1).integers(0, 3, (3, 9, SIDE))
    (verdict,) = assess(cutout)
    assert (verdict.name, verdict.detail.endswith("(north).")) == ("off_edge", True)


@pytest.mark.parametrize(("tint", "told"), [((28, 2, 4), "coloured"), ((70, 70, 70), "darkest corner")])
def test_a_coloured_or_bright_sky_of_a_picture_is_named(tint, told):
    cutout = picture()
    cutout.flux[:] = np.minimum(cutout.flux + np.array(tint)[:, None, None], 255)
    found = [verdict.detail for verdict in assess(cutout) if verdict.name == "bad_sky"]
    assert told in found[0]


def test_of_a_large_image_the_middle_is_inspected():
    flux = np.random.default_rng(0).normal(0, SIGMA, (1, 700, 600)).astype(np.float32)
    y, x = np.mgrid[:700, :600]
    flux += np.exp(-0.5 * ((x - 300) ** 2 + (y - 350) ** 2) / 6**2).astype(np.float32)
    mask = np.zeros(flux.shape, np.bool_)
    mask[:, :50] = True
    # The first 50 rows, which have no data, lie outside the middle 512.
    assert inspect(Cutout(flux, UGRIZ_R, mask=mask)).names == ()
    mask[:, :120] = True
    assert inspect(Cutout(flux, UGRIZ_R, mask=mask)).names == ("off_edge",)
