"""Every detector beside the formula of its paper, or another library."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest as TheirForest
from sklearn.ensemble._iforest import _average_path_length
from sklearn.neighbors import LocalOutlierFactor as TheirFactor

from index.anomalies.density import Density
from index.anomalies.forest import IsolationForest, average_path
from index.anomalies.lof import LocalOutlierFactor
from index.anomalies.model import DETECTORS
from index.anomalies.reference import NEIGHBOURS, Reference

N, D = 600, 5


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(0).normal(size=(N, D)).astype(np.float32)


@pytest.fixture(scope="module")
def reference(points):
    return Reference(points)


@pytest.fixture(scope="module")
def strangers():
    rng = np.random.default_rng(1)
    return np.concatenate([rng.normal(size=(40, D)), rng.normal(size=(10, D)) * 3 + 4]).astype(np.float32)


def test_the_density_is_the_mean_distance_to_the_nearest_others(points, reference):
    apart = np.linalg.norm(points[:, None].astype(float) - points[None], axis=2)
    nearest = np.sort(apart, axis=1)[:, 1 : NEIGHBOURS + 1]
    found = Density.fitted(reference, 0).score(reference.itself)
    assert np.exp(found) == pytest.approx(nearest.mean(axis=1), rel=1e-6)


def test_the_outlier_factor_is_that_of_scikit_learn(points, reference, strangers):
    theirs = TheirFactor(n_neighbors=NEIGHBOURS, novelty=True).fit(points.astype(float))
    ours = LocalOutlierFactor.fitted(reference, 0)
    assert ours.score(reference.itself) == pytest.approx(-theirs.negative_outlier_factor_, rel=1e-5)
    found = ours.score(reference.place(strangers))
    assert found == pytest.approx(-theirs.score_samples(strangers.astype(float)), rel=1e-5)


def test_the_forest_scores_like_that_of_scikit_learn(points, reference, strangers):
    asked = np.concatenate([points, strangers])
    ours = IsolationForest.fitted(reference, 0).score(reference.place(asked))
    seeds = range(4)
    theirs = np.array(
        [
            -TheirForest(n_estimators=200, bootstrap=True, random_state=seed).fit(points).score_samples(asked)
            for seed in seeds
        ]
    )
    # Two forests of 200 random trees differ by chance: no more than theirs differ among each other.
    scatter = theirs.std(axis=0, ddof=1)
    assert ours == pytest.approx(theirs.mean(axis=0), abs=6 * float(scatter.mean()))
    assert np.corrcoef(ours, theirs.mean(axis=0))[0, 1] > 0.95


def test_the_average_path_is_that_of_the_paper():
    n = np.array([1, 2, 3, 10, 256])
    assert average_path(n) == pytest.approx(_average_path_length(n))


def test_a_forest_parts_along_the_only_axis_that_differs():
    points = np.zeros((300, 4), np.float32)
    points[:, 2] = np.random.default_rng(5).normal(size=300)
    points[0, 2] = 40
    forest = IsolationForest.fitted(Reference(points), 0)
    scores = forest.score(Reference(points).itself)
    assert scores.argmax() == 0
    assert scores[0] > 0.75


@pytest.mark.parametrize("kind", DETECTORS)
def test_far_away_is_odder_and_the_same_seed_says_the_same(kind, reference, strangers):
    first, again = (kind.fitted(reference, 7).score(reference.place(strangers)) for _ in range(2))
    assert np.array_equal(first, again)
    assert first[40:].min() > np.median(first[:40])


@pytest.mark.parametrize("kind", DETECTORS)
def test_it_comes_back_from_plain_arrays(kind, reference, strangers):
    detector = kind.fitted(reference, 3)
    again = kind.from_arrays(reference, detector.to_arrays())
    placed = reference.place(strangers)
    assert np.array_equal(again.score(placed), detector.score(placed))


@pytest.mark.parametrize("kind", DETECTORS)
def test_a_point_scores_the_same_alone_and_in_a_crowd(kind, reference, strangers):
    detector = kind.fitted(reference, 3)
    crowd = detector.score(reference.place(strangers))
    alone = [detector.score(reference.place(one[None]))[0] for one in strangers]
    assert np.array_equal(crowd, alone)


@pytest.mark.parametrize("kind", DETECTORS)
def test_the_same_image_counts_neither_for_the_catalogue_nor_for_an_upload(kind, points, reference):
    detector = kind.fitted(reference, 3)
    own = detector.score(reference.itself)
    assert detector.score(reference.place(points[5:6].copy()))[0] == own[5]


def test_copies_of_one_image_are_not_each_other_s_company(points):
    lonely = np.full((1, D), 9, np.float32)
    alone = Density().score(Reference(np.concatenate([points, lonely])).place(lonely))
    thrice = Density().score(Reference(np.concatenate([points, lonely, lonely, lonely])).place(lonely))
    assert thrice == pytest.approx(alone)


def test_a_sample_of_one_galaxy_finds_nothing_odd():
    reference = Reference(np.ones((1, 3), np.float32))
    for kind in DETECTORS:
        assert np.isfinite(kind.fitted(reference, 0).score(reference.itself)).all()


def test_trees_that_would_lead_outside_are_refused(reference):
    arrays = IsolationForest.fitted(reference, 0).to_arrays()
    with pytest.raises(ValueError, match="a cut across axis 99 of 5"):
        IsolationForest.from_arrays(reference, {**arrays, "feature": np.full_like(arrays["feature"], 99)})
    with pytest.raises(ValueError, match="leaves"):
        IsolationForest.from_arrays(reference, {**arrays, "path": arrays["path"][:, :-1]})
