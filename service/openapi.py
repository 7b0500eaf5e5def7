"""The committed OpenAPI document: written, and compared so that no released client breaks.

``python -m service.openapi`` writes ``docs/api/openapi.json``; with ``--check`` it compares instead, and ends with
status 1 if the code's document breaks the committed one or differs from it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from service.compatibility import breaking_changes

__all__ = ["DOCUMENT", "document", "rendered"]

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "api" / "openapi.json"


def document() -> dict[str, Any]:
    """Return the document of the code as it is."""
    from service.main import create_app  # noqa: PLC0415 - the comparison needs no application
    from service.settings import Settings  # noqa: PLC0415

    return create_app(Settings()).openapi()


def rendered(schema: Mapping[str, Any]) -> bytes:
    """Return a document as it is committed."""
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def _main(arguments: list[str]) -> int:
    current = document()
    if "--check" not in arguments:
        DOCUMENT.parent.mkdir(parents=True, exist_ok=True)
        DOCUMENT.write_bytes(rendered(current))
        return 0
    committed = orjson.loads(DOCUMENT.read_bytes())
    broken = breaking_changes(committed, current)
    sys.stderr.writelines(f"breaking: {change}\n" for change in broken)
    if not broken and DOCUMENT.read_bytes() != rendered(current):
        sys.stderr.write(f"{DOCUMENT.name} is not that of the code; write it: python -m service.openapi\n")
        return 1
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
