"""Neighbours by upload."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from service.answers import answer
from service.asked import asked_of_kept
from service.auth import may_keep, may_upload
from service.batch_parameters import NSamples, PhotoZShown, Seed
from service.certificate import sealed
from service.dependencies import StrictRoute, resources_of
from service.operations import uploads
from service.operations.estimate_columns import Shown
from service.operations.keepsakes import Keepsake, make_keepsake, store
from service.parameters import K, OptionalDecDeg, OptionalRaDeg, ReleaseName, SurveyName
from service.routes.replies import COMMON, SECURITY, problems
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
Keep = Annotated[
    bool,
    Query(
        description=(
            "Store the pixels, written anew, before the answer is sent; `query.upload_id` names them, `/api/v1/uploads` "
            "lists and deletes them. Needs an owner: a key, or this machine's own user."
        )
    ),
]
DryRun = Annotated[bool, Query(description="Only say what was understood and which release would answer.")]


@router.post(
    "/neighbours/upload",
    summary="Neighbours of an uploaded galaxy",
    description=(
        "Send a FITS cutout, a PNG or a JPEG. It is read in a sandbox, calibrated for the release whose bands it has "
        "(`ingest` says how, step by step), and not kept unless `keep` asks for it; the same bytes, kept twice, are kept once. Pictures give similarity only, no redshift. What the file does "
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
        "upload.quota",
        "storage.full",
        "storage.unavailable",
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
    openapi_extra={**_BODY, **SECURITY},
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
    representation: PhotoZShown = None,
    n_samples: NSamples = 100,
    seed: Seed = 0,
    dry_run: DryRun = False,
    keep: Keep = False,
) -> Response:
    resources = resources_of(request)
    owner = await (may_keep if keep else may_upload)(request)
    if keep and dry_run:
        raise CutoutRejected("request.invalid", "A dry run stores nothing: leave out `keep` or `dry_run`.")
    try:
        overrides = Overrides(bands, hdu, parse_zeropoints(zeropoint), pixscale, ra_deg, dec_deg)
    except ValueError as error:
        raise CutoutRejected("request.invalid", f"{str(error).capitalize()}.") from error
    # A release that is not served is said before the file is read.
    resources.choose(survey, release)
    with resources.fairness.hold(request.client.host if request.client else ""):
        files = await read_files(request)
        understood = await understand(resources, files, overrides)
        kept: Keepsake | None = None
        if keep and owner is not None:
            make = partial(make_keepsake, owner.name, files, overrides, understood)
            kept = await resources.workers.run(make)
            # What is answered is what is stored.
            understood = kept.understood
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
                "map": None,
            }
            return answer({**prepared.to_json(), **nothing})
        shown = Shown(representation or "grid", n_samples, seed)
        body = await resources.workers.run(partial(uploads.answer, prepared, k, shown))
        if kept is not None:
            write = partial(store, resources, kept, prepared.served.release.id)
            upload_id = body["query"]["upload_id"] = await to_thread.run_sync(write)
            if (representation or "grid") == "grid":
                # Asked again by its id, an upload is answered with the grid.
                replay = asked_of_kept(upload_id, k).token(prepared.served)
                body["search"] = sealed(body["search"], replay=replay)
        return answer(body)
