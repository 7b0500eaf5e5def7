"""A score's tail probability: the sample's own share in the body, a generalised Pareto tail beyond."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import genpareto, t

from index.anomalies.tail import Tail, fit_pareto


@pytest.fixture(scope="module")
def scores():
    return np.random.default_rng(1).normal(size=4000)


def test_it_is_uniform_on_the_sample(scores):
    p = np.sort(Tail.fitted(scores).probability(scores))
    body = p > 0.05
    assert p[body] == pytest.approx(np.arange(1, len(p) + 1)[body] / len(p))
    # The Pareto tail is smooth: within the scatter of 200 numbers about it (Kolmogorov 1 % bound, in units of the tail).
    ranks = np.arange(1, (~body).sum() + 1) / len(p)
    assert np.abs(p[~body] - ranks).max() < 0.05 * 1.63 / np.sqrt(200)


def test_beyond_the_sample_it_follows_the_distribution_that_made_it():
    made = t(df=3)
    tail = Tail.fitted(made.rvs(20_000, random_state=2))
    asked = made.isf(np.array([1e-2, 1e-3, 1e-4, 1e-5]))
    # The shape of 1,000 excesses has a standard error of (1 + xi) / sqrt(n) = 0.04 (Coles 2001, section 4.3.2).
    assert tail.shape == pytest.approx(1 / 3, abs=3 * 0.043)
    assert np.log10(tail.probability(asked)) == pytest.approx([-2, -3, -4, -5], abs=0.4)


def test_what_lies_beyond_all_keeps_its_order_and_a_probability_above_zero(scores):
    far = np.array([5.0, 6, 10, 100, 1e6])
    p = Tail.fitted(scores).probability(far)
    assert (np.diff(p[:4]) < 0).all()
    assert (p > 0).all()
    assert p[0] < 1 / len(scores)


def test_there_is_no_step_where_the_tail_begins(scores):
    tail = Tail.fitted(scores)
    below, above = tail.probability(tail.threshold + np.array([-1e-9, 1e-9]))
    assert below == pytest.approx(above, rel=1e-6)
    assert above == pytest.approx(0.05, abs=0.001)


def test_what_is_less_odd_than_all_has_probability_1(scores):
    assert Tail.fitted(scores).probability(np.array([-10.0])) == [1]


@pytest.mark.parametrize("shape", [0.2, 0.6])
def test_the_fit_is_the_maximum_of_the_likelihood(shape):
    excess = genpareto(shape, scale=2).rvs(3000, random_state=3)
    scale, found = fit_pareto(excess)
    theirs, _, their_scale = genpareto.fit(excess, floc=0)
    assert (found, scale) == pytest.approx((theirs, their_scale), rel=1e-3)


def test_a_tail_that_would_end_is_taken_as_exponential():
    excess = np.random.default_rng(4).uniform(0, 1, 2000)
    scale, shape = fit_pareto(excess)
    assert shape == 0
    assert scale == pytest.approx(excess.mean(), rel=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 40])
def test_few_galaxies_have_probabilities_too(n):
    scores = np.arange(float(n))
    p = Tail.fitted(scores).probability(np.append(scores, n + 5.0))
    assert (np.diff(p) <= 0).all()
    assert ((p > 0) & (p <= 1)).all()


def test_galaxies_of_one_score_share_a_probability():
    p = Tail.fitted(np.zeros(50)).probability(np.array([0.0, 1e-3]))
    assert p[0] == 1
    assert p[1] < 1


def test_it_comes_back_from_plain_arrays(scores):
    tail = Tail.fitted(scores)
    again = Tail.from_arrays(tail.to_arrays())
    asked = np.linspace(-5, 9, 200)
    assert np.array_equal(again.probability(asked), tail.probability(asked))


@pytest.mark.parametrize("pareto", [(10, 0, 0), (10, 1, -0.1), (4000, 1, 0), (-1, 1, 0), (10, np.nan, 0)])
def test_arrays_that_make_no_distribution_are_refused(scores, pareto):
    with pytest.raises(ValueError, match="a tail of"):
        Tail.from_arrays({"scores": np.sort(scores), "pareto": np.array(pareto, dtype=float)})
    with pytest.raises(ValueError, match="do not rise"):
        Tail.from_arrays({"scores": scores, "pareto": np.array([10, 1, 0])})
