"""Tokens hold a request whole, and nothing else passes for one."""

from __future__ import annotations

import base64
import hashlib
import zlib

import orjson
import pytest

from service.operations.refusals import ReplayInvalid
from service.operations.replay import MAX_TOKEN, Pin, read_token, token_of

_PIN = Pin("tiny--pca48--20260101t000000-abcdef", "0123456789abcdef" * 4)
_PATH = b"/api/v1/objects/SDSS%20J1%2B2/neighbours"


def _made(data, kind="p"):
    check = zlib.crc32(data).to_bytes(4, "big")
    return kind + base64.urlsafe_b64encode(check + data).decode().rstrip("=")


@pytest.mark.parametrize(
    "body",
    [None, b'{"positives":[{"id":"J1"}]}', '{"ids":["Jä"]}'.encode(), b'{"ids":["' + b"J" * 9000 + b'"]}'],
)
def test_a_token_gives_back_what_was_asked(body):
    path = _PATH if body is None else b"/api/v1/neighbours/multi"
    token = token_of((_PIN.text(),), path, b"k=10&z_min=0.1", body)
    asked = read_token(token)
    assert (asked.path, asked.query, asked.body) == (path, b"k=10&z_min=0.1", body)
    assert asked.pins == (Pin(_PIN.release, _PIN.sha256[:32]),)
    assert token.replace("-", "").replace("_", "").isalnum()


def test_a_token_holds_the_longest_id():
    path = b"/api/v1/objects/" + b"%F0%9F%8C%8C" * 128 + b"/neighbours"
    assert read_token(token_of((_PIN.text(),), path, b"", None)).path == path


def test_any_change_of_a_token_is_noticed():
    token = token_of((_PIN.text(),), _PATH, b"k=10", None)
    other = {"A": "B"}
    changed = [token[:n] + other.get(token[n], "A") + token[n + 1 :] for n in range(1, len(token) - 1)]
    for one in [*changed, token[:-3], token + "AAAA", "z" + token[1:], token[1:], "", "p", "é" + token]:
        with pytest.raises(ReplayInvalid):
            read_token(one)


@pytest.mark.parametrize(
    "values",
    [
        [],
        {},
        [[], "/api/v1/neighbours", ""],
        [[["r", "0" * 32]], "/api/v1/jobs", ""],
        [[["r", "0" * 32]], "/api/v1/replay", ""],
        [[["r", "0" * 32]], "/api/v1/objects/../../neighbours", ""],
        [[["../r", "0" * 32]], "/api/v1/neighbours", ""],
        [[["r", "0" * 31]], "/api/v1/neighbours", ""],
        [[["r", "0" * 32, "x"]], "/api/v1/neighbours", ""],
        [[["r", "0" * 32]], "/api/v1/neighbours", "target=é"],
        [[["r", "0" * 32]], "/api/v1/neighbours", 3],
        [[["r", "0" * 32]], "/api/v1/neighbours/multi", "", "{}", "{}"],
        [[["r", "0" * 32]] * 65, "/api/v1/neighbours", ""],
    ],
)
def test_what_is_no_question_of_ours_is_no_token(values):
    with pytest.raises(ReplayInvalid):
        read_token(_made(orjson.dumps(values)))


def test_a_bomb_does_not_go_off():
    bomb = _made(zlib.compress(b" " * (64 << 20), 9), kind="z")
    assert len(bomb) > MAX_TOKEN
    small = _made(zlib.compress(b" " * (8 << 20), 9), kind="z")
    for one in (bomb, small):
        with pytest.raises(ReplayInvalid):
            read_token(one)


def test_a_question_too_long_for_a_token_has_none():
    noise = hashlib.shake_256(b"seed").hexdigest(80_000).encode()
    assert token_of((_PIN.text(),), b"/api/v1/neighbours/multi", b"", noise) is None
    assert token_of((_PIN.text(),), b"/api/v1/neighbours/multi", b"", b" " * (1 << 21)) is None
