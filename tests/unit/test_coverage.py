"""What of the middle must be covered, and what counts as beyond the image."""

import numpy as np
import pytest

from survey.bands import BandSet
from survey.coverage import ContractViolation, beyond, check_coverage

BANDS = BandSet.from_ids(["sdss:g", "sdss:r"])
FIELD = np.random.default_rng(0).normal(1, 1, (2, 84, 84)).astype(np.float32)


def check(known, covered=None):
    covered = np.ones((84, 84), bool) if covered is None else covered
    return check_coverage(FIELD, known, covered, bands=BANDS, core=40, span=64)


def within(radius):
    axis = np.arange(84) - 41.5
    return np.broadcast_to(np.hypot(axis[:, None], axis) <= radius, (2, 84, 84)).copy()


def test_a_disc_of_forty_pixels_is_enough():
    assert check(within(20)) == ["partial_field"]


def test_less_than_the_disc_is_too_small():
    with pytest.raises(ContractViolation, match="central 40") as refusal:
        check(within(19.4))
    assert refusal.value.code == "fits.too_small"


def test_a_hole_in_the_middle_is_masked_not_beyond():
    known = np.ones((2, 84, 84), bool)
    known[:, 30:34, 40:44] = False
    assert not beyond(known).any()
    assert check(known) == ["masked"]


def test_what_is_unknown_in_all_bands_from_the_border_on_is_beyond():
    known = np.ones((2, 84, 84), bool)
    known[:, :12] = False
    known[0, 12:20] = False
    known[:, 60:62, 60:62] = False
    expected = np.zeros((84, 84), bool)
    expected[:12] = True
    assert np.array_equal(beyond(known), expected)
    assert check(known) == ["partial_field"]


@pytest.mark.parametrize("bands", [[0, 1], [1]])
@pytest.mark.parametrize("radius", [4.5, 8, 9.9])
def test_a_galaxy_whose_core_is_masked_is_refused_though_the_disc_is_covered(radius, bands):
    known = np.ones((2, 84, 84), bool)
    known[bands] &= ~within(radius)[bands]
    assert known[1, within(20)[1]].mean() > 0.75
    with pytest.raises(ContractViolation, match=r"central aperture are masked or NaN in") as refusal:
        check(known)
    assert refusal.value.code == "fits.masked"


def test_a_small_hole_in_the_core_is_a_reservation():
    assert check(~within(3.5)) == ["masked"]


def test_nothing_known_is_masked_rather_than_too_small():
    with pytest.raises(ContractViolation) as refusal:
        check(np.zeros((2, 84, 84), bool))
    assert refusal.value.code == "fits.masked"
