"""Labels as a file."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from service.answers import PRIVATE
from service.formats.writing import FORMATS, write
from service.operations.labels import LABEL_SCHEMA, tables

if TYPE_CHECKING:
    from service.records.labels import Which
    from service.resources import Resources

__all__ = ["label_file"]


async def label_file(
    resources: Resources, owner: str, which: Which, fmt: str, *, stem: str, meta: Mapping[str, Any]
) -> Response:
    """Answer with all labels that are asked for.

    Parameters
    ----------
    stem
        Of the name under which a browser saves it.
    meta
        JSON values that hold for all of them.
    """

    def written() -> bytes:
        with resources.sessions() as session, tempfile.TemporaryDirectory(prefix="skylike-") as folder:
            path = Path(folder) / "labels"
            write(tables(session, owner, which), LABEL_SCHEMA, path, fmt, meta=meta)
            return path.read_bytes()

    content = await resources.workers.run(written)
    return Response(content, headers={**FORMATS[fmt].headers(stem), **PRIVATE})
