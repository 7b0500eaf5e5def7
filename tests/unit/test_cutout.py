import numpy as np
import pytest

from survey.bands import BAND_SETS, BandMismatch, BandSet
from survey.cutout import Cutout

GRZ = BAND_SETS["legacy-grz"]


def flux():
    return np.arange(48, dtype=np.float32).reshape(3, 4, 4)


def test_good_pixels_are_finite_unmasked_and_weighted():
    values, mask, ivar = flux(), np.zeros((3, 4, 4), bool), np.ones((3, 4, 4), np.float32)
    values[0, 0, 0], mask[1, 1, 1], ivar[2, 2, 2], ivar[2, 3, 3] = np.nan, True, 0, np.nan
    bad = ~Cutout(values, GRZ, ivar=ivar, mask=mask).good()
    assert sorted(map(tuple, np.argwhere(bad).tolist())) == [(0, 0, 0), (1, 1, 1), (2, 2, 2), (2, 3, 3)]


def test_selection_follows_the_order_asked_for():
    cutout = Cutout(flux(), GRZ, ivar=flux() + 1, mask=flux() > 20)
    chosen = cutout.select(BandSet.from_ids(["legacy:z", "legacy:g"]))
    np.testing.assert_array_equal(chosen.flux, flux()[[2, 0]])
    np.testing.assert_array_equal(chosen.ivar, flux()[[2, 0]] + 1)
    np.testing.assert_array_equal(chosen.mask, flux()[[2, 0]] > 20)
    with pytest.raises(BandMismatch, match="sdss:r are missing"):
        cutout.select(BandSet.from_ids(["sdss:r"]))


def test_shape_is_height_and_width():
    assert Cutout(np.zeros((3, 4, 7), np.float32), GRZ).shape == (4, 7)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"flux": np.zeros((4, 4), np.float32)}, ValueError, "must be"),
        ({"flux": np.zeros((2, 4, 4), np.float32)}, BandMismatch, "2 planes for 3 bands"),
        ({"ivar": np.zeros((3, 4, 5), np.float32)}, ValueError, "ivar has shape"),
        ({"mask": np.zeros((1, 4, 4), bool)}, ValueError, "mask has shape"),
        ({"pixel_scale_arcsec": 0.0}, ValueError, "not positive"),
        ({"pixel_scale_arcsec": float("nan")}, ValueError, "not positive"),
    ],
)
def test_inconsistent_cutout_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        Cutout(**{"flux": flux(), "bands": GRZ, **change})
