"""Principal axes are those of the eigenvalue decomposition."""

import numpy as np
import pytest

from training.pca import principal_axes


@pytest.fixture(scope="module")
def vectors():
    rng = np.random.default_rng(3)
    return (
        rng.normal(size=(400, 90)) * np.geomspace(10, 0.01, 90) @ np.linalg.qr(rng.normal(size=(90, 90)))[0]
    )


@pytest.fixture(autouse=True, params=["exact", "iterated"])
def _way(request, monkeypatch):
    """Run each test both ways: outright, and as for more vectors than fit the outright solution."""
    monkeypatch.setattr("training.pca._SMALL", 10_000 if request.param == "exact" else 0)


def test_axes_are_orthonormal(vectors):
    axes = principal_axes(vectors, n_axes=20, rng=np.random.default_rng(0)).axes
    assert axes.T @ axes == pytest.approx(np.eye(20), abs=1e-10)


def test_axes_are_the_leading_eigenvectors_of_the_covariance(vectors):
    principal = principal_axes(vectors, n_axes=12, rng=np.random.default_rng(0))
    values, directions = np.linalg.eigh(np.cov(vectors.T))
    overlap = np.abs(np.sum(principal.axes * directions[:, ::-1][:, :12], axis=0))
    assert overlap == pytest.approx(np.ones(12), abs=1e-6)
    assert principal.explained == pytest.approx(values[::-1][:12] / values.sum(), rel=1e-6)


def test_another_seed_gives_the_same_axes_with_the_same_signs(vectors):
    first, second = (
        principal_axes(vectors, n_axes=8, rng=np.random.default_rng(seed)).axes for seed in (0, 1)
    )
    assert first == pytest.approx(second, abs=1e-6)


def test_few_vectors_have_few_axes(vectors):
    assert principal_axes(vectors[:5], n_axes=48, rng=np.random.default_rng(0)).axes.shape == (90, 4)


def test_equal_vectors_still_have_one_axis():
    principal = principal_axes(np.ones((6, 30)), n_axes=48, rng=np.random.default_rng(0))
    assert principal.axes.shape == (30, 1)
    assert principal.explained == pytest.approx([0])
