"""A classifier on vectors names their source as often as the vectors carry it."""

import numpy as np
import pytest

from training.source_probe import source_accuracy


def drawn(*, apart: float, counts: tuple[int, ...], dimension: int = 8) -> tuple[np.ndarray, list[str]]:
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(len(counts), dimension))
    centres *= apart / np.linalg.norm(centres, axis=1, keepdims=True)
    truth = np.repeat(np.arange(len(counts)), counts)
    return rng.normal(size=(len(truth), dimension)) + centres[truth], [f"set {n}" for n in truth]


def accuracy(vectors: np.ndarray, sources: list[str], groups: list[int] | None = None) -> float:
    return source_accuracy(
        vectors, sources, range(len(sources)) if groups is None else groups, np.random.default_rng(2)
    )


def test_separated_sources_are_all_named():
    assert accuracy(*drawn(apart=20, counts=(300, 200, 100))) == 1.0


def test_shuffled_vectors_give_chance_however_uneven_the_sources():
    vectors, sources = drawn(apart=20, counts=(1500, 300, 600))
    shuffled = np.random.default_rng(3).permutation(vectors)
    # The smallest source decides: sqrt(1/3 * 2/3 / 300) / 3 and the two others' give 0.011.
    assert accuracy(shuffled, sources) == pytest.approx(1 / 3, abs=0.05)


def test_every_source_counts_the_same():
    """Two sources alike and a third apart: half, half and all of them are named, 2/3 whatever their sizes."""
    vectors, _ = drawn(apart=20, counts=(600, 3000))
    sources = ["one"] * 300 + ["two"] * 300 + ["three"] * 3000
    assert accuracy(vectors, sources) == pytest.approx(2 / 3, abs=0.04)


def test_two_gaussians_are_told_apart_as_often_as_theory_allows():
    rng = np.random.default_rng(4)
    truth = np.repeat([0, 1], 4000)
    vectors = rng.normal(size=(8000, 3)) + np.array([1.0, 0, 0]) * truth[:, None]
    # The best rule errs in Phi(-distance / 2) = Phi(-0.5) = 0.3085.
    assert accuracy(vectors, [f"set {n}" for n in truth]) == pytest.approx(1 - 0.3085, abs=0.015)


def test_a_group_is_not_learned_by_heart():
    """Every galaxy appears often, and its vector tells the galaxy alone: whole groups must be left out."""
    rng = np.random.default_rng(5)
    galaxies = rng.normal(size=(60, 80))
    groups = np.repeat(np.arange(60), 20)
    sources = [f"set {n % 2}" for n in groups]
    vectors = galaxies[groups] + rng.normal(0, 0.01, (1200, 80))
    assert accuracy(vectors, sources, groups.tolist()) < 0.7
    assert accuracy(vectors, sources) > 0.95


def test_scales_offsets_and_constants_do_not_matter():
    vectors, sources = drawn(apart=2, counts=(400, 400), dimension=1)
    beside = np.column_stack([vectors, np.random.default_rng(6).normal(size=800)])
    changed = np.column_stack([beside * [1e-4, 1e4] + 7, np.full(800, 3.0)])
    assert accuracy(changed, sources) == pytest.approx(accuracy(beside, sources), abs=0.005)


def test_what_cannot_be_asked_is_said():
    vectors, sources = drawn(apart=1, counts=(20, 20))
    with pytest.raises(ValueError, match="only the source set 0"):
        accuracy(vectors, ["set 0"] * 40)
    with pytest.raises(ValueError, match="3 groups cannot be parted into 5 folds"):
        accuracy(vectors, sources, [row % 3 for row in range(40)])
    with pytest.raises(ValueError, match="set 1 is in one fold"):
        accuracy(vectors, sources, [*range(20), *[99] * 20])
    with pytest.raises(ValueError, match="39 sources"):
        accuracy(vectors, sources[1:], list(range(40)))
