"""JSON bytes as answers, without a response model on the way."""

from __future__ import annotations

from typing import Any, Final

import orjson
from starlette.responses import JSONResponse

__all__ = ["PRIVATE", "JSONAnswer", "answer"]

#: Headers of what is one person's: neither a proxy nor another person's browser may have it.
PRIVATE: Final = {"Cache-Control": "private, no-store", "Vary": "Authorization"}

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_SERIALIZE_DATACLASS | orjson.OPT_NON_STR_KEYS


class JSONAnswer(JSONResponse):
    """An ``application/json`` response; NaN and infinities become null.

    A subclass of Starlette's own, since FastAPI describes the body of any other class as a string.
    """

    def render(self, content: Any) -> bytes:
        """Serialise with orjson; NumPy scalars and arrays are understood."""
        return orjson.dumps(content, option=_OPTIONS)


def answer(content: dict[str, Any], *, headers: dict[str, str] | None = None) -> JSONAnswer:
    """Wrap a finished answer."""
    return JSONAnswer(content, headers=headers)
