from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from service.operations.refusals import VectorUnusable
from service.vector_body import unit_vectors

MATRIX = np.array([[0, 1], [1, 0], [0, 0]], np.float32)


def served():
    """A release that searches two of the three dimensions of its model, the other way round."""

    def project(vectors):
        return vectors @ MATRIX

    return SimpleNamespace(
        release=SimpleNamespace(info=SimpleNamespace(dimension=2), project=project),
        model=SimpleNamespace(card=SimpleNamespace(dimension=3, id="m")),
    )


def test_embeddings_of_the_model_are_projected_and_vectors_of_the_release_are_not():
    np.testing.assert_allclose(unit_vectors(served(), [[3.0, 4.0, 0.0]]), [[0.8, 0.6]], rtol=1e-6)
    np.testing.assert_allclose(unit_vectors(served(), [[3.0, 4.0]]), [[0.6, 0.8]], rtol=1e-6)


def test_raw_numbers_are_the_models_embeddings_alone():
    six = np.array([3, 4, 0, 0, 5, 0], np.float32)
    np.testing.assert_allclose(unit_vectors(served(), six), [[0.8, 0.6], [1, 0]], rtol=1e-6)
    with pytest.raises(VectorUnusable, match="4 values are no vectors of 3 numbers, as m gives them"):
        unit_vectors(served(), np.array([3, 4, 1, 5], np.float32))


def test_lengths_do_not_mix():
    with pytest.raises(
        VectorUnusable, match=r"vectors\.1: has 2 numbers; embeddings of m have 3 or 2, all the same"
    ):
        unit_vectors(served(), [[1.0, 2.0, 3.0], [1.0, 2.0]])
