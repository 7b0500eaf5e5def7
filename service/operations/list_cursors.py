"""Cursors into lists of objects: which list of which release, and how many objects of it were given."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection
from typing import Final

import orjson

from service.operations.cursors import urlsafe_text
from service.operations.refusals import CursorExpired, CursorInvalid, CursorMismatch

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
    try:
        values = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        release, own, start = values
        is_ours = [type(value) for value in values] == [str, str, int] and 0 < start < _MOST
    except (binascii.Error, ValueError, TypeError):
        is_ours = False
    if not is_ours:
        raise CursorInvalid("Give `next_cursor` of the page before, unchanged, or none for the first page.")
    if own != digest:
        raise CursorMismatch(
            "This cursor continues another list. Send the parameters of the page before; only `limit`, `format` and "
            "`columns` may change."
        )
    if release not in served:
        raise CursorExpired(
            f"The list that this cursor continues is of release {release}, which is no longer served. Begin again without a cursor."
        )
    return release, start
