"""The one table from exceptions to a status and a stable slug, with the answers made of it."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import (
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match

from index.selection import BadSelection
from service.kept_folder import DISK_FULL
from service.operations import refusals
from service.problem_answer import RETRY_AFTER, ProblemAnswer
from service.problems import PROBLEMS, Problem
from service.resources import NotReady
from service.validation import listed
from survey.archive import SurveyReplaced, UnknownObject
from survey.bands import BandMismatch, UnknownBand
from survey.contract import ContractViolation
from survey.ingest import CutoutRejected
from survey.manifests import CorruptFolder

__all__ = [
    "EXCEPTIONS",
    "RETRY_AFTER",
    "STATUSES",
    "ProblemAnswer",
    "UnknownParameter",
    "UnreadableBody",
    "UnsupportedMedia",
    "detail_of",
    "http_problem",
    "install_errors",
    "problem_of",
]


class UnknownParameter(refusals.Refusal):
    """A query parameter that the path does not know, or one given twice."""


class UnreadableBody(refusals.Refusal):
    """A body that is not what its content type says."""


class UnsupportedMedia(refusals.Refusal):
    """A content type that the path does not take."""


#: Exception → slug. An exception with a ``code`` of its own keeps it when that is a slug of the registry.
EXCEPTIONS: dict[type[Exception], str] = {
    UnreadableBody: "request.unreadable",
    # Nobody reads this answer, but neither is it a failure of ours.
    ClientDisconnect: "request.unreadable",
    UnsupportedMedia: "request.media_type",
    UnknownParameter: "request.unknown_parameter",
    refusals.UnknownSurvey: "survey.not_found",
    refusals.UnknownRelease: "release.not_found",
    refusals.ReleaseGone: "release.gone",
    refusals.ReleaseMismatch: "release.mismatch",
    refusals.ObjectNotFound: "object.not_found",
    refusals.ObjectNotIndexed: "object.not_indexed",
    refusals.ClusterNotFound: "cluster.not_found",
    refusals.NoMatch: "pos.no_match",
    refusals.NotAPosition: "pos.unreadable",
    refusals.NoTarget: "pos.missing",
    refusals.NoImage: "cutout.unavailable",
    refusals.NoFlux: "cutout.no_flux",
    refusals.InvalidFilter: "filter.invalid",
    BadSelection: "filter.invalid",
    refusals.BatchTooLarge: "batch.too_large",
    refusals.CursorInvalid: "cursor.invalid",
    refusals.CursorMismatch: "cursor.mismatch",
    refusals.CursorExpired: "cursor.expired",
    refusals.ReplayInvalid: "replay.invalid",
    refusals.ModelMismatch: "model.mismatch",
    refusals.VectorUnusable: "vector.unusable",
    refusals.Busy: "service.busy",
    refusals.TooManyAtOnce: "client.too_many",
    UnknownObject: "object.not_found",
    BandMismatch: "fits.band_missing",
    UnknownBand: "fits.band_unknown",
    ContractViolation: "fits.unusable",
    CutoutRejected: "upload.unreadable",
    refusals.KeyNeeded: "auth.key_needed",
    refusals.KeyInvalid: "auth.key_invalid",
    refusals.UploadNotFound: "upload.not_found",
    refusals.UploadLost: "upload.lost",
    refusals.QuotaReached: "upload.quota",
    refusals.KeepsNothing: "upload.keep_off",
    refusals.StorageUnavailable: "storage.unavailable",
    refusals.JobNotFound: "job.not_found",
    refusals.JobQuota: "job.quota",
    refusals.JobsOff: "job.off",
    refusals.JobUnfinished: "job.unfinished",
    refusals.JobWithoutResult: "job.phase",
    refusals.JobLost: "job.lost",
    refusals.LabelNotFound: "label.not_found",
    refusals.LabelChanged: "label.changed",
    refusals.LabelKeyReused: "label.key_reused",
    refusals.LabelQuota: "label.quota",
    refusals.SessionNotFound: "session.not_found",
    refusals.SessionClosed: "session.closed",
    refusals.SessionQuota: "session.quota",
    refusals.NoRedshift: "photoz.unavailable",
    NotReady: "service.not_ready",
    SurveyReplaced: "survey.replaced",
    CorruptFolder: "artefact.corrupt",
    IntegrityError: "records.conflict",
    DataError: "request.invalid",
    PoolTimeout: "database.unavailable",
    OperationalError: "database.unavailable",
    # A connection that was closed; PostgreSQL that was made read-only, as a standby is.
    InterfaceError: "database.unavailable",
    InternalError: "database.unavailable",
}

#: What Starlette and FastAPI raise themselves.
STATUSES: dict[int, str] = {
    400: "request.unreadable",
    404: "route.not_found",
    405: "request.method",
    413: "request.too_large",
    415: "request.media_type",
    422: "request.invalid",
    431: "request.headers_too_large",
}

# https://www.postgresql.org/docs/current/errcodes-appendix.html: disk_full.
_POSTGRES_DISK_FULL = "53100"


def install_errors(app: FastAPI) -> None:
    """Let every exception of the table, and FastAPI's own, end as problem+json."""
    for kind in EXCEPTIONS:
        app.add_exception_handler(kind, _domain)
    app.add_exception_handler(SQLAlchemyError, _database)
    app.add_exception_handler(OperationalError, _database)
    app.add_exception_handler(OSError, _storage)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, http_problem)


def problem_of(error: Exception) -> Problem:
    """Look an exception up: its own ``code`` if the registry has it, else the nearest class of the table."""
    if isinstance(error, HTTPException):
        return PROBLEMS[STATUSES.get(error.status_code, "request.refused")]
    if isinstance(error, RequestValidationError):
        return PROBLEMS["request.invalid"]
    code = getattr(error, "code", None)
    if isinstance(code, str) and code in PROBLEMS:
        return PROBLEMS[code]
    slug = next(EXCEPTIONS[kind] for kind in type(error).__mro__ if kind in EXCEPTIONS)
    return PROBLEMS[slug]


def detail_of(error: Exception) -> str:
    """Say what is wrong to the person who asked; empty where the title must do."""
    if isinstance(error, RequestValidationError):
        return "; ".join(f"{item['field']}: {item['message']}" for item in listed(error.errors()[:3]))
    # The texts of the database and of a broken folder are for the log, not for a stranger.
    if isinstance(error, (SQLAlchemyError, CorruptFolder)):
        return ""
    return str(error.detail) if isinstance(error, HTTPException) else str(error)


def _domain(request: Request, error: Exception) -> Response:
    return ProblemAnswer(
        problem_of(error),
        _id(request),
        detail_of(error),
        more=getattr(error, "facts", None),
        headers=getattr(error, "headers", None),
    )


def _database(request: Request, error: Exception) -> Response:
    if isinstance(error, OperationalError) and _is_full(error):
        return ProblemAnswer(PROBLEMS["storage.full"], _id(request))
    if not any(kind in EXCEPTIONS for kind in type(error).__mro__):
        raise error
    return _domain(request, error)


def _is_full(error: OperationalError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    return state == _POSTGRES_DISK_FULL or "disk is full" in str(error.orig)


def _storage(request: Request, error: Exception) -> Response:
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return ProblemAnswer(PROBLEMS["storage.full"], _id(request))
    raise error


def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return ProblemAnswer(PROBLEMS["request.unreadable"], _id(request), "The body is not valid JSON.")
    # Neither `input` nor `ctx`: repeating what was sent is how NaN and surrogates become a 500.
    more = {"errors": listed(found[:20]), "n_errors": len(found)}
    return ProblemAnswer(problem_of(error), _id(request), detail_of(error), more=more)


def http_problem(request: Request, error: Exception) -> Response:
    """Answer with what Starlette, FastAPI or a limit refuses."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if "Allow" in headers:
        headers["Allow"] = ", ".join(_methods(request))
    return ProblemAnswer(
        problem_of(error), _id(request), detail_of(error), status=error.status_code, headers=headers
    )


def _methods(request: Request) -> list[str]:
    """Every method of a path: Starlette names those of its first route, but each method is a route of its own."""
    return [
        method
        for method in ("DELETE", "GET", "PATCH", "POST", "PUT")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]


def _id(request: Request) -> str:
    return str(request.scope.get("request_id", ""))
