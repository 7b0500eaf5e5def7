"""Galaxies unlike those with a spectrum stand out; those alike do not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.stats import kstest
from sklearn.metrics import roc_auc_score

from index.support import LIMIT, MAX_REFERENCE, Degraded, K, Support, fit_support


def features(n, seed, shift=0.0):
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(n, 8)) @ np.random.default_rng(99).normal(size=(8, 8))
    return (mixed + shift) * np.array([1, 10, 100, 0.1, 1, 1, 1, 1])


@pytest.fixture(scope="module")
def support():
    return fit_support(features(3000, 1), features(2000, 2))


def test_distances_are_means_to_the_ten_nearest(support):
    asked = features(50, 3)
    scaled = (asked - support.centre) / support.scale
    expected = cKDTree(support.reference).query(scaled, K)[0].mean(axis=1)
    assert support.distance(asked) == pytest.approx(expected, rel=1e-4)


def test_percentiles_of_like_galaxies_are_uniform(support):
    percentile = support.percentile(features(2000, 4))
    assert kstest(percentile / 100, "uniform").pvalue > 0.001
    assert (percentile > LIMIT).mean() == pytest.approx(0.01, abs=0.01)


def test_a_planted_shift_is_detected(support):
    usual, shifted = support.percentile(features(1000, 5)), support.percentile(features(1000, 6, shift=12))
    assert roc_auc_score([0] * 1000 + [1] * 1000, np.concatenate([usual, shifted])) > 0.95


def test_the_scale_of_a_feature_does_not_matter():
    factors = np.array([1e3, 1, 1e-3, 1, 5, 1, 1, 1])
    plain = fit_support(features(500, 1), features(500, 2))
    scaled = fit_support(features(500, 1) * factors, features(500, 2) * factors)
    asked = features(200, 3)
    assert scaled.percentile(asked * factors) == pytest.approx(plain.percentile(asked), abs=0.21)


def test_a_feature_that_never_varied_counts_as_it_differs():
    known = features(400, 1)
    known[:, 3] = 1.0
    support = fit_support(known, known)
    odd = known[:1].copy()
    odd[0, 3] += 50
    assert support.percentile(odd)[0] == 100


def test_what_is_not_finite_has_no_percentile(support):
    asked = features(3, 7)
    asked[1, 2] = np.nan
    assert np.isnan(support.percentile(asked)).tolist() == [False, True, False]


def test_five_thousand_galaxies_are_kept():
    assert len(fit_support(features(12_000, 1), features(10, 2)).reference) == MAX_REFERENCE == 5000


def test_distances_measured_elsewhere_have_percentiles_too():
    support = Support.of_distances(np.array([0.4, 0.1, np.nan, 0.3, 0.2]))
    assert support.percentile(np.array([[0.05], [0.25], [0.9], [np.nan]]))[:3].tolist() == [0, 50, 100]


def test_without_a_finite_galaxy_there_is_no_support():
    with pytest.raises(ValueError, match="no reference galaxy"):
        fit_support(np.full((3, 2), np.nan), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="no calibration galaxy"):
        fit_support(np.zeros((3, 2)), np.full((3, 2), np.nan))


def moved(n, seed, by):
    """Galaxies moved along one hidden direction of small scatter among 40 features of large scatter."""
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(n, 40)) * 10
    found[:, 0] = found[:, 1:5].sum(axis=1) + 3 * (rng.normal(size=n) + by)
    return found


def auroc(support, shifted):
    usual = support.percentile(moved(800, 10, 0))
    return roc_auc_score([0] * 800 + [1] * len(shifted), np.concatenate([usual, support.percentile(shifted)]))


def test_a_watched_degradation_is_detected_that_drowns_among_many_features():
    reference, calibration = moved(3000, 1, 0), moved(2000, 2, 0)
    plain = fit_support(reference, calibration)
    # Learnt from a weaker one, on other galaxies, and from one that never comes.
    other = moved(300, 4, 0) + 3 * np.eye(40)[7] * 10
    watching = fit_support(reference, calibration, [Degraded(moved(300, 3, 3)), Degraded(other)])
    assert auroc(plain, moved(800, 5, 4)) < 0.65
    assert auroc(watching, moved(800, 5, 4)) > 0.9
    # What is far in any other way is still far.
    assert auroc(watching, moved(800, 6, 0) + 60) > 0.99


def test_percentiles_stay_uniform_however_many_directions_are_watched():
    watching = fit_support(
        moved(3000, 1, 0),
        moved(2000, 2, 0),
        [Degraded(moved(300, 3, 3), both=True), Degraded(moved(300, 4, 0) + 20)],
    )
    percentile = watching.percentile(moved(2000, 7, 0))
    assert kstest(percentile / 100, "uniform").pvalue > 0.001


def test_a_degradation_without_a_finite_galaxy_is_refused():
    with pytest.raises(ValueError, match="no degraded galaxy"):
        fit_support(moved(50, 1, 0), moved(50, 2, 0), [Degraded(np.full((3, 40), np.nan))])


def test_a_move_against_a_direction_counts_only_where_asked():
    reference, calibration = moved(3000, 1, 0), moved(2000, 2, 0)
    one_way, both = (
        fit_support(reference, calibration, [Degraded(moved(300, 3, 3), both=both)]) for both in (False, True)
    )
    assert auroc(one_way, moved(800, 5, -4)) < 0.6
    assert auroc(both, moved(800, 5, -4)) > 0.9


def test_directions_lie_in_the_watched_features_alone():
    watching = fit_support(moved(3000, 1, 0), moved(2000, 2, 0), [Degraded(moved(300, 3, 3))], n_watched=5)
    assert not watching.watch[5:].any()
    assert watching.watch[:5].all()
