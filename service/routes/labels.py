"""Labels of objects: given, listed, withdrawn, those of sessions and others."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from anyio import to_thread
from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator
from starlette.requests import Request
from starlette.responses import Response

from index.catalogue.session import writing
from service.answers import PRIVATE, JSONAnswer
from service.auth import owner_needed
from service.batch_answers import FILES, format_of
from service.batch_parameters import TableFormat
from service.dependencies import StrictRoute, resources_of
from service.label_answers import label_file
from service.label_bodies import JSON_BODY, TABLE_BODY, said_of
from service.operations import labels
from service.operations.labelling import Given, give, withdraw
from service.parameters import MAX_ID_LENGTH, Cursor, Limit, SurveyName, checked_id
from service.records.labels import MOST_SCORE, Which
from service.records.sessions import SessionRow
from service.resources import Resources
from service.routes.replies import COMMON, SECURITY, problems
from service.schemas.labels import GivenLabels, LabelRecord, Labels
from service.schemas.moments import Moment
from service.served import Served

__all__ = ["GIVE_BODY", "GIVE_PROBLEMS", "OWN", "SessionId", "given", "router"]

router = APIRouter(prefix="/api/v1/labels", tags=["labels"], route_class=StrictRoute)

OWN: Final = ("auth.key_needed", "auth.key_invalid", "database.unavailable")
GIVE_BODY: Final[dict[str, Any]] = {"requestBody": {"required": True, "content": {**JSON_BODY, **TABLE_BODY}}}
GIVE_PROBLEMS: Final = (
    *OWN,
    "request.unreadable",
    "request.media_type",
    "request.too_large",
    "batch.too_large",
    "upload.empty",
    "upload.type",
    "upload.type_mismatch",
    "table.unreadable",
    "table.columns",
    "table.rounded_ids",
    "object.not_found",
    "survey.not_found",
    "release.not_found",
    "label.changed",
    "label.key_reused",
    "label.quota",
    "client.too_many",
    "service.busy",
)
_FORMATS: Final = ("json", "csv", "votable", "fits", "parquet")
_MOST_IDS: Final = 200
_ID: Final = "^[0-9a-f]{32}$"

LabelId = Annotated[str, Path(pattern=_ID, description="`label_id` of a label of yours.")]
SessionId = Annotated[
    str,
    Path(
        pattern=_ID,
        description="`session_id` of a session of yours.",
        examples=["5f0c3a9d7be2441c8a6f1e0d2b3c4d5e"],
    ),
]
OfSession = Annotated[
    str | None, Query(alias="session", pattern=_ID, description="Only those of this session.")
]
OfObject = Annotated[
    str | None,
    AfterValidator(lambda text: text if text is None else checked_id(text)),
    Query(alias="object_id", max_length=MAX_ID_LENGTH, description="Only those of this object."),
]
OfKind = Annotated[
    Literal["score", "artefact"] | None, Query(alias="kind", description="Only those of this kind.")
]
ValueMin = Annotated[
    float | None,
    Query(ge=0, le=MOST_SCORE, allow_inf_nan=False, description="Only scores of at least this."),
]
ValueMax = Annotated[
    float | None, Query(ge=0, le=MOST_SCORE, allow_inf_nan=False, description="Only scores of at most this.")
]
Since = Annotated[
    Moment | None,
    Query(description="Only those made at this time or later, with its zone: `2026-11-22T04:00:00Z`."),
]
Until = Annotated[Moment | None, Query(description="Only those made before this time.")]
History = Annotated[bool, Query(description="Also those that were superseded or withdrawn.")]
LabelIds = Annotated[
    list[Annotated[str, Query(pattern=_ID)]],
    Query(
        alias="id",
        min_length=1,
        max_length=_MOST_IDS,
        description=f"`label_id` of a label of yours; give it again for others, up to {_MOST_IDS}.",
    ),
]


@router.post(
    "",
    summary="Label objects",
    description=(
        "One label, several in `labels` (up to 1,000), or a table with `object_id`, `value` and `note`: kept all or none, "
        "outside all sessions. The last label of an object holds; those before stay in the history. What is sent twice is "
        "kept once."
    ),
    response_model=GivenLabels,
    responses=problems(*COMMON, *GIVE_PROBLEMS),
    openapi_extra={**GIVE_BODY, **SECURITY},
)
async def give_labels(request: Request, survey: SurveyName = None) -> Response:
    resources = resources_of(request)
    owner = await owner_needed(request)
    return await given(request, resources, owner.name, resources.default(survey))


@router.get(
    "",
    summary="Your labels",
    description="In the order in which they were made: a page of JSON, or all of them as a file.",
    response_model=Labels,
    responses={200: {"content": FILES}, **problems(*COMMON, *OWN, "cursor.invalid", "service.busy")},
    openapi_extra=SECURITY,
)
async def all_labels(
    request: Request,
    *,
    survey: SurveyName = None,
    session_id: OfSession = None,
    object_id: OfObject = None,
    kind: OfKind = None,
    value_min: ValueMin = None,
    value_max: ValueMax = None,
    since: Since = None,
    until: Until = None,
    history: History = False,
    limit: Limit = 200,
    cursor: Cursor = None,
    fmt: TableFormat = None,
) -> Response:
    resources, owner = resources_of(request), (await owner_needed(request)).name
    which = Which(
        survey=survey,
        session_id=session_id,
        object_id=object_id,
        kind=kind,
        value_min=value_min,
        value_max=value_max,
        since=since,
        until=until,
        history=history,
    )
    written = format_of(request, fmt, among=_FORMATS)
    if written != "json":
        return await label_file(resources, owner, which, written, stem="labels", meta={"owner": owner})

    def ask() -> dict[str, Any]:
        with resources.sessions() as session:
            return labels.listed(session, owner, which, limit=limit, cursor=cursor)

    return JSONAnswer(await to_thread.run_sync(ask), headers=PRIVATE)


@router.get(
    "/{label_id}",
    summary="One label",
    description="Of yours, whether it holds or not.",
    response_model=LabelRecord,
    responses=problems(*COMMON, *OWN, "label.not_found"),
    openapi_extra=SECURITY,
)
async def one_label(request: Request, label_id: LabelId) -> Response:
    resources, owner = resources_of(request), await owner_needed(request)

    def ask() -> dict[str, Any]:
        with resources.sessions() as session:
            return labels.told(labels.find(session, owner.name, label_id))

    return JSONAnswer(await to_thread.run_sync(ask), headers=PRIVATE)


@router.delete(
    "/{label_id}",
    summary="Withdraw a label",
    description="It holds no longer, and its object has none; it stays in the history.",
    status_code=204,
    response_class=Response,
    responses={
        204: {"description": "It is withdrawn."},
        **problems(*COMMON, *OWN, "label.not_found", "label.changed", "session.closed"),
    },
    openapi_extra=SECURITY,
)
async def withdraw_label(request: Request, label_id: LabelId) -> Response:
    return await _withdrawn(request, [label_id])


@router.delete(
    "",
    summary="Withdraw labels",
    description="All that are named, or none.",
    status_code=204,
    response_class=Response,
    responses={
        204: {"description": "They are withdrawn."},
        **problems(*COMMON, *OWN, "label.not_found", "label.changed", "session.closed"),
    },
    openapi_extra=SECURITY,
)
async def withdraw_labels(request: Request, ids: LabelIds) -> Response:
    return await _withdrawn(request, ids)


async def given(
    request: Request, resources: Resources, owner: str, served: Served, of: SessionRow | None = None
) -> Response:
    """Keep the labels of a request's body, and answer when they are committed."""
    with resources.fairness.hold(request.client.host if request.client else ""):
        said, origin = await said_of(request, resources)

        def keep() -> Given:
            with writing(resources.engine)() as session, session.begin():
                return give(session, resources.settings, served, owner, said, of=of, origin=origin)

        kept = await to_thread.run_sync(keep)
    content = {
        "n": len(kept.labels),
        "n_new": kept.n_new,
        "revision": kept.revision,
        "labels": [labels.told(row) for row in kept.labels],
    }
    return JSONAnswer(content, headers=PRIVATE)


async def _withdrawn(request: Request, ids: list[str]) -> Response:
    resources, owner = resources_of(request), await owner_needed(request)

    def end() -> None:
        with writing(resources.engine)() as session, session.begin():
            withdraw(session, owner.name, ids)

    await to_thread.run_sync(end)
    return Response(status_code=204, headers=PRIVATE)
