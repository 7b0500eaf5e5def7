"""What is forecast of the objects not looked at yet."""

import numpy as np
import pytest
from scipy.special import expit, ndtri
from scipy.stats import binom, norm

from index.interest.calibrating import UNLEARNED, Calibration, Prior, calibrate, heights
from index.interest.features import Features
from index.interest.forecast import forecast
from index.interest.opinion import Labels, Opinion
from index.interest.step import Step, step

LEVEL_PRIOR = Prior((-2.0, 0.8, -0.1), (0.8, 0.5, 0.2), shift=0, shift_deviation=0, is_fading=False)


def standing(calibration, *, n=200, found=20):
    """A step of which only what a forecast reads is told."""
    height = ndtri((np.arange(n) + 0.5) / n)
    empty = np.empty(0)
    return Step(
        rows=empty, audits=empty, interest=empty, acquisition=empty, probability=empty, learner="gp", threshold=3.0,
        learned=True, candidates=np.ones(n, bool), height=height, calibration=calibration, found=found, n_labels=50,
    )  # fmt: skip


def even(p):
    """The calibration by which every object is interesting with probability ``p``, whatever its height."""
    draws = np.tile([np.log(p / (1 - p)), 0.0, 0.0], (400, 1))
    return Calibration(draws, np.zeros(400), np.zeros(400))


def test_heights_are_normal_quantiles_of_the_place_in_the_population():
    opinion = Opinion(
        np.array([3.0, 1.0, 2.0, 9.0], np.float32), np.zeros(4, np.float32), np.array([2.5], np.float32)
    )
    labels = Labels(np.array([3]), np.array([5.0]))
    height, of_labelled = heights(opinion, labels, np.array([True, True, True, False]))
    # Held out, the labelled object stands third of four.
    assert height == pytest.approx(ndtri([7 / 8, 1 / 8, 3 / 8, 5 / 8]))
    assert of_labelled == pytest.approx(ndtri([5 / 8]))


def test_objects_of_one_order_share_a_height():
    opinion = Opinion(np.zeros(5, np.float32), np.zeros(5, np.float32), np.empty(0, np.float32))
    height, _ = heights(opinion, Labels(np.empty(0, np.int64), np.empty(0)), np.ones(5, bool))
    assert height == pytest.approx(np.zeros(5))


def test_the_posterior_is_that_of_summing_over_a_grid():
    rng = np.random.default_rng(3)
    height = rng.normal(0.5, 1, 80)
    interesting = rng.random(80) < expit(-2 + 1.2 * height)
    q, m, s = np.meshgrid(*(np.linspace(mid - 4 * dev, mid + 4 * dev, 41) for mid, dev in zip(LEVEL_PRIOR.mean, LEVEL_PRIOR.deviation, strict=True)), indexing="ij")  # fmt: skip

    def odds(h):
        turn = m / (1 - np.exp(2 * s))
        held = np.where(s < 0, np.minimum(h, turn), np.maximum(h, turn))
        return q + norm.logpdf(held, m, np.exp(s)) - norm.logpdf(held)

    weight = norm.logpdf(q, -2, 0.8) + norm.logpdf(m, 0.8, 0.5) + norm.logpdf(s, -0.1, 0.2)
    for h, hit in zip(height, interesting, strict=True):
        weight += np.log(expit(odds(h) if hit else -odds(h)))
    weight = np.exp(weight - weight.max())
    asked = np.array([-1.0, 0.0, 1.0, 2.0])
    truth = [np.average(expit(odds(h)), weights=weight) for h in asked]
    # 400 draws of a posterior of deviation up to 0.1, labels counted in bins of 0.125, a rise of 0.01.
    found = calibrate(height, interesting, LEVEL_PRIOR, seed=0).probability(asked)
    assert found == pytest.approx(truth, abs=0.02)


def test_later_labels_tell_more_where_they_fade():
    fading = Prior(LEVEL_PRIOR.mean, LEVEL_PRIOR.deviation, 0, 0, is_fading=True)
    height, early = np.zeros(200), np.arange(200) < 100
    asked = np.zeros(1)
    assert calibrate(height, ~early, fading, 0).probability(asked) > 0.7
    assert calibrate(height, early, fading, 0).probability(asked) < 0.3


@pytest.mark.parametrize("n", [0, 1, 5000])
def test_any_number_of_labels_gives_a_rising_probability(n):
    rng = np.random.default_rng(4)
    height = rng.normal(size=n)
    made = calibrate(height, rng.random(n) < 0.1, UNLEARNED, 0)
    curve = made.probability(np.linspace(-4, 4, 100))
    assert np.all(np.diff(curve) > 0)
    assert np.all((curve > 0) & (curve < 1))


def test_the_total_is_what_chance_makes_of_the_candidates():
    told = forecast(standing(even(0.1)))
    expected = 20 + binom.ppf([0.5, 0.1, 0.9], 200, 0.1)
    # 400 draws: the standard error of an outer quantile is about 0.4.
    assert told.total == pytest.approx(expected, abs=1.5)
    assert told.recall[0] == pytest.approx(20 / expected[0], abs=0.03)


def test_an_even_chance_gives_a_straight_curve():
    told = forecast(standing(even(0.3), n=2000, found=0))
    assert told.recall == pytest.approx(told.inspected / 2000, abs=0.02)


def test_curves_rise_to_one_inside_their_band():
    told = forecast(standing(even(0.05)))
    assert np.all(np.diff(told.recall) >= 0)
    assert np.all((told.low <= told.recall) & (told.recall <= told.high))
    assert told.recall[-1] == told.low[-1] == 1
    assert told.inspected[0] == 0
    assert told.inspected[-1] == 200


def test_candidates_stand_below_labelled_objects_and_some_are_seen_by_no_learner():
    height = np.array([-3.0, 0.0, 3.0])
    labelled = even(0.2).each(height)[0]
    assert labelled == pytest.approx(0.2, rel=0.05)
    lowered = Calibration(even(0.2).draws, np.full(400, np.log(2)), np.zeros(400)).each(height)[0]
    assert lowered / (1 - lowered) == pytest.approx(labelled / (1 - labelled) / 2)
    unseen = Calibration(even(0.2).draws, np.zeros(400), np.full(400, 0.1)).each(height)[0]
    assert 1 - unseen == pytest.approx((1 - labelled) * 0.9)


def test_unseen_ones_are_the_stated_share_of_all():
    prior = Prior(
        (-4.0, 0.0, 0.0), (1e-6, 1e-6, 1e-6), 0, 0, is_fading=False, unseen_chance=1, unseen_share=0.5
    )
    made = calibrate(np.empty(0), np.empty(0, bool), prior, 0)
    share = made.unseen / (made.unseen + expit(-4.0))
    # Uniform between 0 and a half; 400 draws.
    assert share.max() <= 0.5 + 1e-6
    assert share.mean() == pytest.approx(0.25, abs=0.03)


def test_a_higher_level_has_a_wider_band():
    narrow, wide = (forecast(standing(even(0.1)), level=level) for level in (0.5, 0.95))
    assert np.all(wide.low <= narrow.low)
    assert np.all(wide.high >= narrow.high)


def test_what_must_be_inspected_is_where_the_curve_arrives():
    told = forecast(standing(even(0.3), n=2000, found=5))
    reach = told.to_reach(0.8)
    # 5 of 605 are found: 479 of 600 are wanted.
    assert reach.n == pytest.approx(2000 * 479 / 600, rel=0.02)
    assert reach.low <= reach.n <= reach.high
    assert told.to_reach(0.0).n == 0


def test_too_few_found_give_a_reason_instead_of_a_number():
    told = forecast(standing(even(0.1), found=4))
    assert told.reason == "4 interesting objects are found so far; from 5 on their share of all can be said"
    assert told.to_reach() is None
    assert forecast(standing(even(0.1), found=5)).reason is None


def test_nothing_left_is_a_recall_of_one():
    told = forecast(standing(even(0.1), n=0))
    assert list(told.recall) == [1]
    assert told.to_reach(0.8).n == 0


def test_a_random_order_is_forecast_as_what_it_is():
    rng = np.random.default_rng(6)
    features = Features.of(rng.normal(size=(3000, 4)))
    truth = rng.random(3000) < 0.2
    inside = []
    for seed in range(30):
        rows = np.random.default_rng(seed).choice(3000, 100, replace=False)
        made = step(features, rows, 5.0 * truth[rows], start=np.zeros(3000), learner="random", seed=seed)
        low, _, high = forecast(made).total[1], None, forecast(made).total[2]
        inside.append(low <= truth.sum() <= high)
    # 80 % of 30, three standard errors.
    assert 0.58 <= np.mean(inside) <= 1
