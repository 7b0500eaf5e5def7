"""Cursors into lists by time, newest first."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timedelta

import orjson

from service.operations.refusals import CursorInvalid

__all__ = ["decode_cursor", "encode_cursor"]


def encode_cursor(moment: datetime, name: str) -> str:
    """Return the cursor behind the thing of a time and a name."""
    return base64.urlsafe_b64encode(orjson.dumps([moment.isoformat(), name])).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[datetime, str]:
    """Return the time and the name of a cursor.

    Raises
    ------
    CursorInvalid
        If the cursor is none of ours.
    """
    try:
        moment, name = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        at = datetime.fromisoformat(moment)
        is_ours = at.utcoffset() == timedelta(0) and isinstance(name, str) and name.isalnum()
    except (binascii.Error, ValueError, TypeError):
        is_ours = False
    if not is_ours:
        raise CursorInvalid("Give `next_cursor` of the page before, unchanged, or none for the first page.")
    return at, name
