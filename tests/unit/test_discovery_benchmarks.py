"""What the discovery benchmarks judge by is what its names say."""

import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from discovery_curves import Ranking, paired
from discovery_ellipses import ellipse_features


@pytest.fixture
def pool():
    rng = np.random.default_rng(5)
    is_rare = rng.random(300) < 0.1
    # Rounded, so that many are equal.
    return np.round(rng.normal(size=300) + is_rare, 1), is_rare


def test_average_precision_is_that_of_scikit_learn(pool):
    order, is_rare = pool
    assert Ranking(order, is_rare).average_precision() == pytest.approx(
        average_precision_score(is_rare, order)
    )


def test_a_weight_is_a_repetition(pool):
    order, is_rare = pool
    weights = np.random.default_rng(6).integers(0, 3, len(order)).astype(float)
    repeated = Ranking(np.repeat(order, weights.astype(int)), np.repeat(is_rare, weights.astype(int)))
    assert Ranking(order, is_rare).average_precision(weights) == pytest.approx(repeated.average_precision())


def test_the_rank_weighted_score_is_one_when_all_of_the_first_are_rare():
    assert Ranking(np.arange(9.0), np.arange(9) > 4).weighted(4) == 1


def test_the_rank_weighted_score_counts_the_last_place_least():
    # Four places weigh 4, 3, 2, 1 of 10.
    assert Ranking(np.arange(9.0), np.arange(9) == 5).weighted(4) == pytest.approx(0.1)


def test_a_ranking_does_not_beat_itself(pool):
    one = Ranking(*pool)
    drawn = paired([one], [one], rng=np.random.default_rng(0))
    assert np.array_equal(drawn[:, 0], drawn[:, 1])


def test_isophotes_of_an_elliptical_galaxy_are_ellipses_of_its_axis_ratio():
    y, x = np.indices((96, 96)) - 47.5
    light = 200 * np.exp(-np.hypot(x / 12, y / 6))
    picture = light + np.random.default_rng(0).normal(0, 0.5, (3, 96, 96))
    misfit, offset, ratio, turn = ellipse_features(picture.astype(np.float32)).reshape(-1, 4).T
    # Ragged by noise on the outside; further in by pixels and the smoothing.
    assert misfit[1:].max() < 0.15
    assert offset.max() < 0.05
    assert ratio[:4] == pytest.approx(0.5, abs=0.06)
    assert turn.max() < 0.1


def test_an_empty_picture_has_no_ellipses():
    assert np.isnan(ellipse_features(np.zeros((3, 64, 64), np.float32))).all()
