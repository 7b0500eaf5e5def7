"""Neighbours by upload."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from service.answers import answer
from service.auth import may_upload
from service.dependencies import StrictRoute, resources_of
from service.operations import uploads
from service.parameters import K, OptionalDecDeg, OptionalRaDeg, ReleaseName, SurveyName
from service.routes.replies import COMMON, problems
from service.sandbox import MAX_FILES
from service.schemas.uploads import UploadAnswer
from service.upload_bodies import read_files, understand
from survey.ingest import CutoutRejected, Overrides, parse_zeropoints

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["neighbours"], route_class=StrictRoute)

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": (
            "One file as the raw body, or a form with up to nine single-band FITS files of one galaxy, in any order. "
            "FITS may be compressed by tiles (RICE, GZIP) or as a whole (gzip, bzip2)."
        ),
        "content": {
            "image/fits": _BINARY,
            "image/png": _BINARY,
            "image/jpeg": _BINARY,
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": MAX_FILES,
                            "items": {"type": "string", "format": "binary"},
                        }
                    },
                    "required": ["file"],
                    "additionalProperties": False,
                }
            },
        },
    }
}

Bands = Annotated[
    str | None,
    Query(
        max_length=200,
        pattern=r"^[A-Za-z0-9:,_ -]+$",
        description="The planes in order, or one band per file: `sdss-ugriz`, `sdss:g,sdss:r` or `grz`.",
    ),
]
HDU = Annotated[int | None, Query(ge=0, le=1000, description="The HDU whose image is meant, from 0.")]
ZeroPoint = Annotated[
    str | None,
    Query(
        max_length=300,
        pattern=r"^[0-9+., -]*$",
        description="AB magnitude of one count; or one for each band with commas between, in the order of the bands.",
    ),
]
PixelScale = Annotated[
    float | None,
    Query(ge=1e-3, le=100, allow_inf_nan=False, description="Arcsec per pixel; overrides the header."),
]
DryRun = Annotated[bool, Query(description="Only say what was understood and which release would answer.")]


@router.post(
    "/neighbours/upload",
    summary="Neighbours of an uploaded galaxy",
    description=(
        "Send a FITS cutout, a PNG or a JPEG. It is read in a sandbox, calibrated for the release whose bands it has "
        "(`ingest` says how, step by step), and not kept. Pictures give similarity only, no redshift. What the file does "
        "not say can be said in the query; what was understood wrongly can be overruled there."
    ),
    response_model=UploadAnswer,
    responses=problems(
        *COMMON,
        "request.unreadable",
        "request.too_large",
        "upload.type",
        "upload.type_mismatch",
        "upload.crashed",
        "upload.timeout",
        "upload.unpacked_too_large",
        "auth.key_needed",
        "auth.key_invalid",
        "upload.keep_off",
        "fits.no_image",
        "fits.band_unknown",
        "fits.band_missing",
        "fits.no_wcs",
        "survey.not_found",
        "release.not_found",
        "release.mismatch",
        "client.too_many",
        "service.busy",
    ),
    openapi_extra=_BODY,
)
async def neighbours_by_upload(
    request: Request,
    *,
    k: K = 10,
    survey: SurveyName = None,
    release: ReleaseName = None,
    bands: Bands = None,
    hdu: HDU = None,
    zeropoint: ZeroPoint = None,
    pixscale: PixelScale = None,
    ra_deg: OptionalRaDeg = None,
    dec_deg: OptionalDecDeg = None,
    dry_run: DryRun = False,
) -> Response:
    resources = resources_of(request)
    await may_upload(request)
    try:
        overrides = Overrides(bands, hdu, parse_zeropoints(zeropoint), pixscale, ra_deg, dec_deg)
    except ValueError as error:
        raise CutoutRejected("request.invalid", f"{str(error).capitalize()}.") from error
    # A release that is not served is said before the file is read.
    resources.choose(survey, release)
    with resources.fairness.hold(request.client.host if request.client else ""):
        files = await read_files(request)
        understood = await understand(resources, files, overrides)
        del files
        prepare = partial(uploads.prepare, resources, understood, survey=survey, release=release)
        prepared = await resources.workers.run(prepare)
        if dry_run:
            nothing: dict[str, Any] = {
                "search": None,
                "hits": [],
                "photoz": None,
                "photoz_unavailable": "dry run",
                "anomaly": None,
            }
            return answer({**prepared.to_json(), **nothing})
        return answer(await resources.workers.run(partial(uploads.answer, prepared, k)))
