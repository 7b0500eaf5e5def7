"""What sessions learned is held once, within bounds, and goes with its release."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from service import learning
from service.learning import Learning


@dataclass(frozen=True, eq=False)
class Release:
    """As much of a served release as features are made of."""

    vectors: np.ndarray
    read: list

    @property
    def release(self):
        return SimpleNamespace(store=SimpleNamespace(stored=self._stored))

    def _stored(self, rows):
        self.read.append(rows)
        return self.vectors[rows]


def release(n=50):
    return Release(np.random.default_rng(0).normal(size=(n, 8)).astype(np.float32), [])


def step(n_bytes):
    part = np.zeros(n_bytes // 5, np.uint8)
    return SimpleNamespace(interest=part, acquisition=part, probability=part, candidates=part, height=part)


def test_features_are_made_once_for_all_who_ask_at_once():
    held, one = Learning(threads=2), release()
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(held.features, [one] * 4))
    assert len(one.read) == 1
    assert all(each is made[0] for each in made)


def test_features_go_with_their_release():
    held, one = Learning(threads=1), release()
    held.features(one)
    del one
    gc.collect()
    assert not list(held._features)


def test_a_step_is_taken_once_while_it_is_held():
    held, taken = Learning(threads=1), []
    for key in ("a", "b", "a"):
        held.step(key, lambda key=key: taken.append(key) or step(10))
    assert taken == ["a", "b"]


def test_the_steps_that_were_asked_for_longest_ago_go_first(monkeypatch):
    monkeypatch.setattr(learning, "_MOST_BYTES", 100)
    held, taken = Learning(threads=1), []
    for key in ("a", "b", "a", "c", "a", "b"):
        held.step(key, lambda key=key: taken.append(key) or step(50))
    # Two have room: when `c` came, `b` was the older one.
    assert taken == ["a", "b", "c", "b"]


def test_a_step_that_fails_is_taken_again_and_nobody_waits_for_it():
    held, one = Learning(threads=1), step(10)

    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        held.step("a", fail)
    assert held.step("a", lambda: one) is one


def test_two_steps_are_taken_side_by_side():
    held, both = Learning(threads=2), threading.Barrier(2, timeout=5)

    def take():
        both.wait()
        return step(10)

    with ThreadPoolExecutor(2) as pool:
        assert len(list(pool.map(lambda key: held.step(key, take), "ab"))) == 2
