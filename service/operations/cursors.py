"""Cursors into lists of hits: which list of which release, and the last hit given."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from service.operations.refusals import CursorExpired, CursorInvalid, CursorMismatch

__all__ = [
    "MOST_HITS",
    "UNCHANGED",
    "HitCursor",
    "after",
    "check_continues",
    "decode_hit_cursor",
    "digest_of",
    "encode_hit_cursor",
    "read_values",
    "urlsafe_text",
]

#: Hits of one list, all pages together.
MOST_HITS: Final = 10_000
#: What a refusal of a cursor that is none of ours says.
UNCHANGED: Final = "Give `next_cursor` of the page before, unchanged, or none for the first page."

_URLSAFE = bytes.maketrans(b"+/", b"-_")


@dataclass(frozen=True, slots=True)
class HitCursor:
    """The end of a page.

    Attributes
    ----------
    release
        Id of the release that the list is of.
    digest
        Of the question (:func:`digest_of`).
    n_given
        Hits of this and all pages before.
    similarity, row
        The last hit.
    """

    release: str
    digest: str
    n_given: int
    similarity: float
    row: int


def digest_of(path: bytes, query: bytes, body: bytes | None) -> str:
    """Return a short hash of a question: the order of its parameters does not count."""
    parts = b"&".join(sorted(query.split(b"&"))) if b"&" in query else query
    whole = b"%b\0%b" % (path, parts) if body is None else b"\0".join((path, parts, body))
    return hashlib.blake2b(whole, digest_size=9).hexdigest()


def encode_hit_cursor(cursor: HitCursor) -> str:
    """Return an opaque text."""
    values = [cursor.release, cursor.digest, cursor.n_given, cursor.similarity, cursor.row]
    return urlsafe_text(orjson.dumps(values))


def urlsafe_text(data: bytes) -> str:
    """Return base64 for URLs, without padding."""
    return binascii.b2a_base64(data, newline=False).translate(_URLSAFE).rstrip(b"=").decode()


def decode_hit_cursor(text: str, *, digest: str, served: Collection[str]) -> HitCursor:
    """Return where a page ended.

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
    release, own, n_given, similarity, row = read_values(text, str, str, int, float, int)
    if not (-1 <= similarity <= 1 and 0 < n_given < MOST_HITS and row >= 0):
        raise CursorInvalid(UNCHANGED)
    check_continues(release, own, digest=digest, served=served, changeable="`k`")
    return HitCursor(release, own, n_given, similarity, row)


def read_values(text: str, *kinds: type) -> list[Any]:
    """Return the values of a cursor, which must be of these types.

    Raises
    ------
    CursorInvalid
        If it is none of ours.
    """
    try:
        values = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        values = None
    if not isinstance(values, list) or [type(value) for value in values] != list(kinds):
        raise CursorInvalid(UNCHANGED)
    return values


def check_continues(release: str, own: str, *, digest: str, served: Collection[str], changeable: str) -> None:
    """Check that a cursor continues the list that is asked for, of a release that is served.

    Parameters
    ----------
    release, own
        What the cursor says: its release, and the digest of its question.
    changeable
        Parameters that may differ from those of the page before, in words.

    Raises
    ------
    CursorMismatch
        If it continues the list of another question.
    CursorExpired
        If its release is not served any more.
    """
    if own != digest:
        raise CursorMismatch(
            f"This cursor continues another list. Send the parameters of the page before; only {changeable} may change."
        )
    if release not in served:
        raise CursorExpired(
            f"The list that this cursor continues is of release {release}, which is no longer served. Begin again without a cursor."
        )


def after(cursor: HitCursor, rows: NDArray[np.int64], similarity: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which hits come behind a cursor: less similar, or as similar and of a later row.

    By the last hit and not by its number, so that an approximate search that finds more the second time repeats none.
    """
    last = np.float32(cursor.similarity)
    behind: NDArray[np.bool_] = (similarity < last) | ((similarity == last) & (rows > cursor.row))
    return behind
