"""JSON bytes as answers, without a response model on the way."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response

__all__ = ["JSONAnswer", "answer"]

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_SERIALIZE_DATACLASS | orjson.OPT_NON_STR_KEYS


class JSONAnswer(Response):
    """An ``application/json`` response; NaN and infinities become null."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Serialise with orjson; NumPy scalars and arrays are understood."""
        return orjson.dumps(content, option=_OPTIONS)


def answer(content: dict[str, Any], *, headers: dict[str, str] | None = None) -> JSONAnswer:
    """Wrap a finished answer."""
    return JSONAnswer(content, headers=headers)
