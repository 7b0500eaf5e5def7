"""Redshifts of many cutouts at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import IO, Any

import pyarrow as pa
from anyio import to_thread
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.arriving import on_disk
from service.auth import may_upload, owner_or_nobody
from service.batch_answers import FILES, at_once, format_of
from service.batch_parameters import MakeJob, NSamples, PhotoZFormat, PhotoZShown, Seed
from service.dependencies import StrictRoute, resources_of
from service.formats.writing import FORMATS
from service.media import ARCHIVE_TYPES, check_declared, media_type_of
from service.members import Member
from service.operations import cutout_jobs
from service.operations.cutout_answer import cutout_meta, cutout_table
from service.operations.cutout_arrival import Arrived
from service.operations.cutout_reading import Reader
from service.operations.cutout_release import release_for
from service.operations.estimate_columns import Shown
from service.parameters import ReleaseName, SurveyName
from service.resources import Resources
from service.routes.jobs import ACCEPTED
from service.routes.jobs import accepted as job_made
from service.routes.photoz import shown_in
from service.routes.replies import COMMON, SECURITY, problems
from service.routes.uploads import HDU, Bands, PixelScale, ZeroPoint
from service.schemas.photoz_cutouts import CutoutsAnswer
from survey.ingest import CutoutRejected, Overrides, parse_zeropoints

__all__ = ["PATH", "router"]

#: Its bodies go to the disk, and may be larger than an upload's.
PATH = "/api/v1/photoz/batch/cutouts"

router = APIRouter(prefix="/api/v1", tags=["redshift"], route_class=StrictRoute)

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": (
            "A tar of FITS cutouts, one galaxy each, plain or gzip; or a Parquet table with a cutout in each row "
            "(docs/batch.md has its columns)."
        ),
        "content": {
            "application/x-tar": _BINARY,
            "application/gzip": _BINARY,
            "application/vnd.apache.parquet": _BINARY,
        },
    }
}


@router.post(
    "/photoz/batch/cutouts",
    summary="Redshifts of many cutouts",
    description=(
        "Send a tar of FITS cutouts or a Parquet table of cutouts: one row of answer for each member, in the order of the "
        "archive, with its name; a member that cannot be used has `status` refused with a `code` and a `message`, and "
        "spoils no other. Up to 200 cutouts are answered at once; more become a job. Bands, zero point and pixel "
        "scale given in the query hold for all members. One release answers for all: the one named, or the first that "
        "fits."
    ),
    response_model=CutoutsAnswer,
    responses={
        200: {"content": FILES},
        **ACCEPTED,
        **problems(
            *COMMON,
            "request.unreadable",
            "request.too_large",
            "upload.type",
            "upload.type_mismatch",
            "upload.crashed",
            "upload.timeout",
            "upload.unpacked_too_large",
            "upload.corrupt_wrapper",
            "archive.damaged",
            "archive.empty",
            "archive.members",
            "table.cutouts",
            "table.unreadable",
            "fits.band_unknown",
            "fits.zeropoint",
            "auth.key_needed",
            "auth.key_invalid",
            "survey.not_found",
            "release.not_found",
            "release.mismatch",
            "photoz.unavailable",
            "job.quota",
            "job.off",
            "storage.full",
            "client.too_many",
            "service.busy",
        ),
    },
    openapi_extra={**_BODY, **SECURITY},
)
async def photoz_cutouts(
    request: Request,
    *,
    survey: SurveyName = None,
    release: ReleaseName = None,
    bands: Bands = None,
    hdu: HDU = None,
    zeropoint: ZeroPoint = None,
    pixscale: PixelScale = None,
    representation: PhotoZShown = None,
    n_samples: NSamples = 100,
    seed: Seed = 0,
    fmt: PhotoZFormat = None,
    make_job: MakeJob = False,
) -> Response:
    resources = resources_of(request)
    await may_upload(request)
    overrides = _overrides(bands, hdu, zeropoint, pixscale)
    written = format_of(request, fmt, among=FORMATS)
    shown = shown_in(written, representation, n_samples, seed)
    # A release that is not served is said before anything is received.
    resources.choose(survey, release)
    with resources.fairness.hold(request.client.host if request.client else ""):
        async with on_disk(request, resources.settings) as file:
            await to_thread.run_sync(_check_type, request, file)
            arrived = Arrived(resources, file, overrides)
            few, is_all = await resources.in_sandbox(arrived.few)
            choose = partial(release_for, resources, few, overrides, survey=survey, release=release)
            served = await resources.in_sandbox(choose)
            if make_job or not is_all:
                owner = await owner_or_nobody(request)
                chunk_rows = cutout_jobs.chunk_rows_for(few)
                del few
                make = partial(
                    resources.jobs.create,
                    cutout_jobs.KIND,
                    cutout_jobs.parameters_of(served, overrides, shown),
                    cutout_jobs.tables_of(arrived.members(), chunk_rows),
                    owner=owner,
                    fmt=written,
                    chunk_rows=chunk_rows,
                )
                return job_made(await resources.in_sandbox(make))
        tables = await _answered(resources, Reader(resources.sandbox, served, overrides), few, shown)
        meta = partial(cutout_meta, served, shown)
        return await at_once(resources, lambda: tables, meta, written, stem=f"photoz-{served.survey}")


async def _answered(
    resources: Resources, reader: Reader, members: Sequence[Member], shown: Shown
) -> list[pa.Table]:
    """Answer members, a group at a time: read by children, embedded in the threads of the searches."""
    groups = reader.read(members)
    tables: list[pa.Table] = []
    try:
        first = 0
        while (group := await resources.in_sandbox(partial(next, groups, None))) is not None:
            work = partial(cutout_table, reader.served, group, shown, first=first)
            tables.append(await resources.workers.run(work))
            first += len(group)
    finally:
        await to_thread.run_sync(groups.close)
    return tables


def _overrides(
    bands: str | None, hdu: int | None, zeropoint: str | None, pixscale: float | None
) -> Overrides:
    try:
        return Overrides(bands, hdu, parse_zeropoints(zeropoint), pixscale)
    except ValueError as error:
        raise CutoutRejected("request.invalid", f"{str(error).capitalize()}.") from error


def _check_type(request: Request, file: IO[bytes]) -> None:
    file.seek(0)
    check_declared(media_type_of(request.headers.get("content-type")), file.read(1024), ARCHIVE_TYPES)
