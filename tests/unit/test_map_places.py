"""Places of new galaxies on a map, and how well a map holds."""

import numpy as np

from index.maps.layouts import pca_layout
from index.maps.placing import among_neighbours, beside_itself
from index.maps.quality import continuity_of, displacement, trustworthiness_of
from index.neighbours import NeighbourGraph

PLACES = np.array([[0, 0], [2, 0], [0, 4], [np.nan, np.nan]], np.float32)


def _placed(rows: list[int], similarity: list[float]) -> np.ndarray:
    return among_neighbours(PLACES, np.array([rows]), np.array([similarity], np.float32))[0]


def test_neighbours_equally_near_give_the_mean_of_their_places():
    np.testing.assert_allclose(_placed([0, 1, 2], [0.9, 0.9, 0.9]), [2 / 3, 4 / 3], rtol=1e-6)


def test_a_farther_neighbour_weighs_as_the_formula_says():
    # Distances 0.1 and 0.3: the mean excess is 0.1, and the farther one weighs exp(-2).
    weight = np.exp(-2.0)
    np.testing.assert_allclose(_placed([0, 1], [0.9, 0.7]), [2 * weight / (1 + weight), 0], rtol=1e-5)


def test_the_same_image_has_the_same_place():
    np.testing.assert_array_equal(_placed([2, 1, 0], [1, 1, 0.5]), PLACES[2])


def test_the_same_image_has_the_same_place_in_half_precision_too():
    vectors = np.random.default_rng(0).normal(size=(20, 64))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    stored = vectors.astype(np.float16).astype(np.float32)
    places = np.random.default_rng(1).normal(size=(20, 2)).astype(np.float32)
    # Norms are off by some 1e-4, and similarities end at 1.
    similarity = np.minimum(stored.astype(np.float64) @ stored.T.astype(np.float64), 1).astype(np.float32)
    rows = np.argsort(-similarity, axis=1)[:, :10]
    near = np.take_along_axis(similarity, rows, axis=1)
    np.testing.assert_array_equal(among_neighbours(places, rows, beside_itself(stored, near)), places)
    assert not np.array_equal(among_neighbours(places, rows, near), places)


def test_neighbours_without_a_place_and_none_at_all_do_not_count():
    np.testing.assert_allclose(_placed([3, 1, -1], [0.99, 0.9, -np.inf]), PLACES[1])
    assert np.isnan(_placed([3, -1], [0.99, -np.inf])).all()
    assert np.isnan(among_neighbours(PLACES, np.empty((1, 0), np.int64), np.empty((1, 0), np.float32))).all()


def test_a_place_among_neighbours_of_one_place_is_that_place():
    places = np.zeros((3, 2), np.float32) + 5
    graph = NeighbourGraph(np.array([[1, 2], [0, 2], [0, 1]], np.int32), np.full((3, 2), 0.8, np.float32))
    np.testing.assert_array_equal(displacement(places, graph, np.arange(3)), 0)


def test_a_map_that_is_the_vectors_themselves_is_perfect_and_a_shuffled_one_is_not():
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(200, 2)).astype(np.float32)
    assert trustworthiness_of(flat, flat) == continuity_of(flat, flat) == 1
    shuffled = rng.permutation(flat)
    assert trustworthiness_of(flat, shuffled) < 0.6
    assert continuity_of(flat, shuffled) < 0.6


def test_principal_components_of_a_plane_keep_its_distances():
    rng = np.random.default_rng(2)
    turned = np.linalg.qr(rng.normal(size=(5, 5)))[0][:2]
    flat = rng.normal(size=(50, 2)) * [3, 1]
    made = pca_layout((flat @ turned).astype(np.float32))
    np.testing.assert_allclose(
        np.linalg.norm(made[:, None] - made[None], axis=2),
        np.linalg.norm(flat[:, None] - flat[None], axis=2),
        atol=1e-5,
    )
