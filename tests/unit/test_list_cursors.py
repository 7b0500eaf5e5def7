"""Cursors continue one list of objects of one release."""

from __future__ import annotations

import base64

import orjson
import pytest

from service.operations.list_cursors import decode_list_cursor, encode_list_cursor
from service.operations.refusals import CursorExpired, CursorInvalid, CursorMismatch

_RELEASE = "demo--polar48-demo--20261122t010203-abcdef"


def test_a_list_cursor_comes_back_as_it_was_given_out():
    cursor = encode_list_cursor(_RELEASE, "digest", 250)
    assert decode_list_cursor(cursor, digest="digest", served={_RELEASE}) == (_RELEASE, 250)


def test_a_list_cursor_of_another_question_or_release_is_refused():
    cursor = encode_list_cursor(_RELEASE, "digest", 250)
    with pytest.raises(CursorMismatch):
        decode_list_cursor(cursor, digest="other", served={_RELEASE})
    with pytest.raises(CursorExpired, match=_RELEASE):
        decode_list_cursor(cursor, digest="digest", served={"other"})


@pytest.mark.parametrize(
    "values",
    [
        [],
        7,
        ["r", "d"],
        ["r", "d", 0],
        ["r", "d", -1],
        ["r", "d", 1 << 40],
        ["r", "d", 1.5],
        ["r", "d", True],
        ["r", 1, 1],
        ["r", "d", 1, 1],
    ],
)
def test_what_is_no_list_cursor_is_refused(values):
    text = base64.urlsafe_b64encode(orjson.dumps(values)).decode()
    with pytest.raises(CursorInvalid):
        decode_list_cursor(text, digest="d", served={"r"})


@pytest.mark.parametrize("text", ["", "x", "=", "%%%", "AAAA", "é", "LTE6eA"])
def test_a_text_that_is_no_list_cursor_is_refused(text):
    with pytest.raises(CursorInvalid):
        decode_list_cursor(text, digest="d", served={"r"})
