"""Labels against looks: what is said of a galaxy comes from others, is calibrated, and finds labels that were swapped."""

import numpy as np
import pytest

from index.audit.conflicts import calibration, find_conflicts
from index.audit.posterior import Posterior, out_of_fold

LABELS = ("edge_on", "elliptical", "spiral")


def looks(n, rng, *, apart=4.0):
    """Three clouds of unit spread, their true codes."""
    codes = rng.integers(0, 3, n)
    centres = apart * np.eye(3, 6)
    return centres[codes] + rng.normal(size=(n, 6)), codes


def test_swapped_labels_come_first():
    rng = np.random.default_rng(0)
    vectors, codes = looks(600, rng)
    swapped = rng.choice(600, 20, replace=False)
    given = codes.copy()
    given[swapped] = (codes[swapped] + 1) % 3
    posterior = out_of_fold(vectors, given, np.arange(600), LABELS)
    found = find_conflicts(posterior, given)
    assert len(set(found.rows[:22].tolist()) & set(swapped.tolist())) >= 19
    first = found.rows[0]
    assert found.other[0] == codes[first]
    assert found.p_disagree[0] == pytest.approx(1 - posterior.probability[first, given[first]])


def test_probabilities_are_as_often_right_as_they_say():
    rng = np.random.default_rng(1)
    vectors, codes = looks(4000, rng, apart=1.5)
    posterior = out_of_fold(vectors, codes, np.arange(4000), LABELS)
    assert posterior.probability.sum(axis=1) == pytest.approx(np.ones(4000))
    best = posterior.probability.argmax(axis=1)
    _, error = calibration(posterior.probability.max(axis=1), best == codes)
    # Of 4,000 in ten bins a perfect one has about 0.02.
    assert error < 0.04


def test_a_group_is_never_learnt_from_and_judged_at_once():
    rng = np.random.default_rng(2)
    # Twenty copies of each look share a label drawn at random: only who has seen a copy knows it.
    vectors = np.repeat(rng.normal(size=(100, 60)), 20, axis=0)
    codes = np.repeat(rng.integers(0, 2, 100), 20)
    groups = np.repeat(np.arange(100), 20)
    apart = out_of_fold(vectors, codes, groups, LABELS[:2]).probability.argmax(axis=1) == codes
    mixed = out_of_fold(vectors, codes, np.arange(2000), LABELS[:2]).probability.argmax(axis=1) == codes
    assert mixed.mean() > 0.85
    assert apart.mean() < 0.65


def test_the_confident_joint_is_that_of_the_paper():
    # Thresholds are the means of the own probabilities: (0.9 + 0.2) / 2 and (0.6 + 0.7) / 2.
    probability = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.3, 0.7]])
    found = find_conflicts(Posterior(("a", "b"), probability, 1.0), np.array([0, 0, 1, 1]))
    # The third speaks confidently for neither: 0.4 < 0.55, 0.6 < 0.65.
    assert found.joint == pytest.approx(np.array([[1, 1], [0, 1]]) / 3)
    assert found.rows.tolist() == [1, 2, 3, 0]
    assert found.is_suspected.tolist() == [True, False, False, False]


def test_calibration_is_the_mean_distance_weighted_by_bins():
    table, error = calibration(np.array([0.15, 0.15, 0.95]), np.array([True, False, True]))
    assert table == [
        {"predicted": pytest.approx(0.15), "observed": 0.5, "n": 2},
        {"predicted": pytest.approx(0.95), "observed": 1.0, "n": 1},
    ]
    assert error == pytest.approx((2 * 0.35 + 0.05) / 3)
