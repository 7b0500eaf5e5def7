"""Which objects a session step proposes, and how it starts."""

import numpy as np
import pytest

from index.interest.batches import best_apart, spread_out
from index.interest.features import Features, squared_distances
from index.interest.learners import LEARNERS
from index.interest.simulate import simulate
from index.interest.step import step

N = 400


@pytest.fixture(scope="module")
def sky():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(N, 12)).astype(np.float32)
    vectors[:40, :3] += 2.0
    features = Features.of(vectors)
    return features, rng.exponential(size=N), np.arange(N) < 40


def test_features_are_uncorrelated_components_of_unit_mean_variance():
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(500, 6)) @ rng.normal(size=(6, 6))
    features = Features.of(vectors, dimension=4)
    covariance = np.cov(features.values, rowvar=False, bias=True)
    assert covariance == pytest.approx(np.diag(np.diag(covariance)), abs=1e-3)
    assert np.diag(covariance).mean() == pytest.approx(1, abs=1e-4)
    roots = np.linalg.eigvalsh(np.cov(vectors, rowvar=False))[::-1][:4]
    assert np.diag(covariance) == pytest.approx(roots / roots.mean(), rel=1e-3)


def test_features_drop_directions_that_are_not_there():
    vectors = np.zeros((30, 5))
    vectors[:, 0] = np.arange(30)
    assert Features.of(vectors).values.shape == (30, 1)
    assert np.all(Features.of(np.ones((3, 4))).values == 0)


def test_squared_distances_are_those_of_differences():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(5, 3)).astype(np.float32), rng.normal(size=(4, 3)).astype(np.float32)
    assert squared_distances(a, b) == pytest.approx(((a[:, None] - b[None]) ** 2).sum(-1), abs=1e-5)


def test_a_batch_holds_one_of_many_copies(sky):
    features, _, _ = sky
    values = features.values.copy()
    values[100:120] = values[100]
    acquisition = np.zeros(N, np.float32)
    acquisition[100:120] = 5
    acquisition[7] = 1
    picked = best_apart(Features(values, features.spacing), acquisition, np.arange(N), 5)
    assert np.isin(picked, np.arange(100, 120)).sum() == 1
    assert list(picked[:2]) == [100, 7]


def test_where_all_are_copies_a_batch_is_still_full():
    copies = Features(np.zeros((20, 2), np.float32), 1.0)
    assert sorted(best_apart(copies, np.zeros(20, np.float32), np.arange(20), 6)) == list(range(6))
    spread = spread_out(copies, np.arange(20), 6, np.array([0]), np.random.default_rng(0))
    assert len(set(spread)) == 6


@pytest.mark.parametrize("learner", sorted(LEARNERS))
def test_a_step_never_repeats_and_keeps_to_what_is_allowed(sky, learner):
    features, start, truth = sky
    rows = np.arange(0, 80, 2)
    allowed = np.arange(N) % 3 > 0
    made = step(features, rows, 5.0 * truth[rows], start=start, learner=learner, n=30, allowed=allowed)
    assert len(set(made.rows)) == 30
    assert allowed[made.rows].all()
    assert not np.isin(made.rows, rows).any()
    assert made.found == (truth[rows] & allowed[rows]).sum()


@pytest.mark.parametrize("learner", sorted(LEARNERS))
@pytest.mark.parametrize(
    ("rows", "scores"),
    [([], []), ([3], [5]), ([3], [0]), ([3, 9], [0, 0]), ([3, 9], [4, 4]), ([3, 9], [1, 2])],
)
def test_few_or_equal_labels_are_no_obstacle(sky, learner, rows, scores):
    features, start, _ = sky
    made = step(features, rows, scores, start=start, learner=learner)
    assert len(set(made.rows) - set(rows)) == 10
    assert np.all((made.probability >= 0) & (made.probability <= 1))
    assert np.all((made.interest >= 0) & (made.interest <= 5))


def test_without_labels_half_are_the_oddest_and_half_spread_out(sky):
    features, start, _ = sky
    made = step(features, [], [], start=start)
    assert list(made.rows[:5]) == list(np.argsort(-start)[:5])
    apart = squared_distances(features.values[made.rows[5:]], features.values[made.rows])
    assert np.sort(apart, axis=1)[:, 1].min() > features.spacing**2 / 4
    assert set(made.rows[5:]) != set(np.argsort(-start)[5:10])
    assert not made.audits.any()


def test_like_examples_alone_the_nearest_come_next(sky):
    features, start, _ = sky
    made = step(features, [5], [5], start=start)
    distance = squared_distances(features.values, features.values[[5]])[:, 0]
    assert set(made.rows[:5]) <= set(np.argsort(distance)[1:12])


def test_one_of_ten_checks_the_forecast(sky):
    features, start, truth = sky
    rows = np.arange(20, 60)
    counts = [
        step(features, rows, 5.0 * truth[rows], start=start, seed=seed, learner="linear").audits.sum()
        for seed in range(20)
    ]
    assert 1 <= np.mean(counts) <= 2
    assert not step(features, rows, 5.0 * truth[rows], start=start, learner="forest").audits.any()


def test_when_everything_is_labelled_there_is_no_next_batch(sky):
    features, start, truth = sky
    allowed = np.arange(N) < 60
    rows = np.arange(60)
    made = step(features, rows, 5.0 * truth[rows], start=start, allowed=allowed)
    assert len(made.rows) == 0
    left = step(features, rows[:-2], 5.0 * truth[rows[:-2]], start=start, allowed=allowed)
    assert set(left.rows) == {58, 59}


def test_an_unknown_tail_probability_is_not_odd(sky):
    features, start, _ = sky
    start = np.where(np.arange(N) < 10, np.nan, start)
    assert not np.isin(step(features, [], [], start=start, learner="forest").rows, np.arange(10)).any()


def test_rows_of_no_catalogue_are_refused(sky):
    features, start, _ = sky
    with pytest.raises(ValueError, match="outside 0 to 399"):
        step(features, [400], [5], start=start)


def test_a_session_learns(sky):
    features, start, truth = sky
    found = {
        learner: list(simulate(features, truth, start=start, learner=learner, n_labels=60))[-1].step.found
        for learner in ("gp", "linear", "random")
    }
    # Chance finds 6 of the 40; at the least three times as many are found by learning.
    assert found["gp"] >= 18
    assert found["linear"] >= 18
    assert found["random"] <= 14
