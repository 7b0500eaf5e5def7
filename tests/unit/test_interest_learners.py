"""What every learner makes of the labels, held against other libraries and plain formulas."""

import numpy as np
import pytest
from scipy.stats import norm

from index.interest.features import squared_distances
from index.interest.gaussian import fit_process, gaussian_process, log_expected_improvement
from index.interest.learners import LEARNERS
from index.interest.linear import linear_probe
from index.interest.neighbour import damped, neighbour_score
from index.interest.opinion import Labels


@pytest.fixture
def labelled():
    rng = np.random.default_rng(5)
    values = rng.normal(size=(300, 6)).astype(np.float32)
    rows = rng.choice(300, 40, replace=False)
    scores = np.clip(2.5 + 1.5 * values[rows, 0] + rng.normal(0, 0.5, 40), 0, 5)
    return values, Labels(rows, scores)


def process_of_sklearn(process):
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, RationalQuadratic

    kernel = ConstantKernel(process.variance) * RationalQuadratic(length_scale=process.length, alpha=1.0)
    return GaussianProcessRegressor(kernel, alpha=process.variance * process.noise, optimizer=None)


def test_the_process_predicts_as_that_of_sklearn(labelled):
    values, labels = labelled
    process = fit_process(values[labels.rows], labels.scores, np.random.default_rng(0))
    theirs = process_of_sklearn(process).fit(values[labels.rows], labels.scores - process.level)
    mean, deviation = theirs.predict(values, return_std=True)
    ours = process.predict(values)
    # Single precision, with a matrix of condition 1 / noise.
    assert ours[0] == pytest.approx(mean + process.level, abs=2e-3)
    assert ours[1] == pytest.approx(deviation, abs=2e-3)


def test_no_other_setting_of_the_grid_has_a_larger_likelihood(labelled):
    from index.interest.gaussian import _LENGTHS, _NOISES

    values, labels = labelled
    at, centred = values[labels.rows], labels.scores - labels.scores.mean()
    process = fit_process(at, labels.scores, np.random.default_rng(0))
    squared = squared_distances(at, at).astype(float)

    def likelihood(length, noise):
        unit = 1 / (1 + squared / (2 * length**2)) + noise * np.eye(len(at))
        variance = centred @ np.linalg.solve(unit, centred) / len(at)
        return -0.5 * (len(at) * np.log(variance) + np.linalg.slogdet(unit)[1])

    best = max(likelihood(length * np.sqrt(6), noise) for length in _LENGTHS for noise in _NOISES)
    assert likelihood(process.length, process.noise) == pytest.approx(best, abs=1e-3)


def test_a_held_out_score_is_that_of_a_process_without_the_label(labelled):
    values, labels = labelled
    at = values[labels.rows]
    process = fit_process(at, labels.scores, np.random.default_rng(0))
    held_out = process.left_out(labels.scores)
    for out in (0, 7, 39):
        others = np.arange(40) != out
        theirs = process_of_sklearn(process).fit(at[others], labels.scores[others] - process.level)
        assert held_out[out] == pytest.approx(theirs.predict(at[[out]])[0] + process.level, abs=2e-3)


def test_deviations_from_few_axes_are_at_most_too_large(labelled, monkeypatch):
    values, labels = labelled
    process = fit_process(values[labels.rows], labels.scores, np.random.default_rng(0))
    exact = process.predict(values)[1]
    monkeypatch.setattr("index.interest.gaussian._DEVIATION_COST", 20 * 40)
    rough = process.predict(values)[1]
    # Single precision.
    assert np.all(rough >= exact - 1e-4)
    assert rough == pytest.approx(exact, rel=0.1)


def test_expected_improvement_is_the_closed_form():
    mean, deviation = np.array([1.0, 4.0, 6.0]), np.array([1.0, 0.5, 0.2])
    z = (mean - 5.5) / deviation
    assert log_expected_improvement(mean, deviation, 5.5) == pytest.approx(
        np.log(deviation * (norm.pdf(z) + z * norm.cdf(z)))
    )


def test_hopeless_improvements_keep_their_order():
    mean = np.linspace(-500, 5, 2000)
    assert np.all(np.diff(log_expected_improvement(mean, np.ones(2000), 5.5)) > 0)


def test_of_many_labels_some_are_left_out_and_all_are_judged(monkeypatch):
    monkeypatch.setattr("index.interest.gaussian._CONDITIONED", 40)
    monkeypatch.setattr("index.interest.gaussian._CHOOSING", 20)
    rng = np.random.default_rng(1)
    values = rng.normal(size=(200, 3)).astype(np.float32)
    labels = Labels(np.arange(100), 5.0 * (values[:100, 0] > 0))
    judged = gaussian_process(values, labels, np.zeros(200, np.float32), 0)
    assert judged.held_out.shape == (100,)
    assert judged.order[100:][values[100:, 0] > 1].min() > judged.order[100:][values[100:, 0] < -1].max()


def test_the_linear_probe_holds_out_as_ridge_refitted_without_the_label(labelled):
    from sklearn.linear_model import Ridge

    from index.interest.linear import _PENALTIES

    values, labels = labelled
    at = values[labels.rows].astype(float)
    found = linear_probe(values, labels, np.zeros(300, np.float32), 0)
    refitted = {}
    for penalty in _PENALTIES:
        held_out = np.empty(40)
        for out in range(40):
            others = np.arange(40) != out
            held_out[out] = Ridge(alpha=penalty).fit(at[others], labels.scores[others]).predict(at[[out]])[0]
        refitted[penalty] = held_out
    best = min(refitted, key=lambda one: np.mean((refitted[one] - labels.scores) ** 2))
    assert found.held_out == pytest.approx(refitted[best], abs=1e-4)
    assert found.order == pytest.approx(Ridge(alpha=best).fit(at, labels.scores).predict(values), abs=1e-4)


def test_damping_follows_lochner_and_bassett():
    # At a labelled object f alone counts, 0.1 for no interest and 0.95 for full; far away the score stays.
    score, far = np.full(3, 2.0, np.float32), np.array([0.0, 0.0, 50.0])
    assert damped(score, np.array([0.0, 5.0, 0.0]), far) == pytest.approx([0.2, 1.9, 2.0])
    # At d = ln 2 and f = 0.525: tanh(1 + artanh(0.525)).
    middle = damped(np.ones(1, np.float32), np.array([2.5]), np.array([np.log(2)]))
    assert middle == pytest.approx(np.tanh(1 + np.arctanh(0.525)))


def test_neighbour_score_never_lifts_an_anomaly_score(labelled):
    values, labels = labelled
    start = np.random.default_rng(2).exponential(size=300).astype(np.float32)
    found = neighbour_score(values, labels, start, 0)
    assert np.all(found.acquisition <= start)
    assert np.all((found.held_out >= 0) & (found.held_out <= 5))


@pytest.mark.parametrize("learner", sorted(LEARNERS))
def test_learners_are_reproducible(labelled, learner):
    values, labels = labelled
    start = np.random.default_rng(2).exponential(size=300).astype(np.float32)
    once, again = (LEARNERS[learner](values, labels, start, 3) for _ in range(2))
    assert np.array_equal(once.order, again.order)
    assert np.array_equal(once.acquisition, again.acquisition)
    assert np.array_equal(once.held_out, again.held_out)


def test_labels_refuse_what_contradicts_itself():
    with pytest.raises(ValueError, match="labelled twice"):
        Labels(np.array([1, 1]), np.array([0.0, 5.0]))
    with pytest.raises(ValueError, match="outside 0 to 5"):
        Labels(np.array([1]), np.array([6.0]))
    with pytest.raises(ValueError, match="give each row one"):
        Labels(np.array([1, 2]), np.array([5.0]))
