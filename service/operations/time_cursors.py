"""Cursors into lists by time, newest first."""

from __future__ import annotations

from datetime import datetime, timedelta

import orjson

from service.operations.cursors import UNCHANGED, read_values, urlsafe_text
from service.operations.refusals import CursorInvalid

__all__ = ["decode_cursor", "encode_cursor"]


def encode_cursor(moment: datetime, name: str) -> str:
    """Return the cursor behind the thing of a time and a name."""
    return urlsafe_text(orjson.dumps([moment.isoformat(), name]))


def decode_cursor(cursor: str) -> tuple[datetime, str]:
    """Return the time and the name of a cursor.

    Raises
    ------
    CursorInvalid
        If the cursor is none of ours.
    """
    moment, name = read_values(cursor, str, str)
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        raise CursorInvalid(UNCHANGED) from None
    if at.utcoffset() != timedelta(0) or not name.isalnum():
        raise CursorInvalid(UNCHANGED)
    return at, name
