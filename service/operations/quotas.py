"""How much one owner may keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from service.operations.refusals import QuotaReached
from service.records.uploads import usage

if TYPE_CHECKING:
    from service.settings import Settings

__all__ = ["check_quota"]


def check_quota(settings: Settings, session: Session, owner: str, n_bytes: int) -> None:
    """Ask whether an owner may keep one more upload.

    Parameters
    ----------
    n_bytes
        That it will take on the disk.

    Raises
    ------
    QuotaReached
        If the owner would keep too many, or too much.
    """
    kept = usage(session, owner)
    if kept.n >= settings.kept_per_owner:
        raise QuotaReached(
            f"You keep {kept.n} uploads; the limit is {settings.kept_per_owner}. Delete some (DELETE /api/v1/uploads/ID).",
            limit=settings.kept_per_owner,
            got=kept.n,
        )
    if kept.n_bytes + n_bytes > settings.kept_bytes_per_owner:
        raise QuotaReached(
            f"Your uploads take {kept.n_bytes} bytes and this one {n_bytes}; the limit is "
            f"{settings.kept_bytes_per_owner}. Delete some (DELETE /api/v1/uploads/ID).",
            limit=settings.kept_bytes_per_owner,
            got=kept.n_bytes + n_bytes,
        )
