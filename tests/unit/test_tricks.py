"""Only the tricks that pay on the validation part are kept."""

import numpy as np
import pytest

from survey.bands import BAND_SETS
from survey.contract import InputContract
from training.fusion import fit_ring_part, joined
from training.metrics import purity_at_k
from training.precision import choose_precision, neighbour_overlap
from training.tricks import POWERS, choose_head

N, D, CLASSES = 200, 16, 4


@pytest.fixture(scope="module")
def labels():
    return np.arange(N) % CLASSES


def judged(labels):
    return lambda vectors: float(purity_at_k(vectors, labels).mean())


def vectors(labels, *, noise, offset=0.0, seed=0):
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(9).normal(size=(CLASSES, D))
    return (centres[labels] + noise * rng.normal(size=(N, D)) + offset).astype(np.float32)


def test_the_mean_over_views_is_kept_where_it_helps(labels):
    better, worse = vectors(labels, noise=1.0), vectors(labels, noise=3.0, seed=1)
    for views, other in ((1, 8), (8, 1)):
        found = {views: better, other: worse}
        assert choose_head(found, found, None, judged(labels)).head.projection.views == views


def test_each_trick_is_told(labels):
    both = {1: vectors(labels, noise=2), 8: vectors(labels, noise=1)}
    tried = choose_head(both, both, None, judged(labels)).tried
    assert {"single view", "8 views", "centred", "powers"} == set(tried)
    assert set(tried["powers"]) == {str(power) for power in POWERS}


def test_a_common_offset_is_taken_off(labels):
    one = {1: vectors(labels, noise=1, offset=30.0)}
    chosen = choose_head(one, one, None, judged(labels))
    assert chosen.tried["centred"] > chosen.tried["single view"]
    assert np.allclose(chosen.head.projection.mean, one[1].mean(axis=0), atol=1e-4)


def test_loud_useless_axes_are_turned_down_by_a_power(labels):
    loud = vectors(labels, noise=0.6)
    loud[:, :3] = 40 * np.random.default_rng(3).normal(size=(N, 3))
    chosen = choose_head({1: loud}, {1: loud}, None, judged(labels))
    assert chosen.power == 0.5
    assert chosen.score > chosen.tried["powers"]["0.0"] + 0.1


@pytest.fixture(scope="module")
def rings():
    rng = np.random.default_rng(5)
    contract = InputContract(BAND_SETS["display-rgb"], None, 16, 16, stretch="unit")
    images = rng.uniform(size=(N, 3, 16, 16)).astype(np.float32)
    # Brightness tells the class, which moduli of order 0 hold.
    images *= (1 + np.arange(N) % CLASSES)[:, None, None, None]
    return fit_ring_part(contract, images, rng), images


def test_a_part_that_knows_the_classes_makes_a_hybrid(labels, rings):
    unknowing = {1: np.random.default_rng(6).normal(size=(N, D)).astype(np.float32)}
    chosen = choose_head(unknowing, unknowing, rings, judged(labels))
    assert chosen.head.weight > 0
    assert chosen.score > max(chosen.tried["powers"].values()) + 0.2
    assert chosen.score == pytest.approx(judged(labels)(chosen.head.apply(unknowing[1], rings[1])), abs=1e-9)


def test_where_the_weight_zero_wins_the_model_is_no_hybrid(rings):
    labels = np.random.default_rng(7).integers(0, CLASSES, N)
    perfect = {1: vectors(labels, noise=0.1)}
    chosen = choose_head(perfect, perfect, rings, judged(labels))
    assert chosen.head.rings is None
    assert chosen.head.weight == 0


def test_with_nothing_to_judge_by_all_views_are_averaged_without_a_hybrid(labels, rings):
    both = {1: vectors(labels, noise=2), 8: vectors(labels, noise=1)}
    chosen = choose_head(both, both, rings, lambda _vectors: float("nan"))
    assert (chosen.head.projection.views, chosen.power, chosen.head.rings) == (8, 0.0, None)


def test_joined_vectors_have_unit_norm_and_the_weighted_cosine():
    rng = np.random.default_rng(8)
    first, second = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in rng.normal(size=(2, 5, 7)))
    both = joined(first.astype(np.float32), second.astype(np.float32), 2.0)
    assert np.allclose(both @ both.T, (first @ first.T + 4 * second @ second.T) / 5, atol=1e-6)


def test_overlap_counts_common_neighbours():
    turn = 2 * np.pi * np.arange(30) / 30
    ring = np.stack([np.cos(turn), np.sin(turn)], axis=1).astype(np.float32)
    assert neighbour_overlap(ring, ring, n_queries=30) == 1
    # Among 30 on a ring the ten nearest and the ten nearest to the opposite point are disjoint.
    opposite = np.concatenate([-ring[:1], ring[1:]])
    assert neighbour_overlap(ring, opposite, n_queries=1) == 0


def released(graph, **asked):
    images = np.random.default_rng(0).uniform(size=(40, 3, 8, 8)).astype(np.float32)
    queries, gallery = images[:16], images[16:]
    return choose_precision(
        graph, calibration=images, queries=queries, gallery=gallery, judge=lambda _: 0.5, **asked
    )


@pytest.fixture(scope="module")
def small_graph():
    from training.graph_writer import GraphWriter

    made, rng = GraphWriter(), np.random.default_rng(2)
    weight = made.constant(rng.normal(size=(16, 3, 3, 3)).astype(np.float32))
    bias = made.constant(np.zeros(16, dtype=np.float32))
    features = made.add("Relu", made.add("Conv", "images", weight, bias, kernel_shape=[3, 3]))
    flat = made.add("Flatten", features, axis=1)
    made.normalised(flat, output="embedding")
    return made.finished(images=(3, 8, 8), outputs={"embedding": 16 * 36})


def test_integers_are_taken_where_they_find_the_same_neighbours(small_graph):
    found = released(small_graph)
    assert found.measured["int8"]["overlap10"] >= 0.9
    assert (found.precision, len(found.graph)) == ("int8", found.measured["int8"]["bytes"])
    assert all({"bytes", "images_per_s", "score"} <= set(told) for told in found.measured.values())


def test_half_precision_is_taken_where_integers_find_others(small_graph, monkeypatch):
    monkeypatch.setattr("training.precision._LEAST_OVERLAP", 1.01)
    assert released(small_graph).precision == "fp16"


def test_a_precision_that_is_asked_for_is_taken(small_graph):
    found = released(small_graph, asked="fp32")
    assert (found.precision, found.graph) == ("fp32", small_graph)
