"""Bodies wait in memory, so all of them together have a limit too, and no client may fill it alone."""

import asyncio

import pytest
from starlette.exceptions import HTTPException

from service import middleware
from service.middleware import MAX_BODIES, BodyLimit
from service.operations.refusals import Busy, TooManyAtOnce

LIMIT = 100
SMALL = 30


@pytest.fixture(autouse=True)
def _small_bodies_are_small(monkeypatch):
    monkeypatch.setattr(middleware, "SMALL_BODY", SMALL)


def limited():
    """A limit around an application that reads a body and keeps it until it may go."""
    may_go = asyncio.Event()

    async def app(scope, receive, send):
        while (await receive())["more_body"]:
            pass
        await may_go.wait()

    return BodyLimit(app, json_bytes=LIMIT, upload_bytes=LIMIT), may_go


def scope(client):
    headers = [(b"content-type", b"image/fits")]
    return {"type": "http", "method": "POST", "headers": headers, "client": (client, 4000)}


def body(*sizes):
    messages = [{"type": "http.request", "body": b"x" * n, "more_body": n != sizes[-1]} for n in sizes]

    async def receive():
        await asyncio.sleep(0)
        return messages.pop(0)

    return receive


async def crowd(*senders):
    """How each of (client, sizes) fares when all come after one another and none goes; None is well."""
    limit, may_go = limited()
    waiting = []
    for client, *sizes in senders:
        waiting.append(asyncio.ensure_future(limit(scope(client), body(*sizes), None)))
        for _ in range(20):
            await asyncio.sleep(0)
    may_go.set()
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    return [end and type(end) for end in ends], limit


def full(n):
    """Large bodies of many clients."""
    return [(f"192.0.2.{k}", 60, 40) for k in range(n)]


def test_as_many_full_bodies_as_fit_are_held():
    ends, _ = asyncio.run(crowd(*full(MAX_BODIES - 1)))
    assert ends == [None] * (MAX_BODIES - 1)


def test_one_more_is_refused_and_those_that_are_held_are_not_harmed():
    ends, _ = asyncio.run(crowd(*full(MAX_BODIES)))
    assert ends == [None] * (MAX_BODIES - 1) + [Busy]


def test_where_large_bodies_fill_their_room_small_ones_find_some():
    small = [(f"198.51.100.{k}", SMALL - 1, 1) for k in range(LIMIT // SMALL)]
    ends, _ = asyncio.run(crowd(*full(MAX_BODIES - 1), *small, ("203.0.113.9", SMALL, 1), *full(1)))
    assert ends == [None] * (MAX_BODIES - 1 + len(small)) + [Busy, Busy]


@pytest.mark.parametrize(
    "addresses",
    [
        ["192.0.2.1"] * 8,
        [f"2001:db8:0:1::{k:x}" for k in range(8)],
        ["192.0.2.1", "::ffff:192.0.2.1"] * 4,
        [f"fe80::{k}%eth0" for k in range(8)],
    ],
    ids=["one address", "one network of IPv6", "two ways of writing one", "one link"],
)
def test_one_client_has_a_quarter_and_others_find_theirs(addresses):
    elsewhere = [("198.51.100.1", 60, 40), ("2001:db8:0:2::1", 60, 40)]
    # Each leaves some bytes of the largest body unsent, as who waits for the clock does.
    ends, _ = asyncio.run(crowd(*[(one, 90, 9) for one in addresses], *elsewhere))
    assert ends == [None] * 2 + [TooManyAtOnce] * 6 + [None] * 2


@pytest.mark.parametrize(
    "addresses", [["192.0.2.1", "192.0.2.2"], ["2001:db8:0:1::1", "2001:db8:0:2::1"], ["::1", "127.0.0.1"]]
)
def test_others_are_others(addresses):
    ends, _ = asyncio.run(crowd(*[(one, 60, 40) for one in addresses for _ in range(2)]))
    assert ends == [None] * 4


@pytest.mark.parametrize("n", [MAX_BODIES - 1, MAX_BODIES])
def test_room_is_given_back_whether_a_body_was_taken_or_refused(n):
    _, limit = asyncio.run(crowd(*full(n), *[("192.0.2.1", 60, 40)] * 3))
    assert not limit._held


def test_a_body_that_goes_to_the_disk_has_a_limit_of_its_own_and_takes_no_room():
    async def app(scope, receive, send):
        while (await receive())["more_body"]:
            pass

    async def sent(path, size):
        limit = BodyLimit(app, json_bytes=LIMIT, upload_bytes=LIMIT, streamed={"/batch": 100 * LIMIT})
        await limit({**scope("192.0.2.1"), "path": path}, body(size), None)

    # More than one client, and all together, may hold in memory.
    asyncio.run(sent("/batch", 50 * LIMIT))
    for path, size in (("/batch", 101 * LIMIT), ("/other", 50 * LIMIT)):
        with pytest.raises(HTTPException, match="limit"):
            asyncio.run(sent(path, size))
