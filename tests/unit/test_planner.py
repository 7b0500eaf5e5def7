"""A search is planned by how many objects its filters allow."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from index.vectors.planner import choose

_N, _D = 1_000_000, 128
_IVF = SimpleNamespace(kind="ivf", effort=16, max_effort=4096)
_HNSW = SimpleNamespace(kind="hnsw", effort=64, max_effort=2048)


@pytest.mark.parametrize(
    ("n_allowed", "index", "exact", "strategy", "effort"),
    [
        (_N, None, False, "exact", None),
        (10, None, False, "subset", None),
        (_N, _IVF, True, "exact", None),
        (400_000, _IVF, True, "subset", None),
        (_N, _IVF, False, "ivf", 16),
        (_N, _HNSW, False, "hnsw", 64),
        # 25 MB are 48,828 vectors of 128 float32.
        (48_828, _IVF, False, "subset", None),
        (48_829, _IVF, False, "ivf", 1311),
        (500_000, _IVF, False, "ivf", 128),
        (500_000, _HNSW, False, "subset", None),
        (800_000, _HNSW, False, "hnsw", 320),
        (1, _IVF, False, "subset", None),
        (0, _IVF, False, "subset", None),
    ],
)
def test_few_are_compared_and_many_are_asked_for(n_allowed, index, exact, strategy, effort):
    choice = choose(_N, n_allowed, _D, index, exact=exact)
    assert (choice.strategy, choice.effort) == (strategy, effort)
    assert choice.reason.endswith(".")


def test_what_would_read_the_whole_index_is_compared_instead():
    small = SimpleNamespace(kind="ivf", effort=16, max_effort=64)
    choice = choose(_N, 100_000, _D, small, exact=False)
    assert (choice.strategy, choice.effort) == ("subset", None)
    assert "10.0% of the objects" in choice.reason
    # Without filters too many lists are the index's own affair.
    assert choose(_N, _N, _D, SimpleNamespace(kind="ivf", effort=64, max_effort=64), exact=False).effort == 64
