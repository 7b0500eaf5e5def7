"""Which releases can be searched together."""

from types import SimpleNamespace

import numpy as np
import pytest

from index.vectors.projection import Projection
from service.operations.cross_survey import _alike


def served(model, projection=None):
    return SimpleNamespace(block={"model_sha256": model}, release=SimpleNamespace(projection=projection))


def projection(seed):
    axes, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(12, 4)))
    return Projection(axes.astype(np.float32), 0.9)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (served("a"), served("a"), True),
        (served("a"), served("b"), False),
        (served("a", projection(0)), served("a"), False),
        (served("a"), served("a", projection(0)), False),
        (served("a", projection(0)), served("a", projection(0)), True),
        (served("a", projection(0)), served("a", projection(1)), False),
        (served("a", projection(0)), served("b", projection(0)), False),
    ],
)
def test_vectors_compare_only_by_one_model_in_one_space(one, other, expected):
    assert _alike(one, other) is expected
