"""From the body of an upload to a cutout."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from starlette.datastructures import UploadFile

from service.errors import UnreadableBody
from service.forms import form_of
from service.media import IMAGE_TYPES, check_declared, media_type_of
from service.sandbox import MAX_FILES

if TYPE_CHECKING:
    from starlette.requests import Request

    from service.resources import Resources
    from survey.ingest import Overrides, Understood

__all__ = ["Form", "read_files", "read_form", "understand"]

_MULTIPART = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Form:
    """A form that was sent.

    Attributes
    ----------
    files
        (name, bytes) each; the name is text, of which nothing is ever opened.
    types
        The media type that was declared for each file, or empty.
    fields
        The other fields by name.
    """

    files: list[tuple[str, bytes]]
    types: list[str]
    fields: dict[str, str]


async def read_form(request: Request, *, max_fields: int) -> Form:
    """Read a multipart form; a file field in which no file was chosen counts as not sent.

    Raises
    ------
    UnreadableBody
        If it holds no file.
    """
    async with form_of(request, max_files=MAX_FILES, max_fields=max_fields) as form:
        parts = form.multi_items()
        sent = [part for _, part in parts if isinstance(part, UploadFile) and (part.filename or part.size)]
        read = Form(
            files=[(_plain(part.filename), await part.read()) for part in sent],
            types=[media_type_of(part.content_type) for part in sent],
            fields={name: part for name, part in parts if isinstance(part, str)},
        )
    if not read.files:
        raise UnreadableBody("No file was sent. Choose a FITS, PNG or JPEG file.")
    return read


async def read_files(request: Request) -> list[tuple[str, bytes]]:
    """Read the files of a request that holds nothing else, a form or one raw body.

    Raises
    ------
    UnreadableBody
        If a form holds no file, or fields beside its files.
    CutoutRejected
        ``upload.type`` or ``upload.type_mismatch`` if a declared type is not taken or not true.
    """
    declared = media_type_of(request.headers.get("content-type"))
    if declared != _MULTIPART:
        data = await request.body()
        check_declared(declared, data, {**IMAGE_TYPES, _MULTIPART: frozenset()})
        return [("upload", data)]
    form = await read_form(request, max_fields=4)
    if form.fields:
        raise UnreadableBody(
            "Send the form with one to nine files and nothing else; options go in the query."
        )
    for kind, (_, data) in zip(form.types, form.files, strict=True):
        check_declared(kind, data, IMAGE_TYPES)
    return form.files


async def understand(
    resources: Resources, files: list[tuple[str, bytes]], overrides: Overrides
) -> Understood:
    """Read files in the sandbox, cut down to what the releases' models can look at."""
    read = partial(resources.sandbox.run, files, overrides, field_arcsec=resources.field_arcsec)
    return await resources.in_sandbox(read)


def _plain(name: str | None) -> str:
    """Return the last component of a file name; it is only ever searched for the name of a band."""
    text = (name or "upload").replace("\\", "/").rpartition("/")[2]
    return "".join(character for character in text if character.isprintable())[-200:]
