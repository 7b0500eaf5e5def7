"""What FastAPI found wrong with a request, as text that any client can read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["clean", "listed"]


def listed(found: Sequence[Any]) -> list[dict[str, str]]:
    """Name each field with what is wrong with it; nothing that was sent is repeated but names."""
    return [
        {
            "field": _field(item["loc"]),
            "message": clean(item["msg"].removeprefix("Value error, "), 300),
        }
        for item in found
    ]


def _field(location: Sequence[Any]) -> str:
    return ".".join(clean(str(part), 64) for part in location[1:]) or str(location[0])


def clean(text: str, limit: int) -> str:
    """Return text without control characters and lone surrogates, and not endless."""
    text = text.encode("utf-8", "replace").decode()
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:limit])
