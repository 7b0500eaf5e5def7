"""A service is ready when every release finds its first object by its own embedding."""

from types import SimpleNamespace

import numpy as np
import pytest

from index.vectors.engine import SearchEngine
from index.vectors.exact import ExactStore
from service.resources import NotReady, Resources


def resources(store, engine):
    served = SimpleNamespace(release=SimpleNamespace(id="tiny", store=store, engine=engine))
    return Resources(None, {}, {"tiny": served}, {}, None)


def test_half_precision_finds_itself_though_it_is_not_quite_of_unit_length():
    """1 / sqrt(128) is stored as 0.08838, so that this vector's square is 0.99978."""
    vectors = np.zeros((3, 128), np.float16)
    vectors[0], vectors[1, 0], vectors[2, 1] = 128**-0.5, 1, 1
    assert float(vectors[0].astype(float) @ vectors[0].astype(float)) < 1 - 1e-4
    store = ExactStore(vectors)
    resources(store, SearchEngine(store)).check_search()


def test_a_release_whose_index_is_of_other_vectors_is_not_ready():
    vectors = np.eye(4, dtype=np.float32)
    other = ExactStore(np.roll(vectors, 1, axis=0)[:2])
    with pytest.raises(NotReady, match="own first object"):
        resources(ExactStore(vectors[2:]), SearchEngine(other)).check_search()
