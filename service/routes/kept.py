"""Uploads that are kept: listed, shown, asked again, deleted."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from service.answers import PRIVATE, JSONAnswer
from service.asked import asked_of_kept
from service.auth import NeedsOwner, owner_needed
from service.certificate import sealed
from service.dependencies import InSession, StrictRoute, resources_of
from service.operations import keeping, kept_files, uploads
from service.operations.kept_list import listed, told
from service.operations.refusals import NoFlux
from service.parameters import Cursor, K, Limit, ReleaseName
from service.records.uploads import UploadRow
from service.resources import Resources
from service.routes.replies import COMMON, SECURITY, problems
from service.schemas.kept import KeptUploads, UploadRecord
from service.schemas.uploads import UploadAnswer
from service.served import Served
from service.stored_pixels import FITS, PNG

__all__ = ["UploadId", "router"]

router = APIRouter(prefix="/api/v1/uploads", tags=["uploads"], route_class=StrictRoute)

_OWN = ("auth.key_needed", "auth.key_invalid", "database.unavailable")
_ONE = (*_OWN, "upload.not_found", "storage.unavailable")
_IMAGE = {"schema": {"type": "string", "format": "binary"}}

UploadId = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{32}$",
        description="`query.upload_id` of an upload sent with `keep=true`.",
        examples=["5f0c3a9d7be2441c8a6f1e0d2b3c4d5e"],
    ),
]
Format = Annotated[
    Literal["fits", "png"],
    Query(alias="format", description="`fits`: the stored planes; `png`: in colour."),
]


@router.get(
    "",
    summary="Your kept uploads",
    description="Those sent with `keep=true` in the name in which you ask, newest first.",
    response_model=KeptUploads,
    responses=problems(*COMMON, *_OWN, "cursor.invalid"),
    openapi_extra=SECURITY,
)
def kept_uploads(
    request: Request, owner: NeedsOwner, session: InSession, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    settings = resources_of(request).settings
    return _private(listed(session, settings, owner.name, limit=limit, cursor=cursor))


@router.get(
    "/{upload_id}",
    summary="One kept upload",
    description="What was sent, what was stored of it, and the account of how it was read.",
    response_model=UploadRecord,
    responses=problems(*COMMON, *_ONE, "upload.lost"),
    openapi_extra=SECURITY,
)
def kept_upload(request: Request, upload_id: UploadId, owner: NeedsOwner, session: InSession) -> Response:
    row = kept_files.find(session, owner.name, upload_id)
    report = kept_files.report(resources_of(request), row)
    return _private(
        {
            "upload": told(row),
            "provenance": row.about["provenance"],
            "ingest": report.to_json(),
        }
    )


@router.delete(
    "/{upload_id}",
    summary="Delete a kept upload",
    description="It is gone at once, and so are its pixels; that it was there stays in the audit trail, its pixels do not.",
    status_code=204,
    response_class=Response,
    responses={
        204: {"description": "It is deleted."},
        **problems(*COMMON, *_ONE, "upload.keep_off"),
    },
    openapi_extra=SECURITY,
)
def delete_upload(request: Request, upload_id: UploadId, owner: NeedsOwner) -> Response:
    keeping.forget(resources_of(request), owner=owner.name, upload_id=upload_id)
    return Response(status_code=204, headers=PRIVATE)


@router.get(
    "/{upload_id}/cutout",
    summary="Image of a kept upload",
    description="The stored pixels: FITS with calibrated planes, inverse variances and mask, or a picture in colour.",
    response_class=Response,
    responses={
        200: {"description": "The image.", "content": {"image/fits": _IMAGE, "image/png": _IMAGE}},
        **problems(*COMMON, *_ONE, "upload.lost", "cutout.no_flux", "client.too_many", "service.busy"),
    },
    openapi_extra=SECURITY,
)
async def kept_cutout(request: Request, upload_id: UploadId, kind: Format = "png") -> Response:
    resources = resources_of(request)
    row = await _row(request, upload_id)
    # A list of uploads asks for as many pictures at once as a browser has connections: they wait for a worker.
    with resources.fairness.hold(_client(request)) if kind == "fits" else nullcontext():
        data = await resources.workers.run(partial(_image, resources, row, kind))
    place = "attachment" if kind == "fits" else "inline"
    headers = {**PRIVATE, "Content-Disposition": f'{place}; filename="{upload_id}.{kind}"'}
    return Response(data, media_type=f"image/{kind}", headers=headers)


@router.get(
    "/{upload_id}/neighbours",
    summary="Neighbours of a kept upload",
    description=(
        "The answer that the upload was given, computed again from the stored pixels; by the release that answered "
        "first, while it is served, unless another one is named."
    ),
    response_model=UploadAnswer,
    responses=problems(
        *COMMON,
        *_ONE,
        "upload.lost",
        "release.not_found",
        "fits.band_missing",
        "upload.no_release",
        "client.too_many",
        "service.busy",
    ),
    openapi_extra=SECURITY,
)
async def kept_neighbours(
    request: Request, upload_id: UploadId, k: K = 10, release: ReleaseName = None
) -> Response:
    resources = resources_of(request)
    if release is not None:
        resources.choose(release=release)
    row = await _row(request, upload_id)
    first = row.release_id if row.release_id in resources.releases else None
    with resources.fairness.hold(_client(request)):
        again = partial(_again, resources, row, k, release or first)
        served, body = await resources.workers.run(again)
    body["search"] = sealed(body["search"], replay=asked_of_kept(upload_id, k).token(served))
    return _private(body)


def _again(
    resources: Resources, row: UploadRow, k: int, release: str | None
) -> tuple[Served, dict[str, Any]]:
    understood = kept_files.pixels(resources, row)
    prepared = uploads.prepare(resources, understood, survey=None, release=release)
    body = uploads.answer(prepared, k)
    body["query"]["upload_id"] = row.id
    return prepared.served, body


def _image(resources: Resources, row: UploadRow, kind: Literal["fits", "png"]) -> bytes:
    if kind == "fits" and row.about["kind"] == "display":
        raise NoFlux("The upload is a picture without fluxes. Ask for format=png.")
    name = {"fits": FITS, "png": PNG}[kind]
    files = kept_files.stored_files(resources, row)
    if name in files:
        return files[name]
    from survey.rendering import encode, to_rgb  # noqa: PLC0415 - loads the image codecs

    return encode(to_rgb(kept_files.pixels(resources, row).cutout), "png")


async def _row(request: Request, upload_id: str) -> UploadRow:
    resources, owner = resources_of(request), await owner_needed(request)

    def ask() -> UploadRow:
        with resources.sessions() as session:
            return kept_files.find(session, owner.name, upload_id)

    return await to_thread.run_sync(ask)


def _client(request: Request) -> str:
    return request.client.host if request.client else ""


def _private(content: dict[str, Any]) -> Response:
    return JSONAnswer(content, headers=PRIVATE)
