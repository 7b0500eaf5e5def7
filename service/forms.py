"""Multipart forms, read into memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Final

from starlette.formparsers import MultiPartException, MultiPartParser

from service.errors import UnreadableBody
from service.media import check_form_type, media_type_of

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request

__all__ = ["MAX_FIELD_BYTES", "form_of"]

MAX_FIELD_BYTES: Final = 16 << 10


class _InMemory(MultiPartParser):
    """Starlette's parser writes files beyond 1 MiB to the disk; here ``BodyLimit`` bounds the memory instead."""

    # 0 means without limit to SpooledTemporaryFile.
    spool_max_size = 0


@asynccontextmanager
async def form_of(request: Request, *, max_files: int, max_fields: int) -> AsyncIterator[FormData]:
    """Read a multipart form, whose files are gone when the block ends.

    Raises
    ------
    UnreadableBody
        If it is no such form, or has more files, fields or bytes in a field than it may.
    """
    check_form_type(request)
    if media_type_of(request.headers.get("content-type")) != "multipart/form-data":
        # What a browser sends of a form that was written without files in mind.
        raise UnreadableBody(
            "No file was sent: the body is no multipart/form-data. Choose a FITS, PNG or JPEG file."
        )
    try:
        async with aclosing(request.stream()) as stream:
            parser = _InMemory(
                request.headers,
                stream,
                max_files=max_files,
                max_fields=max_fields,
                max_part_size=MAX_FIELD_BYTES,
            )
            form = await parser.parse()
    except MultiPartException as error:
        raise UnreadableBody(error.message) from error
    try:
        yield form
    finally:
        await form.close()
