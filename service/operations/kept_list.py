"""What an owner keeps, told in pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.operations.time_cursors import decode_cursor, encode_cursor
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
    rows = list_uploads(
        session, owner, limit=limit + 1, before=None if cursor is None else decode_cursor(cursor)
    )
    page, kept = rows[:limit], usage(session, owner)
    return {
        "owner": owner,
        "n_total": kept.n,
        "n_bytes": kept.n_bytes,
        "most": settings.kept_per_owner,
        "most_bytes": settings.kept_bytes_per_owner,
        "next_cursor": encode_cursor(page[-1].created_at, page[-1].id) if len(rows) > limit else None,
        "uploads": [told(row) for row in page],
    }
