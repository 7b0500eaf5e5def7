"""Cursors into lists of objects: which list of which release, and how many objects of it were given."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import orjson

from service.operations.cursors import UNCHANGED, check_continues, read_values, urlsafe_text
from service.operations.refusals import CursorInvalid

__all__ = ["decode_list_cursor", "encode_list_cursor"]

_MOST: Final = 1 << 40


def encode_list_cursor(release: str, digest: str, start: int) -> str:
    """Return an opaque text that continues a list behind its first ``start`` objects.

    By their number, since a release is frozen: the same question has the same list as long as it is served.

    Parameters
    ----------
    digest
        Of the question (:meth:`service.asked.Asked.digest`).
    """
    return urlsafe_text(orjson.dumps([release, digest, start]))


def decode_list_cursor(text: str, *, digest: str, served: Collection[str]) -> tuple[str, int]:
    """Return the release and how many objects of its list were given.

    Parameters
    ----------
    digest
        Of the question that it is sent with.
    served
        Ids of the releases that are served.

    Raises
    ------
    CursorInvalid
        If the cursor is none of ours.
    CursorMismatch
        If it continues the list of another question.
    CursorExpired
        If its release is not served any more.
    """
    release, own, start = read_values(text, str, str, int)
    if not 0 < start < _MOST:
        raise CursorInvalid(UNCHANGED)
    check_continues(release, own, digest=digest, served=served, changeable="`limit`, `format` and `columns`")
    return release, start
