"""Projection of embeddings: what keeps their similarities best, of unit norm."""

from __future__ import annotations

import numpy as np
import pytest
from support.clustered import clustered, overlap

from index.vectors.projection import Projection, fit_projection


@pytest.fixture(scope="module")
def vectors():
    return clustered(600, 40, seed=3) + np.float32(0.1)


def test_it_is_what_singular_value_decomposition_gives(vectors):
    projection = fit_projection([vectors[:100], vectors[100:]], 8)
    _, singular, axes = np.linalg.svd(vectors.astype(np.float64), full_matrices=False)
    expected = vectors @ axes[:8].T
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


def test_a_vector_across_all_directions_gets_one(vectors):
    projection = fit_projection([vectors[:5]], 3)
    across = np.linalg.svd(projection.matrix.T)[2][-1:].astype(np.float32)
    assert np.allclose(np.linalg.norm(projection(across), axis=1), 1)
    assert projection(np.zeros((1, 40), np.float32)).tolist() == [[1, 0, 0]]


def test_all_directions_keep_all_angles(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    projection = fit_projection([unit], 40)
    found = projection(unit)
    assert projection.variance == pytest.approx(1)
    assert np.allclose(found @ found.T, unit @ unit.T, atol=1e-5)


def test_embeddings_far_from_the_origin_keep_their_neighbours():
    # About their mean the angles are others.
    raw = clustered(400, 40, seed=4, spread=0.3) + 3 * clustered(1, 40, seed=5)
    unit = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
    found = fit_projection([unit], 39)(unit)
    nearest, kept = (np.argsort(-(x @ x.T), axis=1)[:, 1:11] for x in (unit, found))
    assert overlap(kept, nearest) > 0.97


@pytest.mark.parametrize("dimension", [0, 41])
def test_other_numbers_of_components_are_refused(vectors, dimension):
    with pytest.raises(ValueError, match="directions of 600 vectors of 40"):
        fit_projection([vectors], dimension)
