"""Sessions as files: exported whole, and taken up again."""

from __future__ import annotations

from typing import Any, Final

from anyio import to_thread
from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from service.answers import PRIVATE, JSONAnswer
from service.auth import owner_needed
from service.batch_answers import FILES, format_of
from service.batch_parameters import TableFormat
from service.dependencies import StrictRoute, resources_of
from service.json_bodies import validated
from service.label_answers import label_file
from service.operations import session_files, sessions
from service.operations.refusals import LabelQuota
from service.records.labels import Which
from service.resources import Resources
from service.routes.labels import SessionId
from service.routes.replies import COMMON, SECURITY, problems
from service.routes.sessions import OF_SESSION, in_reading, in_writing, json_body, record_of
from service.schemas.session_files import SessionExport
from service.schemas.sessions import SessionRecord
from service.selection_json import parse_filters
from service.served import Served

__all__ = ["IMPORT", "router"]

router = APIRouter(prefix="/api/v1/sessions", tags=["sessions"], route_class=StrictRoute)

#: Where larger bodies of JSON are taken than elsewhere: as large as an upload.
IMPORT: Final = "/api/v1/sessions/import"
_FORMATS: Final = ("json", "csv", "votable", "fits", "parquet")
_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": f"#/components/schemas/{SessionExport.__name__}"}}
        },
    },
    **SECURITY,
}


@router.get(
    "/{session_id}/export",
    summary="A session as a file",
    description=(
        "Its whole description and all labels it ever had. The JSON can be imported, here or elsewhere; a table has one row "
        "for each label, and the description in its header."
    ),
    response_model=SessionExport,
    responses={200: {"content": FILES}, **problems(*COMMON, *OF_SESSION, "service.busy")},
    openapi_extra=SECURITY,
)
async def export(request: Request, session_id: SessionId, fmt: TableFormat = None) -> Response:
    resources, owner = resources_of(request), await owner_needed(request)
    written = format_of(request, fmt, among=_FORMATS)

    def ask(session: Session) -> Any:
        row = sessions.find(session, owner.name, session_id)
        return session_files.exported(session, row) if written == "json" else session_files.described(row)

    said, stem = await in_reading(resources, ask), f"session-{session_id[:8]}"
    if written == "json":
        name = {"Content-Disposition": f'attachment; filename="{stem}.json"'}
        return JSONAnswer(said, headers={**PRIVATE, **name})
    which = Which(session_id=session_id, history=True)
    return await label_file(resources, owner.name, which, written, stem=stem, meta={"session": said})


@router.post(
    "/import",
    summary="Take up an exported session",
    description=(
        "Makes a new session of yours of `GET …/export` in JSON: the same labels with their times and releases, so that it "
        "proposes what the other one would. It needs a release of its survey; where none by its model is served, it begins "
        "anew on the survey's default one."
    ),
    status_code=201,
    response_model=SessionRecord,
    responses=problems(
        *COMMON,
        "auth.key_needed",
        "auth.key_invalid",
        "database.unavailable",
        "request.unreadable",
        "request.media_type",
        "request.too_large",
        "survey.not_found",
        "release.not_found",
        "object.not_found",
        "filter.invalid",
        "session.quota",
        "label.quota",
        "client.too_many",
    ),
    openapi_extra=_BODY,
)
async def import_session(request: Request) -> Response:
    resources, owner = resources_of(request), await owner_needed(request)
    with resources.fairness.hold(request.client.host if request.client else ""):
        body = await to_thread.run_sync(_export_of, resources, await json_body(request))
        served = _release_for(resources, body)

        def keep(session: Session) -> dict[str, Any]:
            # What the release cannot apply is said now, and not when the next batch is asked for.
            parse_filters(body.session.filters).mask(served.release)
            session_files.check_objects(served, body)
            onto = session_files.Onto(served.survey, served.release.id, served.model.card.id)
            row = session_files.imported(session, resources.settings, onto, owner.name, body)
            return record_of(resources, session, owner.name, row.id)

        content = await in_writing(resources, keep)
    headers = {**PRIVATE, "Location": sessions.href_of(content["session_id"])}
    return JSONAnswer(content, status_code=201, headers=headers)


def _export_of(resources: Resources, value: Any) -> SessionExport:
    labels = value.get("labels") if isinstance(value, dict) else None
    most = resources.settings.labels_per_session
    # Counted before they are validated, which collects an error for every value.
    if isinstance(labels, list) and len(labels) > most:
        raise LabelQuota(
            f"The export has {len(labels)} labels; the limit of one session is {most}.",
            limit=most,
            got=len(labels),
        )
    return validated(SessionExport, value)


def _release_for(resources: Resources, body: SessionExport) -> Served:
    """Return the release that the session was of, one by its model, or the survey's default."""
    told = body.session
    own = [one for one in resources.releases.values() if one.survey == told.survey]
    by_model = [one for one in own if one.model.card.id == told.model]
    exact = [one for one in by_model if one.release.id == told.release]
    return (exact or by_model or [resources.default(told.survey)])[0]
