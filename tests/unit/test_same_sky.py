"""Two images of one patch of sky are found, two patches are not mistaken for one."""

import numpy as np
import pytest

from survey.overlaps import overlap_correlation
from training.same_sky import candidate_pairs, same_sky_pairs, sky_groups


def objid(run, camcol, field, number=1):
    """SDSS objID, version 1, rerun 648 (SkyServer glossary: bits 59, 48, 32, 29, 16, 0)."""
    return str(1 << 59 | 648 << 48 | run << 32 | camcol << 29 | field << 16 | number)


def sky(seed, side=64):
    """Blobs on a noisy sky."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((side, side))
    image = rng.normal(0, 0.01, (side, side))
    for _ in range(12):
        cy, cx, width = *rng.uniform(0, side, 2), rng.uniform(1.5, 4)
        image += rng.uniform(0.3, 1) * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * width**2))
    return image


def test_groups_are_read_from_the_id():
    assert sky_groups([objid(756, 2, 198)]) == [(756, 2, 198)]
    with pytest.raises(ValueError, match="'J0001' is no SDSS objID"):
        sky_groups(["J0001"])


def test_candidates_share_run_and_camcol_and_lie_at_most_a_field_apart():
    ids = [
        objid(756, 1, 10, 1),
        objid(756, 1, 11),
        objid(756, 1, 10, 2),
        objid(756, 1, 12),
        objid(756, 2, 10),
        objid(757, 1, 10),
    ]
    assert candidate_pairs(ids) == [(0, 1), (0, 2), (1, 2), (1, 3)]


@pytest.mark.parametrize("shift", [(0, 0), (9, 0), (-5, 12), (11, -7)])
def test_a_shifted_view_of_the_same_sky_correlates_fully(shift):
    wide = sky(1, 96)
    dy, dx = shift
    first, second = wide[16:80, 16:80], wide[16 + dy : 80 + dy, 16 + dx : 80 + dx]
    assert overlap_correlation(first, second) == pytest.approx(1, abs=1e-6)


def test_the_correlation_is_that_of_numpy_at_the_best_shift():
    first, second = sky(2, 24), sky(3, 24)
    best = -1.0
    for dy in range(-23, 24):
        for dx in range(-23, 24):
            a = first[max(0, dy) : 24 + min(0, dy), max(0, dx) : 24 + min(0, dx)]
            b = second[max(0, -dy) : 24 - max(0, dy), max(0, -dx) : 24 - max(0, dx)]
            if a.size >= 0.5 * 24**2:
                best = max(best, np.corrcoef(a.ravel(), b.ravel())[0, 1])
    assert overlap_correlation(first, second) == pytest.approx(best, abs=1e-9)


def test_flat_images_correlate_with_nothing():
    assert overlap_correlation(np.zeros((32, 32)), sky(1, 32)) == 0


def test_only_the_pair_of_one_sky_is_found():
    wide = sky(4, 96)
    images = np.stack([wide[:64, :64], wide[10:74, 6:70], sky(5), sky(6)])
    ids = [objid(756, 1, 10, n) for n in range(1, 5)]
    seen = []
    assert same_sky_pairs(ids, images, progress=lambda *done: seen.append(done)) == [(0, 1)]
    assert seen[-1] == (6, 6)
