"""Cursors continue one list of one release."""

from __future__ import annotations

import base64

import numpy as np
import orjson
import pytest

from service.operations.cursors import HitCursor, after, decode_hit_cursor, digest_of, encode_hit_cursor
from service.operations.refusals import CursorExpired, CursorInvalid, CursorMismatch

_DIGEST = digest_of(b"/a", b"z_min=0&z_max=1", None)
_CURSOR = HitCursor("r1", _DIGEST, 10, float(np.float32(0.1)), 7)


def test_a_cursor_gives_back_what_it_holds():
    assert decode_hit_cursor(encode_hit_cursor(_CURSOR), digest=_DIGEST, served={"r1"}) == _CURSOR


def test_the_order_of_parameters_is_no_part_of_a_question():
    assert digest_of(b"/a", b"z_max=1&z_min=0", None) == _DIGEST
    assert digest_of(b"/a", b"z_max=2&z_min=0", None) != _DIGEST
    assert digest_of(b"/a", b"z_min=0&z_max=1", b"{}") != _DIGEST


def test_a_cursor_of_another_question_or_release_is_refused():
    text = encode_hit_cursor(_CURSOR)
    with pytest.raises(CursorMismatch):
        decode_hit_cursor(text, digest="0", served={"r1"})
    with pytest.raises(CursorExpired, match="r1"):
        decode_hit_cursor(text, digest=_DIGEST, served={"r2"})


@pytest.mark.parametrize(
    "values",
    [
        [],
        "text",
        {"a": 1},
        ["r1", _DIGEST, 10, 0.5],
        ["r1", _DIGEST, 10, 2.0, 7],
        ["r1", _DIGEST, True, 0.5, 7],
        ["r1", _DIGEST, 10, 0.5, -1],
        ["r1", _DIGEST, 10_000, 0.5, 7],
    ],
)
def test_what_was_not_given_out_is_no_cursor(values):
    text = base64.urlsafe_b64encode(orjson.dumps(values)).decode()
    for one in (text, "!", "é", text[:-5]):
        with pytest.raises(CursorInvalid):
            decode_hit_cursor(one, digest=_DIGEST, served={"r1"})


def test_behind_a_hit_are_the_less_similar_and_of_equals_the_later_rows():
    similarity = np.array([0.2, 0.1, 0.1, 0.1, 0.05], np.float32)
    assert after(_CURSOR, np.array([1, 6, 7, 8, 2]), similarity).tolist() == [False, False, False, True, True]
