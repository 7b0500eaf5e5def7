"""A batch, answered at once in the format asked for, or made a job."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from service.auth import may_upload, owner_or_nobody
from service.dependencies import IS_REPLAY
from service.formats.writing import FORMATS, accepted, write
from service.operations.refusals import ReplayInvalid
from service.resources import Resources
from service.routes.jobs import accepted as accepted_job

__all__ = ["FILES", "as_job", "at_once", "format_of"]

#: For the ``responses`` of paths that answer with tables: every format but JSON, which has a model.
FILES: dict[str, Any] = {
    one.media_type.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}}
    for one in FORMATS.values()
    if one.name != "json"
}


def format_of(request: Request, asked: str | None, *, among: Iterable[str]) -> str:
    """Return the format of an answer: the one that was named, or the first that is accepted, or JSON."""
    by_header = accepted(request.headers.get("accept", ""))
    return asked or (by_header if by_header in set(among) else None) or "json"


async def at_once(
    resources: Resources,
    answer: Callable[[], Iterable[pa.Table]],
    meta: Callable[[], dict[str, Any]],
    fmt: str,
    *,
    stem: str,
) -> Response:
    """Answer now.

    Parameters
    ----------
    answer
        Gives the rows of the answer, block by block.
    meta
        What holds for all of them.
    stem
        Of the file name under which a browser saves it.
    """
    content = await resources.workers.run(partial(_written, answer, meta, fmt))
    return Response(content, headers=FORMATS[fmt].headers(stem))


async def as_job(
    request: Request,
    resources: Resources,
    kind: str,
    parameters: dict[str, Any],
    rows: pa.Table,
    *,
    fmt: str,
    chunk_rows: int,
) -> Response:
    """Make a job of the rows, and answer 202 with it.

    Raises
    ------
    KeyNeeded, KeyInvalid
        If the client may not leave anything here.
    ReplayInvalid
        If a replay token asks: a page that somebody opens could make jobs in their name.
    """
    if request.scope.get(IS_REPLAY):
        raise ReplayInvalid("Jobs have no replay token. Send the batch itself to make one.")
    await may_upload(request)
    owner = await owner_or_nobody(request)
    make = partial(
        resources.jobs.create, kind, parameters, iter([rows]), owner=owner, fmt=fmt, chunk_rows=chunk_rows
    )
    return accepted_job(await to_thread.run_sync(make))


def _written(answer: Callable[[], Iterable[pa.Table]], meta: Callable[[], dict[str, Any]], fmt: str) -> bytes:
    tables = iter(answer())
    first = next(tables)
    with tempfile.TemporaryDirectory(prefix="skylike-") as folder:
        path = Path(folder) / "answer"
        write(chain([first], tables), first.schema, path, fmt, meta=meta())
        return path.read_bytes()
