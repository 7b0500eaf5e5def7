from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import numpy as np
import pytest
from starlette.requests import ClientDisconnect

from index.vectors.engine import SearchEngine
from index.vectors.exact import ExactStore
from service.batching import MOST_TOGETHER, Batcher
from service.operations.refusals import Busy


def unit(rng, shape):
    vectors = rng.normal(size=shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def vectors():
    return unit(np.random.default_rng(0), (500, 16))


class Gated:
    """An engine whose passes wait for a gate, and which notes what it was asked."""

    def __init__(self, vectors):
        self._engine = SearchEngine(ExactStore(vectors))
        self.gate, self.passes = threading.Event(), []
        self.entered = threading.Event()

    def search(self, queries, k, *, exact=False):
        self.entered.set()
        assert self.gate.wait(20)
        self.passes.append((len(queries), k, exact))
        return self._engine.search(queries, k, exact=exact)


@pytest.fixture
def batcher():
    made = Batcher(threads=1, queue=100)
    yield made
    made.close()


async def held(batcher, engine, queries):
    """Keep the thread busy with one search, so that others wait."""
    first = asyncio.ensure_future(batcher.search(engine, queries, 1))
    await asyncio.to_thread(engine.entered.wait, 20)
    return first


def test_what_waits_is_searched_in_one_pass_and_each_gets_its_own(batcher, vectors):
    engine, plain = Gated(vectors), SearchEngine(ExactStore(vectors))
    queries = unit(np.random.default_rng(1), (20, 16))

    async def scene():
        first = await held(batcher, engine, queries[:1])
        waiting = [
            asyncio.ensure_future(batcher.search(engine, queries[n : n + 2], 5)) for n in range(0, 20, 2)
        ]
        await asyncio.sleep(0)
        engine.gate.set()
        await first
        return await asyncio.gather(*waiting)

    found = asyncio.run(scene())
    assert engine.passes == [(1, 1, False), (20, 5, False)]
    alone = plain.search(queries, 5).hits
    np.testing.assert_array_equal(np.concatenate([one.hits.rows for one in found]), alone.rows)
    np.testing.assert_array_equal(np.concatenate([one.hits.similarity for one in found]), alone.similarity)


def test_passes_hold_no_more_than_they_may_and_only_what_goes_together(batcher, vectors):
    engine, other = Gated(vectors), Gated(vectors)
    other.gate.set()
    queries = unit(np.random.default_rng(1), (40, 16))

    async def scene():
        first = await held(batcher, engine, queries[:1])
        asked = [
            (engine, 3, False),
            (other, 3, False),
            (engine, 4, False),
            (engine, 3, True),
            (engine, 3, False),
        ]
        waiting = [
            asyncio.ensure_future(batcher.search(of, queries, k, exact=exact)) for of, k, exact in asked
        ]
        few = asyncio.ensure_future(batcher.search(engine, queries[:24], 3))
        await asyncio.sleep(0)
        engine.gate.set()
        await asyncio.gather(first, few, *waiting)

    asyncio.run(scene())
    assert engine.passes == [
        (1, 1, False),
        (MOST_TOGETHER, 3, False),
        (40, 4, False),
        (40, 3, True),
        (40, 3, False),
    ]
    assert other.passes == [(40, 3, False)]


def test_a_full_queue_refuses_and_recovers(vectors):
    engine, batcher = Gated(vectors), Batcher(threads=1, queue=2)

    async def scene():
        first = await held(batcher, engine, vectors[:1])
        waiting = [asyncio.ensure_future(batcher.search(engine, vectors[:1], 1)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Busy, match=r"2 searches are waiting \(limit 2\)"):
            await batcher.search(engine, vectors[:1], 1)
        engine.gate.set()
        await asyncio.gather(first, *waiting)
        await batcher.search(engine, vectors[:1], 1)

    asyncio.run(scene())
    batcher.close()


def test_who_has_gone_is_not_searched_for(batcher, vectors):
    engine = Gated(vectors)

    async def scene():
        first = await held(batcher, engine, vectors[:1])
        gone = asyncio.ensure_future(batcher.search(engine, vectors[:7], 1, is_gone=lambda: True))
        cancelled = asyncio.ensure_future(batcher.search(engine, vectors[:9], 1))
        stays = asyncio.ensure_future(batcher.search(engine, vectors[:2], 1, is_gone=lambda: False))
        await asyncio.sleep(0)
        cancelled.cancel()
        engine.gate.set()
        await asyncio.gather(first, stays)
        with pytest.raises(ClientDisconnect):
            await gone

    asyncio.run(scene())
    assert engine.passes == [(1, 1, False), (2, 1, False)]


def test_a_search_that_fails_spoils_no_other(batcher, vectors):
    engine = Gated(vectors)
    bad = np.full((1, 16), np.nan, np.float32)

    async def scene():
        first = await held(batcher, engine, vectors[:1])
        waiting = [
            asyncio.ensure_future(batcher.search(engine, one, 2)) for one in (vectors[:1], bad, vectors[5:6])
        ]
        await asyncio.sleep(0)
        engine.gate.set()
        await first
        return await asyncio.gather(*waiting, return_exceptions=True)

    good, failed, also_good = asyncio.run(scene())
    assert "not finite" in str(failed)
    assert (good.hits.rows[0, 0], also_good.hits.rows[0, 0]) == (0, 5)


def test_nothing_of_a_release_stays_with_a_thread_that_waits(batcher, vectors):
    engine = Gated(vectors)
    engine.gate.set()
    asyncio.run(batcher.search(engine, vectors[:1], 1))
    kept = weakref.ref(engine)
    del engine
    for _ in range(100):
        gc.collect()
        if kept() is None:
            return
        threading.Event().wait(0.01)
    raise AssertionError("a search thread holds the engine")
