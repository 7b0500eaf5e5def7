"""Projection of embeddings: principal components, mean removed, of unit norm."""

from __future__ import annotations

import numpy as np
import pytest
from support.clustered import clustered

from index.vectors.projection import Projection, fit_projection


@pytest.fixture(scope="module")
def vectors():
    return clustered(600, 40, seed=3) + np.float32(0.1)


def test_it_is_what_singular_value_decomposition_gives(vectors):
    projection = fit_projection([vectors[:100], vectors[100:]], 8)
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    expected = centred @ axes[:8].T
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    found = projection(vectors)
    # Axes are free in sign: products of projected vectors are not.
    assert np.allclose(found @ found.T, expected @ expected.T, atol=1e-4)
    assert projection.variance == pytest.approx((singular[:8] ** 2).sum() / (singular**2).sum(), rel=1e-6)


def test_projected_vectors_are_unit_vectors_and_stored_ones_come_back(vectors, tmp_path):
    projection = fit_projection([vectors], 8)
    found = projection(vectors)
    assert found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    projection.save(tmp_path)
    again = Projection.open(tmp_path)
    assert np.array_equal(again(vectors), found)
    assert (again.dimension_in, again.dimension_out, again.variance) == (40, 8, projection.variance)


def test_a_vector_is_projected_alone_as_in_a_batch(vectors):
    projection = fit_projection([vectors], 8)
    batch = projection(vectors)
    alone = np.concatenate([projection(vector[None]) for vector in vectors])
    assert np.allclose(alone, batch, atol=1e-7, rtol=0)
    assert (alone == batch).mean() > 0.999


def test_the_mean_itself_gets_a_direction(vectors):
    projection = fit_projection([vectors], 8)
    assert projection(projection.mean[None]).tolist() == [[1] + [0] * 7]


def test_all_components_keep_all_angles_about_the_mean(vectors):
    projection = fit_projection([vectors], 40)
    centred = vectors - projection.mean
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    found = projection(vectors)
    assert projection.variance == pytest.approx(1)
    assert np.allclose(found @ found.T, centred @ centred.T, atol=1e-5)


@pytest.mark.parametrize("dimension", [0, 41])
def test_other_numbers_of_components_are_refused(vectors, dimension):
    with pytest.raises(ValueError, match="components of 600 vectors of 40"):
        fit_projection([vectors], dimension)
