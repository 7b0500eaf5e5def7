"""Clients that send slowly, endlessly or nothing."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager

import pytest
import uvicorn
from anyio import to_thread
from starlette.responses import PlainTextResponse

from service.clients import IS_GONE
from service.middleware import Envelope
from service.protocol import PatientProtocol


class Hasty(PatientProtocol):
    header_seconds = 0.4
    body_seconds = 0.4
    body_bytes = 1000
    header_bytes = 4096
    answer_seconds = 1.0


async def echo(scope, receive, send):
    """Answers with the length of the body."""
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        if not message["more_body"]:
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


@contextmanager
def served(app=echo):
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=Hasty, ws="none", lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield listening.getsockname()
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture(scope="module")
def address():
    with served() as address:
        yield address


@contextmanager
def connected(address):
    with socket.create_connection(address, timeout=5) as connection:
        yield connection


def rest(connection) -> bytes:
    """Everything until the other side closes; times out if it never does."""
    found = b""
    while part := connection.recv(65536):
        found += part
    return found


def post(size: int) -> bytes:
    return f"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n".encode()


def test_an_ordinary_request_is_answered(address):
    with connected(address) as connection:
        connection.sendall(post(5) + b"hello")
        answer = rest(connection)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"\r\n5\r\n" in answer


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nX-A: "])
def test_a_request_that_does_not_come_is_not_waited_for(address, sent):
    with connected(address) as connection:
        began = time.monotonic()
        connection.sendall(sent)
        assert rest(connection) == b""
        assert 0.3 < time.monotonic() - began < 3


def test_header_bytes_one_by_one_do_not_buy_time(address):
    with connected(address) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX-A: ")
        began = time.monotonic()
        try:
            while time.monotonic() - began < 4:
                connection.sendall(b"a")
                time.sleep(0.05)
        except OSError:
            pass
        assert time.monotonic() - began < 3


def test_a_body_that_trickles_is_given_up(address):
    with connected(address) as connection:
        connection.sendall(post(100_000))
        began = time.monotonic()
        try:
            while time.monotonic() - began < 4:
                connection.sendall(b"a")
                time.sleep(0.05)
        except OSError:
            pass
        assert time.monotonic() - began < 3


def test_a_large_body_that_keeps_coming_has_its_time(address):
    with connected(address) as connection:
        connection.sendall(post(10_000))
        for _ in range(10):
            time.sleep(0.1)
            connection.sendall(b"x" * 1000)
        assert b"10000" in rest(connection)


def test_headers_without_end_are_refused(address):
    with connected(address) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 5000)
        assert rest(connection).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "tail",
    [b"0\r\n" + b"X-A: b\r\n" * 1000, b"0\r\nX-A: " + b"b" * 6000, b"1;" + b"a" * 6000, b"1\r\nx\r\n" * 2000],
    ids=["trailers", "one trailer", "a chunk extension", "chunks of one byte"],
)
def test_what_frames_a_body_may_not_outweigh_it(address, tail):
    with connected(address) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + tail)
        assert rest(connection).startswith(b"HTTP/1.1 400")


def test_a_body_in_small_chunks_arrives(address):
    with connected(address) as connection:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head + b"a\r\n0123456789\r\n" * 5000 + b"0\r\nX-Sum: 1\r\n\r\n")
        assert b"\r\n50000\r\n" in rest(connection)


def test_a_trailer_adds_nothing_to_the_headers():
    async def names(scope, receive, send):
        while (await receive())["more_body"]:
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b" ".join(name for name, _ in scope["headers"])})

    with served(names) as address, connected(address) as connection:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head + b"1\r\nx\r\n0\r\nAuthorization: Bearer x\r\n\r\n")
        assert b"authorization" not in rest(connection)


def test_empty_lines_do_not_keep_an_idle_connection(address):
    with connected(address) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" in connection.recv(65536)
        connection.sendall(b"\r\n")
        began = time.monotonic()
        assert rest(connection) == b""
        assert time.monotonic() - began < 3


def test_a_kept_connection_starts_its_clock_with_each_request(address):
    with connected(address) as connection:
        for _ in range(2):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200" in connection.recv(65536)
            time.sleep(0.6)
        connection.sendall(b"GET / HT")
        assert rest(connection) == b""


def test_head_answers_without_a_body_and_keeps_the_connection():
    with served(Envelope(PlainTextResponse("hello"))) as address, connected(address) as connection:
        for _ in range(2):
            connection.sendall(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200")
            assert b"content-length: 5\r\n" in answer
            assert answer.endswith(b"\r\n\r\n")
        connection.sendall(b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert rest(connection).endswith(b"\r\n\r\n")


LARGE = b"x" * (32 << 20)


def large_answer(address, *, pause_seconds: float, pauses: int) -> int:
    """Ask for the large answer, read a megabyte after each pause, then the rest; returns the bytes that came."""
    with connected(address) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        found = 0
        try:
            for _ in range(pauses):
                time.sleep(pause_seconds)
                found += len(connection.recv(1 << 20, socket.MSG_WAITALL))
            return found + len(rest(connection))
        except ConnectionResetError:
            return found


def test_an_answer_that_nobody_reads_is_given_up():
    with served(PlainTextResponse(LARGE)) as address:
        assert large_answer(address, pause_seconds=3, pauses=1) < len(LARGE)


def test_an_answer_that_is_read_slowly_arrives():
    with served(PlainTextResponse(LARGE)) as address:
        assert large_answer(address, pause_seconds=0.1, pauses=10) > len(LARGE)


def test_a_request_knows_in_any_thread_whether_its_client_has_gone():
    seen, asked = [], threading.Event()

    async def waits(scope, receive, send):
        is_gone = scope[IS_GONE]
        seen.append(is_gone())
        asked.set()
        assert (await receive())["type"] == "http.request"
        assert (await receive())["type"] == "http.disconnect"
        seen.append(await to_thread.run_sync(is_gone))

    with served(waits) as address:
        with connected(address) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert asked.wait(5)
        for _ in range(500):
            if len(seen) == 2:
                break
            time.sleep(0.01)
    assert seen == [False, True]
