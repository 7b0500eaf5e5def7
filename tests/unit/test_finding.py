"""Pages and certificates of releases that are searched approximately, or have lost objects."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from index.queries.rocchio import Weights
from index.selection import Selection
from index.vectors import planner
from index.vectors.engine import SearchEngine
from index.vectors.exact import ExactStore
from service.operations import finding
from service.operations.cursors import HitCursor
from service.operations.finding import Wanted, allowed_of, hits_of, rank_by_vector
from service.operations.multi import Examples, by_examples
from service.operations.vectors import of_searched

N = 300
_UNKNOWN = frozenset(range(0, N, 7))


class Forgetful:
    """An index that knows six of seven objects, and finds the others when it is asked for more than 100."""

    kind, effort, max_effort = "ivf", 4, 4096

    def __init__(self, store):
        self._store = store

    def search(self, queries, k, *, allowed=None, effort=None):
        known = np.ones(N, np.bool_) if allowed is None else allowed.copy()
        if k <= 100:
            known[list(_UNKNOWN)] = False
        return self._store.search(queries, k, allowed=known)


@pytest.fixture
def vectors():
    found = np.random.default_rng(0).normal(size=(N, 8)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.fixture(autouse=True)
def _no_small_subsets(monkeypatch):
    monkeypatch.setattr(planner, "SUBSET_BYTES", 0)


def _served(vectors, *, alive=None, is_approximate=True):
    store = ExactStore(vectors)
    engine = SearchEngine(store, Forgetful(store) if is_approximate else None, alive=alive, recall_at_10=0.86)
    info = SimpleNamespace(n=N, dimension=8, metric="cosine", recall_at_10=0.86)
    release = SimpleNamespace(
        engine=engine, store=store, info=info, alive=alive, sha256="0" * 64, projection=None
    )
    return SimpleNamespace(release=release, survey="tiny")


def _found(served, vector, wanted, own=(3,)):
    allowed = allowed_of(served, wanted.selection, own)
    return hits_of(served, wanted, allowed, rank_by_vector(served, vector, wanted, allowed))


def test_an_approximate_answer_says_so_and_what_it_finds(vectors):
    found = _found(_served(vectors), vectors[3], Wanted(10))
    assert not _UNKNOWN & set(found.rows.tolist())
    search = found.search
    assert (search["exact"], search["recall"], search["strategy"]) == (False, 0.86, "ivf")
    assert (search["complete"], search["n_searched"], search["n_total"]) == (True, N - 1, N)


def test_an_exact_answer_is_that_of_a_full_comparison(vectors):
    found = _found(_served(vectors), vectors[3], Wanted(10, exact=True))
    similarity = vectors.astype(np.float64) @ vectors[3].astype(np.float64)
    similarity[3] = -np.inf
    assert found.rows.tolist() == np.argsort(-similarity)[:10].tolist()
    assert (found.search["exact"], found.search["recall"], found.search["strategy"]) == (True, 1.0, "exact")


def test_pages_of_an_approximate_list_repeat_nothing_though_later_ones_know_more(vectors):
    served, wanted = _served(vectors), Wanted(40)
    pages = []
    while True:
        found = _found(served, vectors[3], wanted)
        pages.append(found)
        if found.end is None:
            break
        wanted = replace(wanted, cursor=HitCursor("r", "d", *found.end))
    rows = np.concatenate([page.rows for page in pages])
    similarity = np.concatenate([page.similarity for page in pages])
    assert len(set(rows.tolist())) == len(rows) > 200
    assert np.all(np.diff(similarity) <= 0)
    assert 3 not in rows


def test_a_last_page_that_the_bound_of_all_lists_cuts_is_not_complete(vectors, monkeypatch):
    monkeypatch.setattr(finding, "MOST_HITS", 45)
    served = _served(vectors, is_approximate=False)
    first = _found(served, vectors[3], Wanted(40))
    last = _found(served, vectors[3], Wanted(40, cursor=HitCursor("r", "d", *first.end)))
    assert (len(last.rows), last.end, last.search["complete"]) == (5, None, False)
    assert _found(served, vectors[3], Wanted(45)).search["complete"]


@pytest.mark.parametrize("method", ["rocchio", "mean", "max", "best_score"])
def test_what_was_withdrawn_is_no_hit(vectors, method):
    alive = np.ones(N, np.bool_)
    alive[50:200] = False
    served = _served(vectors, alive=alive, is_approximate=False)
    examples = Examples(method, vectors[:2], np.empty((0, 8), np.float32), Weights(), (0, 1))
    found = by_examples(served, examples, Wanted(1000))
    assert set(found.rows.tolist()) == set(np.flatnonzero(alive).tolist()) - {0, 1}
    assert (found.search["n_total"], found.search["n_searched"]) == (150, 148)
    assert (found.search["complete"], found.end) == (True, None)


def test_objects_that_are_left_out_are_no_hits(vectors):
    served = _served(vectors, is_approximate=False)
    served.release.columns = SimpleNamespace(row_of=int)
    found = _found(served, vectors[3], Wanted(5, Selection(excluded_ids=("4",))))
    assert not {3, 4} & set(found.rows.tolist())
    assert found.search["n_searched"] == N - 2
    assert found.search["filters"] == {"exclude": ["4"]}


def test_vectors_of_several_passes_are_as_exact_as_the_least_exact_of_them(vectors):
    served = _served(vectors)
    served.hit_texts = SimpleNamespace(of=lambda rows, _similarity: rows.tolist())
    short = served.release.engine.search(vectors[:2], 90, exact=True)
    quick = served.release.engine.search(vectors[:2], 90)
    answered = of_searched(served, [short, quick], 90)
    assert (short.plan.is_exact, answered.search["exact"], answered.search["recall"]) == (True, False, 0.86)
