"""Times with their zone, as texts."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, WithJsonSchema

__all__ = ["Moment"]

# RFC 3339, with a blank for T as people write it; a number would be read as seconds since 1970.
_TEXT: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)


def _moment(value: Any) -> datetime:
    if not isinstance(value, str) or _TEXT.fullmatch(value) is None:
        raise ValueError("write a time with its zone: 2026-11-22T04:05:06Z")
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time lies before year 1 or after 9999 in UTC") from error


#: A time of any zone, brought to UTC.
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-22T04:05:06Z"]}),
]
