import numpy as np
import pytest

from survey.bands import BAND_SETS
from survey.cutout import Cutout
from survey.quality import VERDICTS, assess

UGRIZ = BAND_SETS["sdss-ugriz"]
SIDE = 84


def galaxy(*, seed=0, peak=1.0, radius=8.0, **kwargs):
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    profile = peak * np.exp(-np.hypot(x, y) / radius)
    noise = np.random.default_rng(seed).normal(0, 0.03, (5, SIDE, SIDE))
    return Cutout((profile + noise).astype(np.float32), UGRIZ, pixel_scale_arcsec=0.396, **kwargs)


def names(cutout):
    found = [verdict.name for verdict in assess(cutout)]
    assert set(found) <= set(VERDICTS)
    return found


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("peak", [0.3, 1.0, 30.0])
def test_an_ordinary_galaxy_has_no_verdict(seed, peak):
    assert names(galaxy(seed=seed, peak=peak)) == []


def test_band_without_data_is_missing():
    cutout = galaxy()
    cutout.flux[3] = np.nan
    (verdict,) = assess(cutout)
    assert (verdict.name, verdict.severity) == ("missing_band", "warning")
    assert verdict.detail == "No usable pixel in i."


def test_cutout_without_data_is_useless():
    (verdict,) = assess(Cutout(np.full((5, 8, 8), np.nan, np.float32), UGRIZ))
    assert (verdict.name, verdict.severity) == ("missing_band", "bad")


def test_constant_band_is_named():
    cutout = galaxy()
    cutout.flux[1] = 2.5
    assert names(cutout) == ["constant"]
    assert assess(Cutout(np.ones((5, 20, 20), np.float32), UGRIZ))[0].severity == "bad"


@pytest.mark.parametrize("seed", range(10))
def test_pure_noise_is_blank(seed):
    assert names(galaxy(seed=seed, peak=0.0)) == ["blank"]


def test_masked_pixels_count_where_the_galaxy_is():
    mask = np.zeros((5, SIDE, SIDE), bool)
    mask[2, :10] = True
    assert names(galaxy(mask=mask)) == []
    mask[2, 40:44, 40:44] = True
    (verdict,) = assess(galaxy(mask=mask))
    # 16 of 42 x 42 pixels.
    assert (verdict.name, verdict.severity, verdict.detail) == (
        "masked",
        "note",
        "0.9 % of the central half is masked in r.",
    )
    mask[2, 20:50, 20:60] = True
    assert assess(galaxy(mask=mask))[0].severity == "bad"


@pytest.mark.parametrize("fill", [0.0, np.nan])
def test_cutout_beyond_the_edge_of_the_data_names_the_side(fill):
    cutout = galaxy()
    cutout.flux[:, :, 70:] = fill
    verdicts = {verdict.name: verdict for verdict in assess(cutout)}
    assert verdicts["off_edge"].detail == "17 % of the image lies beyond the edge of the data (west)."


def test_clipped_star_is_saturated_and_a_sharp_one_is_not():
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    # A star with a FWHM of 3.3 px, as SDSS sees it.
    star = 500 * np.exp(-(x**2 + y**2) / (2 * 1.4**2))
    sharp = galaxy().flux + star
    assert names(Cutout(sharp.astype(np.float32), UGRIZ)) == []
    assert names(Cutout(np.minimum(sharp, 150).astype(np.float32), UGRIZ)) == ["saturated"]


@pytest.mark.parametrize("angle_deg", [0, 17, 45, 90, 133])
@pytest.mark.parametrize("offset", [-15, 0, 8])
def test_line_across_the_frame_is_a_trail(angle_deg, offset):
    cutout = galaxy()
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    angle = np.deg2rad(angle_deg)
    distance = x * np.cos(angle) + y * np.sin(angle) - offset
    cutout.flux[2] += 0.3 * np.exp(-0.5 * (distance / 1.6) ** 2)
    (verdict,) = assess(cutout)
    assert verdict.name == "trail"
    assert verdict.detail.endswith("bright in r.")


def test_edge_on_galaxy_is_no_trail():
    cutout = galaxy()
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    cutout.flux[:] += 2 * np.exp(-np.abs(x) / 30 - np.abs(y) / 1.5)
    assert names(cutout) == []


def test_pictures_are_judged_without_noise():
    counts = np.random.default_rng(0).integers(0, 40, (3, 40, 40)).astype(np.float32)
    assert names(Cutout(counts, BAND_SETS["display-rgb"])) == []
    assert names(Cutout(np.zeros((3, 40, 40), np.float32), BAND_SETS["display-rgb"])) == ["constant"]


def test_tiny_and_borderless_cutouts_are_judged():
    assert names(Cutout(np.random.default_rng(0).normal(size=(5, 3, 3)).astype(np.float32), UGRIZ)) == []
    cutout = galaxy()
    cutout.flux[:, :15] = cutout.flux[:, -15:] = np.nan
    cutout.flux[:, :, :15] = cutout.flux[:, :, -15:] = np.nan
    assert "off_edge" in names(cutout)
