"""What a catalogue's own measurements say of an image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from index.colours import ColourSpace, clipped_moments, plausible_orders
from index.domain import Domain
from index.filling import expected_magnitudes, filled_plane, shape_plane
from index.reservations import RESERVATIONS, order_text, unit_mistake
from survey.bands import BAND_SETS
from survey.ingest import FLAGS
from survey.measures import measure

UGRIZ, RGB = BAND_SETS["sdss-ugriz"], BAND_SETS["display-rgb"]
SIDE, PIXEL = 64, 0.396
NOISE = np.array([0.05, 0.02, 0.03, 0.05, 0.17])
EVERYWHERE = np.ones((5, SIDE, SIDE), dtype=bool)


def galaxy(rng, *, redness=None, magnitude=None, sigma=None):
    """A round Gaussian galaxy of 15.5 to 17.5 mag in r, bluer to redder, on the noise of an SDSS sky."""
    redness = rng.uniform(0, 1) if redness is None else redness
    magnitude = rng.uniform(15.5, 17.5) if magnitude is None else magnitude
    sigma = rng.uniform(2, 6) if sigma is None else sigma
    colours = np.array([1.2, 0.5, 0, -0.25, -0.4]) * (1 + redness) + rng.normal(0, 0.03, 5)
    flux = 10 ** (0.4 * (22.5 - magnitude - colours))
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    shape = np.exp(-(x**2 + y**2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)
    noise = NOISE[:, None, None] * rng.uniform(0.8, 1.2) * rng.standard_normal((5, SIDE, SIDE))
    return (flux[:, None, None] * shape + noise).astype(np.float32)


def measured(field, known=EVERYWHERE):
    return measure(field, known, UGRIZ, PIXEL)


@pytest.fixture(scope="module")
def domain():
    rng = np.random.default_rng(1)
    return Domain.fitted([measured(galaxy(rng)) for _ in range(600)])


@pytest.fixture(scope="module")
def others():
    rng = np.random.default_rng(2)
    return [galaxy(rng) for _ in range(400)]


def names(domain, field, known=EVERYWHERE):
    return {one.name for one in domain.check(measured(field, known))}


def test_every_reservation_is_a_flag_of_a_report():
    assert set(RESERVATIONS) <= set(FLAGS)


def test_galaxies_of_the_same_kind_are_held_against_in_one_case_of_two_hundred(domain, others):
    fired = [one.name for field in others for one in domain.check(measured(field))]
    assert all(fired.count(name) <= 2 for name in RESERVATIONS), fired


@pytest.mark.parametrize("order", [(4, 3, 2, 1, 0), (1, 0, 2, 3, 4), (0, 2, 1, 3, 4), (1, 2, 3, 4, 0)])
def test_bands_in_another_order_are_noticed_and_the_right_one_is_named(domain, others, order):
    # Plane n of what is sent holds band order[n].
    found = [domain.check(measured(field[list(order)])) for field in others[:40]]
    colours = [one.text for each in found for one in each if one.name == "colours_unlikely"]
    assert len(colours) == 40
    right = ", ".join(UGRIZ.names[band] for band in order)
    assert sum(f"were {right}:" in text for text in colours) >= 38


@pytest.mark.parametrize(
    ("factor", "words"),
    [(3631, "nanojansky"), (10**1.8, "zero point 27"), (1000, "zero point 30"), (1e-9, "maggies")],
)
def test_another_unit_is_noticed_and_named(domain, others, factor, words):
    for field in others[:20]:
        (one,) = (one for one in domain.check(measured(field * factor)) if one.name == "brightness_unlikely")
        assert words in one.text


@pytest.mark.parametrize("factor", [3.631, 10.0])
def test_a_unit_that_is_off_by_less_shows_in_the_noise(domain, others, factor):
    for field in others[:20]:
        assert names(domain, field * factor) & {"brightness_unlikely", "sky_unlikely"}


@pytest.mark.parametrize(("factor", "words"), [(1 / 3.631, "zero point 23.9"), (0.1, "zero point 25")])
def test_nanomaggies_read_as_a_smaller_unit_are_named_by_the_noise(domain, others, factor, words):
    found = [domain.check(measured(field * np.float32(factor))) for field in others[:20]]
    texts = [one.text for each in found for one in each if one.name == "brightness_unlikely"]
    assert sum(words in text for text in texts) >= 18


def test_a_deeper_image_of_usual_galaxies_is_said_to_be_deeper_first(domain):
    rng = np.random.default_rng(6)
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    flux = 10 ** (0.4 * (22.5 - 16.5 - 1.5 * np.array([1.2, 0.5, 0, -0.25, -0.4])))
    galaxy_shape = np.exp(-(x**2 + y**2) / 32) / (32 * np.pi)
    noise = NOISE[:, None, None] * 0.17 * rng.standard_normal((5, SIDE, SIDE))
    (one,) = domain.check(measured((flux[:, None, None] * galaxy_shape + noise).astype(np.float32)))
    assert one.name == "sky_unlikely"
    assert "a deeper image, or" in one.text


def test_a_huge_galaxy_has_an_unlikely_size(domain):
    found = domain.check(measured(galaxy(np.random.default_rng(3), sigma=30, magnitude=14.8)))
    (text,) = (one.text for one in found if one.name == "size_unlikely")
    assert text.startswith("Half of the light lies within")


def test_a_sharp_core_is_sharper_than_trained(domain):
    assert "sharper_than_trained" in names(domain, galaxy(np.random.default_rng(3), sigma=0.9))


def test_a_seeing_better_by_a_fifth_is_no_reservation(domain, others):
    # SDSS exposures have cores from 1.18 arcsec on, the survey of the simulation from 1.44.
    narrowest = PIXEL * np.nanquantile(domain.scalars["core_fwhm_px"], 0.01)
    (core,) = (one for one in domain.readings(measured(others[0])) if one.name == "core_fwhm")
    assert 0.7 * narrowest < core.low < 1.18 / 1.44 * narrowest


def test_a_pedestal_is_an_unlikely_sky(domain, others):
    assert "sky_unlikely" in names(domain, others[0] + 3 * NOISE[:, None, None].astype(np.float32))


def test_an_image_without_a_frame_has_no_reservation_about_its_sky(domain, others):
    known = np.zeros_like(EVERYWHERE)
    known[:, 12:52, 12:52] = True
    assert names(domain, np.where(known, others[0], 0), known) == set()


def test_what_has_no_flux_has_no_reservations(domain, others):
    nothing = np.zeros_like(EVERYWHERE)
    assert domain.check(measured(others[0] * 0, nothing)) == []
    assert domain.readings(measured(others[0] * 0, nothing)) == []


def test_missing_bands_are_left_out_of_the_judgement(domain, others):
    known = EVERYWHERE.copy()
    known[[0, 4]] = False
    for field in others[:20]:
        gapped = np.where(known, field, 0)
        assert names(domain, gapped, known) == set()
        assert "colours_unlikely" in names(domain, gapped[[0, 3, 2, 1, 4]], known)


def test_readings_hold_the_value_between_its_limits(domain, others):
    readings = domain.readings(measured(others[0]))
    assert [one.band for one in readings if one.name == "magnitude"] == list(UGRIZ.names)
    assert not any(one.is_unlikely for one in readings)
    r50 = next(one for one in readings if one.name == "r50")
    assert r50.low < r50.value < r50.high
    assert 0 <= r50.percentile <= 100
    assert r50.unit == "arcsec"


def test_a_saved_domain_judges_alike(domain, others, tmp_path):
    domain.save(tmp_path / "domain.npz")
    again = Domain.open(tmp_path / "domain.npz")
    one = measured(others[0][::-1])
    assert again.check(one) == domain.check(one)
    assert again.readings(one) == domain.readings(one)


def test_too_few_galaxies_make_no_domain(others):
    assert Domain.fitted([measured(field) for field in others[:29]]) is None


def test_freaks_in_the_catalogue_do_not_make_others_likely(others):
    rng = np.random.default_rng(5)
    sample = [measured(galaxy(rng)) for _ in range(600)]
    freaks = [replace(one, flux=one.flux * rng.uniform(0.01, 100, 5)) for one in sample[:6]]
    domain = Domain.fitted([*sample, *freaks])
    assert all("colours_unlikely" in names(domain, field[::-1]) for field in others[:40])


def test_a_missing_band_is_made_up_with_the_brightness_that_it_had(domain, others):
    for plane in range(5):
        errors = []
        for field in others[:30]:
            known = EVERYWHERE.copy()
            known[plane] = False
            gapped = np.where(known, field, 0)
            filled, lenders = domain.fill(measured(gapped, known), gapped, known)
            assert list(lenders) == [UGRIZ.names[plane]]
            assert np.array_equal(np.delete(filled, plane, axis=0), np.delete(field, plane, axis=0))
            truth, made = measured(field), measured(filled)
            errors.append(
                made.magnitudes(domain.softening)[plane] - truth.magnitudes(domain.softening)[plane]
            )
        # The bands scatter by 0.03 mag about a line; noise in u adds what it adds.
        assert np.median(np.abs(errors)) < 0.08
        assert abs(np.median(errors)) < 0.06


def test_what_is_made_up_has_the_noise_of_its_band(domain, others):
    known = EVERYWHERE.copy()
    known[4] = False
    gapped = np.where(known, others[0], 0)
    filled, _ = domain.fill(measured(gapped, known), gapped, known)
    assert measured(filled).noise[4] == pytest.approx(domain.typical_noise[4], rel=0.1)


def test_filling_is_the_same_twice(domain, others):
    known = EVERYWHERE.copy()
    known[:2] = False
    gapped = np.where(known, others[0], 0)
    first, second = (domain.fill(measured(gapped, known), gapped, known)[0] for _ in range(2))
    assert np.array_equal(first, second)


def test_nothing_is_made_up_of_nothing(domain, others):
    field, lenders = domain.fill(measured(others[0], ~EVERYWHERE), others[0], ~EVERYWHERE)
    assert lenders == {}
    assert field is others[0]


def test_what_is_unknown_stays_empty_in_the_band_made_up(domain, others):
    known = EVERYWHERE.copy()
    known[0] = False
    known[:, :12] = False
    gapped = np.where(known, others[0], 0)
    filled, _ = domain.fill(measured(gapped, known), gapped, known)
    assert not filled[0, :12].any()
    assert filled[0, 12:].any()


def test_expected_magnitudes_follow_a_straight_line_exactly():
    rng = np.random.default_rng(0)
    first = rng.uniform(15, 19, 300)
    catalogue = np.column_stack([first, 0.5 * first + 3, 2 * first - 10])
    given = np.array([17.25, np.nan, np.nan])
    # The ridge of a thousandth pulls a little towards the neighbours' mean.
    assert expected_magnitudes(catalogue, given) == pytest.approx([17.25, 11.625, 24.5], abs=0.02)


def test_the_shape_comes_from_the_nearest_band_that_is_quiet_enough():
    options = {"pivots_nm": [356, 470, 618, 750, 896], "noise": NOISE, "target": 50.0}
    flux = np.array([10.0, np.nan, 100.0, 150.0, 180.0])
    # u is nearer to g than r is, but five times as faint and noisy.
    assert shape_plane(1, flux=flux, typical_noise=0.02, **options) == 2
    assert shape_plane(1, flux=flux, typical_noise=1.0, **options) == 0


def test_a_made_up_plane_has_the_flux_it_should():
    plane = filled_plane(
        np.full((20, 20), 2, np.float32),
        np.ones((20, 20), bool),
        flux=800,
        target=400,
        noise=0,
        typical_noise=0,
        plane=0,
    )
    assert np.array_equal(plane, np.ones((20, 20)))


def test_plausible_orders_are_all_different_and_none_is_the_right_one():
    orders = list(plausible_orders(5))
    assert len(set(orders)) == len(orders) == 1 + 10 + 4
    assert (0, 1, 2, 3, 4) not in orders
    assert all(sorted(order) == [0, 1, 2, 3, 4] for order in orders)


def test_an_order_is_told_as_what_the_planes_hold():
    # Band g is in plane 1, r in plane 2, i in plane 0.
    assert order_text(["g", "r", "i"], [1, 2, 0]) == "i, g, r"


def test_clipped_moments_ignore_outliers():
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, (2000, 3)) @ np.diag([1, 2, 3])
    values[:40] += 1000
    mean, covariance = clipped_moments(values)
    assert mean == pytest.approx([0, 0, 0], abs=0.25)
    assert np.sqrt(np.diag(covariance)) == pytest.approx([1, 2, 3], rel=0.1)


def test_the_fifth_nearest_counts():
    rng = np.random.default_rng(0)
    magnitudes = np.cumsum(rng.normal(0, 0.2, (500, 4)), axis=1)
    magnitudes[:3] += [0, 10, 0, 10]
    space = ColourSpace(magnitudes)
    assert space.distance(magnitudes[0]) > space.limit
    assert space.percentile(float(space.distance(magnitudes[100]))) < 100


def test_a_mistake_is_chosen_by_the_noise():
    assert unit_mistake(9.0, 3631, (15, 18), by_noise=False).factor == 3631
    assert unit_mistake(9.0, 1000, (15, 18), by_noise=False).factor == pytest.approx(1000)
    assert unit_mistake(16.0, 1.0, (15, 18), by_noise=True) is None
    assert unit_mistake(15.0, 3.6, (15, 18), by_noise=True).factor == 3.631


def pictures():
    rng = np.random.default_rng(7)
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    for _ in range(300):
        sigma, top = rng.uniform(3, 7), rng.uniform(60, 220)
        tint = np.array([1, 0.9, 0.8]) + rng.normal(0, 0.04, 3)
        shape = np.exp(-(x**2 + y**2) / (2 * sigma**2))
        picture = 10 + top * tint[:, None, None] * shape + rng.normal(0, 4, (3, SIDE, SIDE))
        yield np.clip(np.rint(picture), 0, 255).astype(np.float32)


def text():
    page = np.full((SIDE, SIDE), 255.0)
    page[4::8, 4:-4:2] = 0
    page[6::8, 5:-4:3] = 0
    return np.array([page] * 3)


def landscape():
    y = np.linspace(0, 1, SIDE)[:, None] * np.ones(SIDE)
    hills = y > 0.55 + 0.1 * np.sin(np.arange(SIDE) / 9)
    sky = np.array([90 + 60 * y, 140 + 60 * y, 220 + 20 * y])
    ground = np.array([60 + 0 * y, 110 + 0 * y, 40 + 0 * y])
    return np.where(hills, ground, sky)


def noise():
    return np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE)).astype(float)


def black():
    return np.where(np.random.default_rng(0).random((3, SIDE, SIDE)) > 0.999, 255.0, 0.0)


PICTURE = np.ones((3, SIDE, SIDE), dtype=bool)


@pytest.fixture(scope="module")
def album():
    sample = [measure(one, PICTURE, RGB, None) for one in pictures()]
    return Domain.fitted(sample[:250]), sample[250:]


def test_other_pictures_of_galaxies_are_not_held_against(album):
    domain, rest = album
    assert sum(bool(domain.check(one)) for one in rest) <= 1


@pytest.mark.parametrize("picture", [text, landscape, noise, black])
def test_a_picture_of_something_else_is_noticed(album, picture):
    assert album[0].check(measure(picture().astype(np.float32), PICTURE, RGB, None))
