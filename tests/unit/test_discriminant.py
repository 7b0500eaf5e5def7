"""Directions that tell galaxies apart and do not change with the view."""

from __future__ import annotations

import numpy as np
import pytest

from training.discriminant import discriminant_axes

N = 4000


@pytest.fixture
def scattered():
    """Return numbers whose axes differ in their scatter among galaxies, and two views that scatter by 1, 3 and 0.1."""
    rng = np.random.default_rng(0)
    true = rng.normal(size=(N, 3)) * [2.0, 5.0, 0.5]
    turned = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    views = [
        ((true + rng.normal(size=(N, 3)) * [1.0, 3.0, 0.1]) @ turned).astype(np.float32) for _ in range(2)
    ]
    return (true @ turned).astype(np.float32), (views[0], views[1]), turned


def test_the_axis_that_views_leave_alone_comes_first(scattered):
    numbers, views, turned = scattered
    found = discriminant_axes(numbers, views, n_axes=3, power=0.0, ridge=0.0)
    # Ratios are 4, 25/9 and 25: the smallest scatter of all is the best known.
    wanted = turned[[2, 0, 1]]
    # Axes of a discriminant are not orthogonal; what they measure is: take each's response to the true directions.
    response = np.abs(wanted @ found.axes)
    assert (response.argmax(axis=0) == [0, 1, 2]).all()


def test_without_power_views_scatter_alike_along_every_axis(scattered):
    numbers, views, _ = scattered
    found = discriminant_axes(numbers, views, n_axes=3, power=0.0, ridge=0.0)
    apart = (views[0] - views[1]) @ found.axes
    # By construction exactly, in the rounding of float32.
    np.testing.assert_allclose(apart.T @ apart / (2 * N), np.eye(3), atol=1e-3)


def test_the_scatter_among_galaxies_is_the_ratio(scattered):
    numbers, views, _ = scattered
    found = discriminant_axes(numbers, views, n_axes=3, power=0.0, ridge=0.0)
    ratios = np.cov(((numbers - found.mean) @ found.axes).T).diagonal()
    # Variances of 4,000 normal numbers scatter by 2 %, ratios of two of them by 3 %.
    np.testing.assert_allclose(ratios, [25, 4, 25 / 9], rtol=0.1)
    np.testing.assert_allclose(found.explained, ratios / ratios.sum(), rtol=1e-3)


def test_a_ridge_trusts_small_scatter_less(scattered):
    numbers, views, _ = scattered
    free, held = (discriminant_axes(numbers, views, n_axes=1, power=0.0, ridge=ridge) for ridge in (0.0, 0.1))
    # The mean scatter among views is (1 + 9 + 0.01) / 3, a tenth of it outweighs the 0.01.
    assert np.linalg.norm(held.axes) < 0.5 * np.linalg.norm(free.axes)


def test_views_that_are_all_the_same_are_refused(scattered):
    numbers, _, _ = scattered
    with pytest.raises(ValueError, match="without augmentations"):
        discriminant_axes(numbers, (numbers, numbers), n_axes=3, power=0.25)


def test_no_more_axes_come_back_than_the_numbers_span(scattered):
    numbers, views, _ = scattered
    assert discriminant_axes(numbers, views, n_axes=10, power=0.25).axes.shape == (3, 3)
