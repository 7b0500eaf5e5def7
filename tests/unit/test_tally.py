"""Sums of an epoch: their means, their state, and what is no number."""

import math

import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra [train]")

from training.tally import Tally  # noqa: E402


def filled(*values):
    tally = Tally()
    for value in values:
        tally.add({"loss": value}, images=4)
    return tally


def test_means_are_over_what_was_added_of_each_name():
    tally = filled(1.0, torch.tensor(2.0), 6)
    tally.add({"norm": 5.0})
    assert tally.means() == {"loss": 3.0, "norm": 5.0}


@pytest.mark.parametrize("value", [math.nan, torch.tensor(math.inf)])
def test_one_bad_number_is_remembered(value):
    assert filled(1.0).is_finite
    assert not filled(1.0, value, 1.0).is_finite


def test_a_tally_goes_on_from_its_state():
    whole = filled(0.1, 0.2, 0.7)
    resumed = Tally()
    resumed.load_state_dict(filled(0.1, 0.2).state_dict())
    resumed.add({"loss": 0.7})
    assert resumed.state_dict() == whole.state_dict()


def test_speed_counts_images_and_waiting_since_the_start(monkeypatch):
    clock = iter([100.0, 102.0])
    monkeypatch.setattr("training.tally.time.perf_counter", lambda: next(clock))
    tally = filled(1.0, 1.0)
    assert tally.speed(waited=0.5) == {"images_per_s": 4.0, "loader_share": 0.25}
