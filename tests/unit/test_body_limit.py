"""Bodies wait in memory, so all of them together have a limit too."""

import asyncio

import pytest

from service.middleware import MAX_BODIES, BodyLimit
from service.operations.refusals import Busy

LIMIT = 100
SCOPE = {"type": "http", "method": "POST", "headers": [(b"content-type", b"image/fits")]}


def limited():
    """A limit around an application that reads a body and keeps it until it may go."""
    may_go = asyncio.Event()

    async def app(scope, receive, send):
        while (await receive())["more_body"]:
            pass
        await may_go.wait()

    return BodyLimit(app, json_bytes=LIMIT, upload_bytes=LIMIT), may_go


def body(*sizes):
    messages = [{"type": "http.request", "body": b"x" * n, "more_body": n != sizes[-1]} for n in sizes]

    async def receive():
        await asyncio.sleep(0)
        return messages.pop(0)

    return receive


async def crowd(n):
    limit, may_go = limited()
    waiting = [asyncio.ensure_future(limit(SCOPE, body(60, 40), None)) for _ in range(n)]
    for _ in range(20):
        await asyncio.sleep(0)
    one_more = asyncio.ensure_future(limit(SCOPE, body(60, 40), None))
    for _ in range(20):
        await asyncio.sleep(0)
    may_go.set()
    ends = await asyncio.gather(*waiting, one_more, return_exceptions=True)
    return ends, limit


def test_as_many_full_bodies_as_fit_are_held():
    ends, _ = asyncio.run(crowd(MAX_BODIES - 1))
    assert ends == [None] * MAX_BODIES


def test_one_more_is_refused_and_those_that_are_held_are_not_harmed():
    ends, _ = asyncio.run(crowd(MAX_BODIES))
    assert ends[:-1] == [None] * MAX_BODIES
    assert isinstance(ends[-1], Busy)


@pytest.mark.parametrize("n", [MAX_BODIES - 1, MAX_BODIES])
def test_room_is_given_back_whether_a_body_was_taken_or_refused(n):
    _, limit = asyncio.run(crowd(n))
    assert limit._held == 0
