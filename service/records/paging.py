"""Pages of rows, newest first."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_

__all__ = ["newest_first"]


def newest_first(
    query: Select[Any],
    created_at: ColumnElement[datetime],
    key: ColumnElement[str],
    *,
    limit: int,
    before: tuple[datetime, str] | None,
) -> Select[Any]:
    """Return one page of a query.

    Parameters
    ----------
    key
        Tells rows of one moment apart.
    before
        Time and key of the last row of the page before.
    """
    if before is not None:
        moment, last = before
        query = query.where(or_(created_at < moment, and_(created_at == moment, key < last)))
    return query.order_by(created_at.desc(), key.desc()).limit(limit)
