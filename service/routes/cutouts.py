"""Images of objects."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from service.dependencies import StrictRoute, resources_of
from service.operations import cutouts
from service.parameters import ImageFormat, ObjectId, SurveyName
from service.resources import Resources
from service.routes.replies import COMMON, problems
from survey.archive import SurveyFolder, UnknownObject

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["images"], route_class=StrictRoute)

_LOST = ("survey.not_found", "object.not_found", "cutout.unavailable")
_IMAGE = {"schema": {"type": "string", "format": "binary"}}
_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The image that `If-None-Match` names is still the same."}
}

Zoom = Annotated[
    int, Query(ge=1, le=8, description="Display pixels per survey pixel; the side stays within 1024 pixels.")
]
Version = Annotated[
    str | None,
    Query(
        alias="v",
        pattern="^[0-9a-f]{8,64}$",
        description="The survey's hash, or its beginning: with it the answer may be cached for ever.",
    ),
]


@router.get(
    "/objects/{object_id}/cutout",
    summary="Image of an object",
    description=(
        "The stored field: PNG and WebP in colour (Lupton et al. 2004); FITS with the calibrated planes, inverse "
        "variances and mask, in nanomaggies. Pixels are as imported: north is up unless the object's "
        "`north_angle_deg` says otherwise; FITS has it in its WCS."
    ),
    response_class=Response,
    responses={
        200: {"description": "The image.", "content": dict.fromkeys(cutouts.MEDIA_TYPES.values(), _IMAGE)},
        **_NOT_MODIFIED,
        **problems(*COMMON, *_LOST, "cutout.no_flux", "service.busy"),
    },
)
async def cutout(
    request: Request,
    *,
    object_id: ObjectId,
    kind: ImageFormat = "png",
    zoom: Zoom = 1,
    scale_bar: Annotated[bool, Query(description="Draw a bar of round length.")] = False,
    survey: SurveyName = None,
    version: Version = None,
) -> Response:
    resources = resources_of(request)
    folder = _folder(resources, object_id, survey)
    tag = cutouts.etag(folder, object_id, kind, zoom, int(scale_bar))
    headers = _caching(folder, tag, version)
    if _is_known(request, tag):
        return Response(status_code=304, headers=headers)
    data = await resources.workers.run(
        partial(cutouts.render, folder, object_id, kind, zoom=zoom, scale_bar=scale_bar)
    )
    name = "".join(c if c.isascii() and c.isalnum() else "_" for c in object_id)
    headers["Content-Disposition"] = (
        f'{"attachment" if kind == "fits" else "inline"}; filename="{name}.{kind}"'
    )
    return Response(data, media_type=cutouts.MEDIA_TYPES[kind], headers=headers)


@router.get(
    "/objects/{object_id}/thumbnail.webp",
    summary="Small image of an object",
    description="The thumbnail that was rendered when the survey was made.",
    response_class=Response,
    responses={
        200: {"description": "The image.", "content": {"image/webp": _IMAGE}},
        **_NOT_MODIFIED,
        **problems(*COMMON, *_LOST),
    },
)
async def thumbnail(
    request: Request, object_id: ObjectId, survey: SurveyName = None, version: Version = None
) -> Response:
    folder = _folder(resources_of(request), object_id, survey)
    tag = cutouts.etag(folder, object_id, "thumbnail")
    headers = _caching(folder, tag, version)
    if _is_known(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(cutouts.thumbnail(folder, object_id), media_type="image/webp", headers=headers)


def _folder(resources: Resources, object_id: str, survey: str | None) -> SurveyFolder:
    folder = resources.folder(survey)
    try:
        folder.row_of(object_id)
    except UnknownObject as error:
        raise resources.not_found(object_id, folder.info.name) from error
    return folder


def _caching(folder: SurveyFolder, tag: str, version: str | None) -> dict[str, str]:
    # Only an address that carries the survey's hash can never come to mean another image.
    is_pinned = version is not None and folder.version.startswith(version)
    return {
        "ETag": tag,
        "Cache-Control": "public, max-age=31536000, immutable" if is_pinned else "public, max-age=300",
    }


def _is_known(request: Request, tag: str) -> bool:
    given = request.headers.get("if-none-match", "")
    return given == "*" or tag in [item.strip().removeprefix("W/") for item in given.split(",")]
