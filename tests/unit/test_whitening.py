"""Points on axes of equal weight, and who is near among them."""

from __future__ import annotations

import numpy as np
import pytest

from index.anomalies.whitening import Whitening
from index.vectors.euclidean import nearest_points


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(0)
    turned = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    return (rng.normal(size=(500, 6)) * np.arange(1, 7)) @ turned + 3


def test_the_sample_has_unit_variance_along_every_axis_and_none_between(sample):
    points = Whitening.fitted(sample)(sample)
    assert points.shape == (500, 6)
    assert np.cov(points, rowvar=False, bias=True) == pytest.approx(np.eye(6), abs=1e-5)
    assert points.mean(axis=0) == pytest.approx(np.zeros(6), abs=1e-5)


def test_distances_are_those_of_mahalanobis(sample):
    points = Whitening.fitted(sample)(sample).astype(float)
    inverse = np.linalg.inv(np.cov(sample, rowvar=False, bias=True))
    apart = sample[3] - sample[7]
    assert np.linalg.norm(points[3] - points[7]) == pytest.approx(np.sqrt(apart @ inverse @ apart), rel=1e-4)


def test_axes_without_variance_are_left_out(sample):
    flat = np.concatenate([sample, sample[:, :1], np.ones((500, 1))], axis=1)
    assert Whitening.fitted(flat)(flat).shape == (500, 6)


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_galaxies_have_an_axis(n):
    vectors = np.eye(4)[:n]
    points = Whitening.fitted(vectors)(vectors)
    assert points.shape == (n, 1)
    assert np.isfinite(points).all()


def test_nearest_points_are_those_of_brute_force():
    rng = np.random.default_rng(1)
    points, queries = (rng.normal(size=(n, 7)).astype(np.float32) for n in (700, 40))
    rows, distance = nearest_points(points, queries, 9)
    apart = np.linalg.norm(queries[:, None].astype(float) - points[None], axis=2)
    assert np.array_equal(rows, np.argsort(apart, axis=1)[:, :9])
    assert distance == pytest.approx(np.sort(apart, axis=1)[:, :9], rel=1e-5)


def test_a_point_far_from_the_origin_has_no_distance_to_itself():
    # By |x|^2 + |y|^2 - 2xy in float32 it would have one of about 0.1.
    points = (np.random.default_rng(2).normal(size=(300, 5)) + 100).astype(np.float32)
    rows, distance = nearest_points(points, points, 3)
    assert rows[:, 0].tolist() == list(range(300))
    assert (distance[:, 0] == 0).all()
    assert (np.diff(distance, axis=1) >= 0).all()


def test_as_many_as_there_are_can_be_asked():
    points = np.eye(3, dtype=np.float32)
    rows, distance = nearest_points(points, points[:1], 3)
    assert sorted(rows[0].tolist()) == [0, 1, 2]
    assert distance[0].tolist() == pytest.approx([0, np.sqrt(2), np.sqrt(2)])
