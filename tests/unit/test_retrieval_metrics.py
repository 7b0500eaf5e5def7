"""Purity and average precision: against numbers worked out by hand."""

import numpy as np
import pytest

from training.evaluate import evaluation_rows, paired_interval, recognition, retrieve
from training.metrics import class_balanced_map, purity_at_k


def on_circle(degrees):
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


CIRCLE = on_circle([0, 1, 3, 50, 52, 55])
LABELS = ["a", "a", "b", "b", "b", "a"]


def test_purity_counts_the_nearest_others():
    # Nearest two: 0 {1,3}, 1 {0,3}, 3 {1,0}, 50 {52,55}, 52 {50,55}, 55 {52,50}.
    assert purity_at_k(CIRCLE, LABELS, k=2).tolist() == [0.5, 0.5, 0, 0.5, 0.5, 0]


def test_an_excluded_pair_is_no_neighbour_either_way():
    purity = purity_at_k(CIRCLE, LABELS, k=1, excluded=[(1, 0)])
    assert purity.tolist() == [0, 0, 0, 1, 1, 0]
    assert purity_at_k(CIRCLE, LABELS, k=1).tolist() == [1, 1, 0, 1, 1, 0]


def test_average_precision_of_a_worked_example():
    # Query 0 (a) ranks 1 a, 3 b, 50 b, 52 b, 55 a: AP = (1/1 + 2/5) / 2 = 0.7; 1 the same; 55 ranks 52 b,
    # 50 b, 3 b, 1 a, 0 a: (1/4 + 2/5) / 2 = 0.325. Mean of a: 0.575.
    # 3 (b) ranks 1, 0, 50 b, 52 b, 55: (1/3 + 2/4) / 2 = 5/12; 50 ranks 52 b, 55, 3 b: (1 + 2/3) / 2 = 5/6;
    # 52 ranks 50 b, 55, 3 b: 5/6. Mean of b: 25/36.
    assert class_balanced_map(CIRCLE, LABELS) == pytest.approx((0.575 + 25 / 36) / 2)


def test_a_perfect_ranking_has_map_one_and_a_lonely_class_does_not_count():
    vectors = on_circle([0, 1, 90, 91, 180])
    assert class_balanced_map(vectors, ["a", "a", "b", "b", "alone"]) == pytest.approx(1)


def test_classes_of_one_have_no_map():
    with pytest.raises(ValueError, match="no class has two members"):
        class_balanced_map(CIRCLE[:2], ["a", "b"])


def test_random_labels_have_chance_purity():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2000, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    purity = purity_at_k(vectors, rng.choice(["a", "b", "c", "d"], 2000))
    # 20,000 draws of probability 1/4, neighbours shared: four standard errors are 0.02.
    assert purity.mean() == pytest.approx(0.25, abs=0.02)


def test_too_few_objects_for_k_are_refused():
    with pytest.raises(ValueError, match="6 objects have no 10 neighbours"):
        purity_at_k(CIRCLE, LABELS)


def test_scoring_a_gallery_keeps_to_its_rows():
    result = retrieve(CIRCLE, LABELS, rows=np.array([0, 1, 2, 3]), same_sky=[(0, 1), (4, 5)], k=1)
    assert result.purity.tolist() == [0, 0, 0, 1]
    assert result.mean_purity == 0.25


def test_no_group_is_parted():
    groups = [(i // 3, 1) for i in range(300)]
    rows = evaluation_rows(groups, share=0.2, seed=0)
    drawn = {groups[row] for row in rows}
    assert len(drawn) == 20
    assert rows.tolist() == [row for row, group in enumerate(groups) if group in drawn]


def test_interval_widens_with_grouping():
    rng = np.random.default_rng(0)
    per_group = np.repeat(rng.normal(0.1, 1, 100), 10)
    alone = paired_interval(per_group, list(range(1000)), rng=np.random.default_rng(1))
    grouped = paired_interval(per_group, [i // 10 for i in range(1000)], rng=np.random.default_rng(1))
    # Ten equal members in a group: sqrt(10) times the standard error.
    assert (grouped[1] - grouped[0]) / (alone[1] - alone[0]) == pytest.approx(np.sqrt(10), rel=0.15)


def test_the_other_image_is_found_by_margin():
    # 10 finds 0 at cos 10 deg, the next at cos 40 deg; 60 has its own at 30 deg, a stranger at 10 deg.
    found, margin = recognition(on_circle([10, 60, 200]), on_circle([0, 90, 50]))
    assert found.tolist() == [True, False, False]
    cosine = np.cos(np.radians([10, 40, 30, 10, 150, 110]))
    assert margin == pytest.approx(cosine[::2] - cosine[1::2], abs=1e-6)
