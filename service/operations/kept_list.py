"""What an owner keeps, told in pages."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from service.operations.refusals import CursorInvalid
from service.records.uploads import UploadRow, list_uploads, usage

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.settings import Settings

__all__ = ["listed", "told"]

_SHOWN = ("kind", "bands", "shape", "ra_deg", "dec_deg", "pixel_scale_arcsec", "is_calibrated")


def told(row: UploadRow) -> dict[str, Any]:
    """Return what lists say of an upload."""
    return {
        "upload_id": row.id,
        "created_at": row.created_at.isoformat(timespec="microseconds"),
        "n_bytes": row.n_bytes,
        "release": row.release_id,
        **{name: row.about[name] for name in _SHOWN},
        "sent": row.about["sent"],
        "overrides": row.about["overrides"],
    }


def listed(
    session: Session, settings: Settings, owner: str, *, limit: int, cursor: str | None
) -> dict[str, Any]:
    """Return one page of an owner's uploads, newest first, with the cursor of the next.

    Raises
    ------
    CursorInvalid
        If the cursor is none of ours.
    """
    rows = list_uploads(session, owner, limit=limit + 1, before=None if cursor is None else _decode(cursor))
    page, kept = rows[:limit], usage(session, owner)
    return {
        "owner": owner,
        "n_total": kept.n,
        "n_bytes": kept.n_bytes,
        "most": settings.kept_per_owner,
        "most_bytes": settings.kept_bytes_per_owner,
        "next_cursor": _encode(page[-1]) if len(rows) > limit else None,
        "uploads": [told(row) for row in page],
    }


def _encode(row: UploadRow) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([row.created_at.isoformat(), row.id])).decode().rstrip("=")


def _decode(cursor: str) -> tuple[datetime, str]:
    try:
        moment, upload_id = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        at = datetime.fromisoformat(moment)
        is_ours = at.utcoffset() == timedelta(0) and isinstance(upload_id, str) and upload_id.isalnum()
    except (binascii.Error, ValueError, TypeError):
        is_ours = False
    if not is_ours:
        raise CursorInvalid("Give `next_cursor` of the page before, unchanged, or none for the first page.")
    return at, upload_id
