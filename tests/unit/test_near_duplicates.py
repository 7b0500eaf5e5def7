"""Images of one patch of sky are found by their pixels, whatever their ids say."""

import numpy as np
import pytest
from scipy import ndimage

from survey.overlaps import overlap_correlation
from training.near_duplicates import (
    best_pairs,
    crossed_by_trail,
    fine_correlation,
    phase_peaks,
    standardised,
)
from training.scaled_duplicates import LogPolar, bright_centres, describe, likeness, scaled_candidates

SIDE = 128
N_STARS = 14


def galaxy(
    stars: np.ndarray, *, scale: float = 1.0, centre: tuple[float, float] = (0.0, 0.0), radius: float = 14.0
) -> np.ndarray:
    """Draw a galaxy at the origin with small companions, ``scale`` units of sky per pixel around ``centre``."""
    at = (np.arange(SIDE) - (SIDE - 1) / 2) * scale
    rows, columns = np.meshgrid(at + centre[0], at + centre[1], indexing="ij")
    image = 5 + 150 * np.exp(-np.hypot(rows, columns) / radius)
    for row, column, size, height in stars:
        image += height * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * size**2))
    return image


def companions(seed: int) -> np.ndarray:
    """Draw row, column, size and height of companions."""
    rng = np.random.default_rng(seed)
    return np.column_stack(
        [rng.uniform(-58, 58, (N_STARS, 2)), rng.uniform(1.5, 2.5, N_STARS), rng.uniform(15, 60, N_STARS)]
    )


def strangers(n: int) -> list[np.ndarray]:
    return [galaxy(companions(100 + seed)) for seed in range(n)]


def around_the_middle(images: list[np.ndarray]) -> LogPolar:
    parts = [describe(image, [(63.5, 63.5)]) for image in images]
    return LogPolar(
        np.concatenate([part.values for part in parts]), np.concatenate([part.n_rings for part in parts])
    )


def test_a_shifted_image_stands_out_among_strangers():
    rng = np.random.default_rng(0)
    queries = [galaxy(companions(1)), *strangers(5)]
    targets = [galaxy(companions(seed)) for seed in range(20, 40)]
    targets[7] = galaxy(companions(1), centre=(6.0, -9.0))
    noisy = [
        np.array([image + rng.normal(0, 1, image.shape) for image in part]) for part in (queries, targets)
    ]
    assert best_pairs(standardised(phase_peaks(*noisy)), 1) == [(0, 7)]


def test_an_image_is_its_own_phase_peak():
    image = np.random.default_rng(2).poisson(60, (1, SIDE, SIDE)).astype(float)
    assert phase_peaks(image, image)[0, 0] == pytest.approx(1, abs=0.05)


def test_two_smooth_galaxies_share_no_fine_structure():
    rng = np.random.default_rng(3)
    alike = [galaxy(np.empty((0, 4))) + rng.normal(0, 1, (SIDE, SIDE)) for _ in range(2)]
    assert overlap_correlation(*alike) > 0.95
    assert fine_correlation(*alike) < 0.6
    assert fine_correlation(alike[0], 1.2 * alike[0]) > 0.99


def test_standardising_takes_off_what_correlates_with_everything():
    peaks = np.random.default_rng(4).normal(0.1, 0.01, (30, 40))
    peaks[3] += 0.5
    peaks[:, 8] += 0.4
    peaks[20, 30] += 0.15
    assert best_pairs(standardised(peaks), 1) == [(20, 30)]


def test_best_pairs_are_the_largest_scores_in_order():
    scores = np.random.default_rng(5).random((6, 9))
    order = np.argsort(-scores, axis=None)[:7]
    assert best_pairs(scores, 7) == [tuple(map(int, np.unravel_index(at, scores.shape))) for at in order]
    assert len(best_pairs(scores, 1000)) == scores.size


def test_only_a_line_of_one_band_is_a_trail():
    images = np.zeros((5, 32, 32, 3), np.uint8)
    lines = {"green": (60, 255, 20), "white": (255, 255, 255), "yellow": (255, 255, 0), "cyan": (0, 255, 255)}
    for image, colour in zip(images, lines.values(), strict=False):
        image[15:17] = colour
    assert crossed_by_trail(images).tolist() == [True, False, False, False, False]


@pytest.mark.parametrize("scale", [0.5, 0.8, 1.6])
def test_a_galaxy_is_found_at_another_scale(scale):
    targets = strangers(12)
    targets[5] = galaxy(companions(6), scale=scale)
    query = galaxy(companions(6))
    first = scaled_candidates(describe(query, [(63.5, 63.5)]), around_the_middle(targets), n=1)[0]
    assert first.target == 5
    assert first.scale == pytest.approx(scale, rel=0.06)
    fine, plain = likeness(query, targets[5], (63.5, 63.5), first.scale)
    assert fine > 0.9
    assert plain > 0.95


def test_an_image_centred_on_a_companion_is_found():
    stars = companions(7)
    stars[0] = 12.0, -17.0, 4.0, 200.0
    query = galaxy(stars)
    centres = bright_centres(query)
    assert any(np.hypot(row - 75.5, column - 46.5) < 2 for row, column in centres)
    targets = strangers(12)
    targets[3] = galaxy(stars, scale=0.6, centre=(12.0, -17.0))
    first = scaled_candidates(describe(query, centres), around_the_middle(targets), n=1)[0]
    assert first.target == 3
    assert likeness(query, targets[3], centres[first.query], first.scale)[0] > 0.8


def test_another_galaxy_is_not_like_it():
    turned = ndimage.rotate(galaxy(companions(8)), 90, reshape=False)
    assert likeness(galaxy(companions(8)), turned, (63.5, 63.5), 1.0)[0] < 0.5
