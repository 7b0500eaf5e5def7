"""Two pictures of one sky are found among strangers by their pixels, at the shift that lays one on the other."""

import numpy as np
import pytest
from support.one_sky import crossed, pictures, views

from index.audit.keypoints import Matches, find_keypoints, matches
from index.audit.planes import fine_planes, kept_side
from index.audit.verified import band_correlations, verified


def found_in(images, *, is_display=True):
    planes = fine_planes(images, is_display=is_display)
    parts = [part for part, _, _ in matches(find_keypoints(planes, progress=lambda *_: None))]
    every = Matches(
        np.concatenate([part.rows for part in parts]), np.concatenate([part.shifts for part in parts])
    )
    return verified(planes, every)


@pytest.mark.parametrize("shift", [(0, 0), (13, -20), (-30, 9), (2, 36)])
def test_a_second_view_of_a_patch_is_found_at_its_shift(shift):
    images = np.concatenate([pictures(12), views(77, shift)])
    pairs = found_in(images)
    assert pairs.rows.tolist() == [[12, 13]]
    assert pairs.shift_px.tolist() == [list(shift)]
    assert pairs.overlap[0] == pytest.approx((64 - abs(shift[0])) * (64 - abs(shift[1])) / 64**2)
    assert pairs.correlation[0] > 0.9


def test_flux_is_compared_like_counts():
    first, second = (view.astype(np.float32) - 12 for view in views(78, (7, 11)))
    strangers = pictures(8, seed=3).astype(np.float32) - 12
    first[:, :3, :3] = np.nan
    pairs = found_in(0.01 * np.concatenate([strangers, [first, second]]), is_display=False)
    assert pairs.rows.tolist() == [[8, 9]]


def test_a_trail_through_two_patches_is_no_pair():
    images = pictures(8, seed=4)
    images[2], images[5] = crossed(images[2], 10), crossed(images[5], 22)
    planes = fine_planes(images, is_display=True)
    at_the_trail = Matches(np.array([[2, 5]]), np.array([[-12, 0]]))
    red, green, blue = band_correlations(planes[2], planes[5], (-12, 0))
    assert green > 0.4 > max(red, blue)
    assert len(verified(planes, at_the_trail)) == 0


def test_correlations_are_those_of_numpy():
    rng = np.random.default_rng(5)
    a, b = rng.integers(-100, 100, (2, 3, 20, 20)).astype(np.int8)
    a[2], b[2] = 0, 0
    expected = [np.corrcoef(a[c, 4:, :17].ravel(), b[c, :16, 3:].ravel())[0, 1] for c in (0, 1)]
    assert band_correlations(a, b, (4, -3)) == pytest.approx(expected, abs=1e-5)


def test_a_band_that_only_one_picture_has_agrees_in_nothing():
    a = np.random.default_rng(6).integers(-100, 100, (2, 20, 20)).astype(np.int8)
    b = a.copy()
    b[1] = 0
    assert band_correlations(a, b, (0, 0)) == pytest.approx([1, 0])


def test_an_overlap_below_an_eighth_is_no_pair():
    first, second = views(79, (50, 40))
    planes = fine_planes(np.stack([first, second]), is_display=True)
    assert len(verified(planes, Matches(np.array([[0, 1]]), np.array([[50, 40]])))) == 0


def test_large_cutouts_are_shrunk_by_whole_blocks():
    assert [kept_side(side) for side in (64, 160, 161, 424)] == [64, 160, 80, 141]
    assert fine_planes(np.zeros((1, 2, 200, 200), np.float32), is_display=False).shape == (1, 2, 100, 100)
