"""Clusters: a Bayesian Gaussian mixture on principal components."""

import numpy as np
import pytest
from scipy.integrate import quad

from index.clusters.components import fit_components
from index.clusters.exemplars import exemplars
from index.clusters.hellinger import hellinger
from index.clusters.mixture import CLUSTERS, Assigned, Mixture, fit_mixture
from survey.manifests import CorruptFolder


def _blobs(n: int = 300, *, groups: int = 3, dimension: int = 6, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = np.eye(dimension)[:groups] * 3
    made = centres[np.arange(n) % groups] + rng.normal(size=(n, dimension)) * 0.2
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def test_components_hold_the_share_of_the_variance_that_is_asked_and_no_fewer_would():
    vectors = np.random.default_rng(1).normal(size=(500, 8)) * np.arange(1, 9)
    made = fit_components(vectors, variance=0.9)
    total = np.var(vectors, axis=0).sum()
    kept = np.var(made(vectors), axis=0)
    assert kept.sum() / total >= 0.9
    assert kept[:-1].sum() / total < 0.9
    np.testing.assert_allclose(made.axes.T @ made.axes, np.eye(made.dimension), atol=1e-12)


def test_the_hellinger_distance_is_the_integral_of_the_difference_of_roots_in_one_dimension():
    def density(x: float, mean: float, sigma: float) -> float:
        return float(np.exp(-(((x - mean) / sigma) ** 2) / 2) / sigma / np.sqrt(2 * np.pi))

    def of(x: float) -> float:
        return (np.sqrt(density(x, 0.3, 1.0)) - np.sqrt(density(x, 1.5, 0.6))) ** 2

    expected = np.sqrt(quad(of, -12, 12)[0] / 2)
    found = hellinger(np.array([[0.3], [1.5]]), np.array([[[1.0]], [[0.36]]]))
    assert found[0, 1] == pytest.approx(expected, abs=1e-7)


def test_the_hellinger_distance_is_the_integral_over_a_plane():
    means = np.array([[0.0, 0.0], [0.7, -0.4]])
    covariances = np.array([[[1.0, 0.3], [0.3, 0.5]], [[0.4, -0.1], [-0.1, 0.9]]])
    # Smooth and gone at the edges: sums on a grid are exact to far more digits than asked.
    axis = np.arange(-9, 9, 0.05)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)
    roots = []
    for mean, covariance in zip(means, covariances, strict=True):
        apart = grid - mean
        exponent = np.einsum("xyi,ij,xyj->xy", apart, np.linalg.inv(covariance), apart)
        roots.append(np.sqrt(np.exp(-exponent / 2) / (2 * np.pi * np.sqrt(np.linalg.det(covariance)))))
    expected = np.sqrt(((roots[0] - roots[1]) ** 2).sum() * 0.05**2 / 2)
    found = hellinger(means, covariances)
    assert found[0, 1] == found[1, 0] == pytest.approx(expected, abs=1e-9)
    assert found[0, 0] == 0


def test_groups_that_are_apart_become_clusters_and_their_number_comes_first_by_weight():
    vectors = _blobs()
    mixture = fit_mixture(vectors, seed=0, n_components=3)
    found = mixture.assign(vectors)
    for group in range(3):
        assert len(set(found.cluster[group::3])) == 1
    assert len(set(found.cluster[:3])) == 3
    assert np.all(np.diff(mixture.weights) <= 0)
    assert found.probability.min() > 0.99


def test_probabilities_are_those_of_scikit_learn():
    from sklearn.mixture import BayesianGaussianMixture

    vectors = _blobs(400, groups=2, dimension=3, seed=4) + np.float32(0.3)
    mixture = fit_mixture(vectors, seed=3, n_components=5)
    model = BayesianGaussianMixture(
        n_components=5, weight_concentration_prior=0.5, max_iter=1000, tol=0.04, random_state=3
    ).fit(mixture.components(vectors))
    expected = model.predict_proba(mixture.components(vectors))
    found = mixture.assign(vectors)
    np.testing.assert_allclose(found.probability, expected.max(axis=1), atol=1e-6)
    order = np.argsort(-model.weights_, kind="stable")
    np.testing.assert_array_equal(order[found.cluster], expected.argmax(axis=1))


def test_a_mixture_is_the_same_for_the_same_seed_and_after_a_journey_through_a_file(tmp_path):
    vectors = _blobs()
    fit_mixture(vectors, seed=7).save(tmp_path)
    read, again = Mixture.open(tmp_path), fit_mixture(vectors, seed=7)
    np.testing.assert_array_equal(read.assign(vectors).probability, again.assign(vectors).probability)


def test_a_vector_belongs_to_the_same_cluster_alone_and_in_a_batch():
    vectors = _blobs()
    mixture = fit_mixture(vectors, seed=0)
    together = mixture.assign(vectors)
    alone = [int(mixture.assign(one[None]).cluster[0]) for one in vectors[:20]]
    assert alone == together.cluster[:20].tolist()


def test_fewer_than_twenty_galaxies_make_no_clusters():
    assert fit_mixture(_blobs(19), seed=0) is None
    assert fit_mixture(_blobs(60), seed=0).n == 6


def test_exemplars_are_the_sure_members_nearest_the_mean():
    assigned = Assigned(
        cluster=np.array([0, 0, 0, 1, 0], np.int32),
        probability=np.array([1, 0.5, 1, 1, 0.95], np.float32),
        distance=np.array([3, 0.1, 1, 2, 2], np.float32),
    )
    np.testing.assert_array_equal(exemplars(assigned, 3, n=3), [[2, 4, 0], [3, -1, -1], [-1, -1, -1]])


def test_a_file_that_holds_objects_is_not_read(tmp_path):
    np.savez(tmp_path / CLUSTERS, mean=np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(CorruptFolder, match="build the release again"):
        Mixture.open(tmp_path)
