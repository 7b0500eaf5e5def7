"""What the GPU benchmark times is right, tried on the processor."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "gpu"))

import gpu_pieces

CPU = torch.device("cpu")


@pytest.mark.parametrize("single", [True, False])
def test_the_nearest_over_blocks_are_those_of_brute_force(monkeypatch, single):
    monkeypatch.setattr(gpu_pieces, "_BLOCK", 100)
    vectors, queries = gpu_pieces.drawn(750, CPU, seed=0), gpu_pieces.drawn(9, CPU, seed=1)
    similarity = queries.double().numpy() @ vectors.double().numpy().T
    found, rows = gpu_pieces.nearest(vectors, queries, 10, single=single)
    order = np.argsort(-similarity, axis=1)[:, :10]
    np.testing.assert_array_equal(rows.numpy(), order)
    np.testing.assert_allclose(found.numpy(), np.take_along_axis(similarity, order, axis=1), atol=1e-6)


def test_clusters_that_lie_apart_are_found():
    """Four directions with a little noise: every centroid within it of one of them."""
    directions = np.eye(4, gpu_pieces.DIMENSION)
    noisy = directions[np.arange(400) % 4] + np.random.default_rng(0).normal(
        0, 0.01, (400, gpu_pieces.DIMENSION)
    )
    sample = torch.nn.functional.normalize(torch.from_numpy(noisy)).half()
    best = max(
        (gpu_pieces.kmeans(sample, 4, rounds=10, seed=seed) for seed in range(5)), key=lambda pair: pair[1]
    )
    centroids, similarity = best
    assert (centroids.numpy() @ directions.T).max(axis=0).min() > 0.99
    # Of a unit vector with noise s in D dimensions: 1 / sqrt(1 + D s^2).
    assert similarity == pytest.approx((1 + gpu_pieces.DIMENSION * 1e-4) ** -0.5, abs=2e-3)
