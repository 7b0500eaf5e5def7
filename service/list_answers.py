"""What a request asks of a list, and the answer: a page of JSON, or a file of all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Final

from fastapi import Depends, Query
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from service.answers import answer
from service.asked import asked_of
from service.batch_answers import FILES as TABLES
from service.batch_answers import format_of
from service.batch_parameters import TableFormat
from service.formats.writing import FORMATS, write
from service.lists import ObjectList, chosen_names
from service.operations.list_cursors import decode_list_cursor, encode_list_cursor
from service.operations.refusals import ReleaseMismatch
from service.parameters import Cursor

if TYPE_CHECKING:
    from service.asked import Asked
    from service.resources import Resources
    from service.served import Served

__all__ = ["FILES", "LIST_PROBLEMS", "ListAsked", "Listed", "list_answer", "list_begun"]

#: Objects of a page of JSON, of one where nobody says how many, and of a file.
MOST_IN_PAGE: Final = 1000
IN_PAGE: Final = 50
MOST_IN_FILE: Final = 100_000
#: What every list may be refused for.
LIST_PROBLEMS: Final = (
    "request.headers_too_large",
    "survey.not_found",
    "release.not_found",
    "release.mismatch",
    "filter.invalid",
    "cursor.invalid",
    "cursor.mismatch",
    "cursor.expired",
    "client.too_many",
    "service.busy",
)
_FORMATS: Final = ("json", "csv", "votable", "fits", "parquet")
#: For the ``responses`` of lists: the formats beside JSON, which has a model.
FILES: Final = {kind: content for kind, content in TABLES.items() if kind != "application/x-hdf5"}
_PIECE_BYTES: Final = 1 << 18

ListLimit = Annotated[
    int | None,
    Query(
        ge=1,
        le=MOST_IN_FILE,
        description=(
            f"Objects in the answer: of JSON a page, {IN_PAGE} by default and at most {MOST_IN_PAGE}; of a file all, up to "
            f"{MOST_IN_FILE}."
        ),
    ),
]
ListColumns = Annotated[
    str | None,
    Query(
        max_length=8000,
        description="Further columns of the release to be told, with commas between; `*` for all of them.",
        examples=["flux_r,r50_arcsec"],
    ),
]


@dataclass(frozen=True, slots=True)
class ListAsked:
    """How much of a list is asked for, and how it is written.

    Attributes
    ----------
    fmt
        None where the ``Accept`` header decides.
    """

    limit: int | None = None
    cursor: str | None = None
    fmt: str | None = None
    columns: str | None = None


def _list_asked(
    *, limit: ListLimit = None, cursor: Cursor = None, fmt: TableFormat = None, columns: ListColumns = None
) -> ListAsked:
    return ListAsked(limit, cursor, fmt, columns)


#: What a request's query parameters ask of a list; its filters are :data:`service.selection_parameters.Selected`.
Listed = Annotated[ListAsked, Depends(_list_asked)]


def list_begun(
    resources: Resources, asked: Asked, cursor: str | None, *, survey: str | None, release: str | None
) -> tuple[Served, int]:
    """Return the release whose list is asked for, and where the page begins: what a cursor says goes.

    Raises
    ------
    CursorInvalid, CursorMismatch, CursorExpired
        If the cursor does not continue this list.
    ReleaseMismatch
        If the request names another release beside it.
    """
    if cursor is None:
        return resources.choose(survey, release), 0
    continued, start = decode_list_cursor(cursor, digest=asked.digest(), served=resources.releases.keys())
    if (survey or release) and resources.choose(survey, release).release.id != continued:
        raise ReleaseMismatch(f"The cursor continues a list of release {continued}; name no other beside it.")
    return resources.releases[continued], start


async def list_answer(
    request: Request,
    resources: Resources,
    asked: ListAsked,
    make: Callable[[Served, int], tuple[ObjectList, Mapping[str, Any]]],
    *,
    survey: str | None,
    release: str | None,
    stem: str,
    state: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with a page of a list, or with a file of it.

    Parameters
    ----------
    make
        Gives the list of a release whose first so many objects will have been given, and what is said of them: the
        members of the answer beside ``release``, ``n_total``, ``next_cursor`` and ``objects``. It runs in a thread.
    stem
        Of the name under which a browser saves a file, before the survey's.
    state
        What the list depends on beside the release: when that changes, cursors end.
    headers
        Of the answer.
    """
    question, fmt = asked_of(request, state), format_of(request, asked.fmt, among=_FORMATS)
    served, start = list_begun(resources, question, asked.cursor, survey=survey, release=release)
    part = _Part(served, make, start, _limit_of(asked.limit, fmt), question.digest(), asked.columns)
    if fmt == "json":
        return answer(await resources.workers.run(part.page), headers=dict(headers or {}))
    with resources.fairness.hold(request.client.host if request.client else ""):
        file, n_bytes, has_more = await resources.workers.run(partial(part.file, fmt))
    own = {**FORMATS[fmt].headers(f"{stem}-{served.survey}"), "content-length": str(n_bytes)}
    if has_more:
        own["X-Overflow"] = "true"
    return StreamingResponse(_pieces(file), headers={**own, **(headers or {})})


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A part of a list that is asked for."""

    served: Served
    make: Callable[[Served, int], tuple[ObjectList, Mapping[str, Any]]]
    start: int
    limit: int
    digest: str
    columns: str | None

    def page(self) -> dict[str, Any]:
        listed, names, members = self._made()
        return {**members, "objects": listed.page(self.start, self.limit, names)}

    def file(self, fmt: str) -> tuple[IO[bytes], int, bool]:
        """Write a file that has no name any more when it is sent, so that none is left behind."""
        listed, names, members = self._made()
        folder = Path(tempfile.mkdtemp(prefix="skylike-"))
        try:
            path = folder / "list"
            tables = listed.tables(self.start, self.limit, names)
            write(tables, listed.schema(names), path, fmt, meta=members)
            return path.open("rb"), path.stat().st_size, members["next_cursor"] is not None
        finally:
            shutil.rmtree(folder)

    def _made(self) -> tuple[ObjectList, tuple[str, ...], dict[str, Any]]:
        served, end = self.served, self.start + self.limit
        listed, members = self.make(served, end)
        n = len(listed.rows)
        cursor = encode_list_cursor(served.release.id, self.digest, end) if end < n else None
        names = chosen_names(served.release, self.columns, listed.fields)
        return listed, names, {"release": served.block, **members, "n_total": n, "next_cursor": cursor}


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _limit_of(limit: int | None, fmt: str) -> int:
    if fmt != "json":
        return limit or MOST_IN_FILE
    if limit is not None and limit > MOST_IN_PAGE:
        message = f"is {limit}; a page of JSON has at most {MOST_IN_PAGE}: ask for a file (format=csv), or page by page"
        raise RequestValidationError([{"type": "value_error", "loc": ("query", "limit"), "msg": message}])
    return limit or IN_PAGE
