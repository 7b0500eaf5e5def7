"""Requests of the hostile table, written byte by byte: each has its answer, and the service answers the next honest one."""

import contextlib
import json
import re
import socket
import tempfile
import time

import pytest
from support.hostile_http import CASES
from support.strangers import UPLOAD
from support.strangers import doorstep as started

from service.problems import PROBLEMS
from service.settings import Settings


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_hostile_request_has_its_answer_and_the_next_good_one_too(doorstep, case):
    pieces = case.body()
    doorstep.assert_well()
    before = doorstep.forget_peak()
    answer = doorstep.request(case.line, *case.headers, body=pieces)
    grown = doorstep.peak_bytes() - before
    status, kind, body = parts(answer)
    assert status == case.status, answer[:300]
    if case.code:
        assert kind == "application/problem+json"
        told = json.loads(body)
        assert told["code"] == case.code, told
        assert told["title"] == PROBLEMS[case.code].title
    assert grown < 64 << 20, grown
    doorstep.assert_well()


def parts(answer):
    """Status, content type and body of the one answer that came."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.count(b"HTTP/1.1 ") == 1, "two answers to one request"
    kind = re.search(rb"content-type: ([^\r;]*)", head, re.IGNORECASE)
    return int(head.split()[1]), kind[1].decode() if kind else "", body


def test_400_fields_of_a_megabyte_are_refused_while_they_come(doorstep):
    field = b'--BB\r\nContent-Disposition: form-data; name="f"\r\n\r\n' + bytes(1 << 20) + b"\r\n"
    before = doorstep.forget_peak()
    answer = doorstep.request(
        f"POST {UPLOAD} HTTP/1.1",
        "Content-Type: multipart/form-data; boundary=BB",
        "Transfer-Encoding: chunked",
        body=(b"%x\r\n" % len(field) + field + b"\r\n" for _ in range(400)),
    )
    assert parts(answer)[0] in (400, 413)
    assert doorstep.peak_bytes() - before < 64 << 20
    doorstep.assert_well()


@pytest.mark.parametrize("path", [UPLOAD, "/upload", "/api/v1/photoz/batch"])
def test_an_upload_leaves_nothing_on_the_disk(client, monkeypatch, path):
    # Files that are deleted while they are open stand in no folder: their making is watched.
    made = []
    monkeypatch.setattr(
        tempfile.SpooledTemporaryFile, "rollover", lambda file: made.append(file._file.tell())
    )
    n = 1 if path.endswith("batch") else 5
    files = [("file", (f"{n}.fits", bytes(3 << 20), "image/fits")) for n in range(n)]
    answer = client.post(path, files=files)
    assert answer.status_code in {200, 415, 422}, answer.text
    assert made == []


def test_a_hundred_clients_that_hang_up_free_their_places(doorstep):
    head = f"POST {UPLOAD} HTTP/1.1\r\nHost: 127.0.0.1:{doorstep.port}\r\nContent-Type: image/fits\r\n"
    whole = f"{head}Content-Length: {len(doorstep.good)}\r\n\r\n".encode() + doorstep.good
    half = whole[: len(whole) // 2]
    for sent in [whole, half] * 50:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", doorstep.port), timeout=30) as connection,
        ):
            connection.sendall(sent)
    # All of a client's places are taken at once: three by bodies that stop half-way, the last by a good upload.
    with contextlib.ExitStack() as stack:
        for _ in range(Settings.model_fields["heavy_per_client"].default - 1):
            stack.enter_context(holding(doorstep.port, half))
        doorstep.assert_well()


@contextlib.contextmanager
def holding(port, half):
    """Take a place by half a request, again and again until it is not answered."""
    for _ in range(60):
        with socket.create_connection(("127.0.0.1", port), timeout=0.5) as connection:
            connection.sendall(half)
            try:
                assert b"client.too_many" in connection.recv(65_536)
            except TimeoutError:
                yield
                return
        time.sleep(0.2)
    pytest.fail("no place came free")


def test_a_name_that_others_may_claim_is_shown_nowhere_and_leads_nowhere(doorstep):
    hostile = {
        "host": 'evil.example"><script>',
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "javascript",
    }
    for path in ("/", "/docs", "/random", "/api/v1/releases", "/search?target=nothing"):
        answer = doorstep.client.get(path, headers=hostile)
        assert "evil.example" not in answer.text, path
        assert "evil.example" not in str(answer.headers), path
    assert doorstep.client.get("/random").headers["location"].startswith("/search?")


@pytest.mark.parametrize("named", [{}, {"FORWARDED_ALLOW_IPS": "10.0.0.5"}], ids=["nobody", "another"])
def test_an_address_that_a_client_claims_is_not_believed_unless_its_proxy_is_known(
    served_data, tmp_path, named, monkeypatch
):
    # The address in the header buys no second place.
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    settings = {"SKYLIKE_HEAVY_PER_CLIENT": "1", "SKYLIKE_UPLOAD_ANONYMOUS": "true", **named}
    with started(served_data, tmp_path, **settings) as other:
        with socket.create_connection(("127.0.0.1", other.port)) as slow:
            head = f"POST {UPLOAD} HTTP/1.1\r\nHost: x\r\nContent-Type: image/fits\r\nContent-Length: 9999\r\n\r\n"
            slow.sendall(head.encode())
            for _ in range(100):
                headers = {"content-type": "image/fits", "x-forwarded-for": "1.2.3.4"}
                answer = other.client.post(UPLOAD, content=b"SIMPLE", headers=headers)
                if answer.status_code == 429:
                    break
            assert answer.json()["code"] == "client.too_many"
        other.assert_well()
