from __future__ import annotations

import asyncio
import errno
import json
import logging

import pytest
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from service.errors import EXCEPTIONS, STATUSES, install_errors
from service.middleware import BodyLimit, Envelope
from service.problems import PROBLEMS
from survey.contract import ContractViolation
from survey.ingest import CutoutRejected

SECRET = "/srv/private/file.py line 3"
OF_SQL = {"database.unavailable", "records.conflict"}


def ask(app, path="/", *, method="GET", chunks=(b"",), headers=()):
    """One request, without a network; returns status, headers, body, chunks taken."""
    waiting, sent = list(chunks), []

    async def receive():
        if not waiting:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers],
        "client": ("192.0.2.1", 1),
        "server": ("test", 80),
        "scheme": "http",
    }
    asyncio.run(app(scope, receive, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return (
        sent[0]["status"],
        found,
        b"".join(m.get("body", b"") for m in sent[1:]),
        len(chunks) - len(waiting),
    )


def app_raising(error: Exception) -> FastAPI:
    app = FastAPI()

    @app.get("/")
    async def fail() -> Response:
        raise error

    install_errors(app)
    app.add_middleware(Envelope)
    return app


def refused(error: Exception) -> dict:
    status, headers, body, _ = ask(app_raising(error))
    problem = json.loads(body)
    assert headers["content-type"] == "application/problem+json"
    assert status == problem["status"]
    assert problem["request_id"] == headers["x-request-id"]
    return problem


def made(kind: type[Exception]) -> Exception:
    if issubclass(kind, DBAPIError):
        return kind(SECRET, {}, Exception(SECRET))
    if kind is ContractViolation or issubclass(kind, CutoutRejected):
        return kind("unregistered.code", "A reason.")
    return kind("A reason.")


@pytest.mark.parametrize("kind", EXCEPTIONS, ids=lambda kind: kind.__name__)
def test_every_exception_of_the_table_becomes_its_problem(kind):
    problem = refused(made(kind))
    assert problem["code"] == EXCEPTIONS[kind]
    assert problem["status"] == PROBLEMS[EXCEPTIONS[kind]].status
    assert SECRET not in json.dumps(problem)


def test_slugs_are_dotted_and_every_table_names_known_ones():
    assert all(slug.count(".") == 1 and slug.replace(".", "").replace("_", "").isalnum() for slug in PROBLEMS)
    assert set(EXCEPTIONS.values()) | set(STATUSES.values()) <= set(PROBLEMS)


def test_an_exception_keeps_its_own_code_when_that_is_registered():
    assert refused(ContractViolation("fits.no_wcs", "No WCS."))["code"] == "fits.no_wcs"


def test_what_was_not_foreseen_is_a_500_without_its_text_and_logged_under_its_id(caplog):
    logging.getLogger("service").propagate = True
    with caplog.at_level(logging.ERROR, logger="service"):
        problem = refused(RuntimeError(SECRET))
    assert (problem["code"], problem["status"]) == ("service.error", 500)
    assert SECRET not in json.dumps(problem)
    assert SECRET in caplog.text


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_a_507(number):
    problem = refused(OSError(number, "No space left", SECRET))
    assert (problem["code"], problem["status"]) == ("storage.full", 507)


class PostgresFull(Exception):
    # https://www.postgresql.org/docs/current/errcodes-appendix.html
    sqlstate = "53100"


@pytest.mark.parametrize(
    "said", [Exception("database or disk is full"), PostgresFull("could not extend file")]
)
def test_a_full_disk_under_a_database_is_a_507(said):
    assert refused(OperationalError("", {}, said))["status"] == 507


@pytest.mark.parametrize(
    "error", [OSError(errno.EIO, SECRET), ProgrammingError(SECRET, {}, Exception(SECRET))]
)
def test_other_failures_of_disk_and_database_are_errors_of_ours(error):
    problem = refused(error)
    assert problem["status"] == 500
    assert SECRET not in json.dumps(problem)


def test_facts_never_displace_what_a_problem_must_say():
    from service.operations.refusals import NoMatch

    problem = refused(NoMatch("A reason.", status=200, code="x", nearest={"object_id": "a"}))
    assert (problem["status"], problem["code"]) == (404, "pos.no_match")
    assert problem["nearest"] == {"object_id": "a"}


def test_details_are_printable_and_short():
    from service.operations.refusals import NoMatch

    problem = refused(NoMatch("\ud800\x00\x1b[31m\u202e" + "x" * 5000))
    assert problem["detail"].isprintable()
    assert len(problem["detail"]) <= 1000


def limited_echo() -> object:
    async def app(scope, receive, send):
        body = await Request(scope, receive).body()
        await PlainTextResponse(str(len(body)))(scope, receive, send)

    fastapi = FastAPI()
    fastapi.mount("/", app)
    install_errors(fastapi)
    fastapi.add_middleware(BodyLimit, json_bytes=1000, upload_bytes=3000)
    fastapi.add_middleware(Envelope)
    return fastapi


@pytest.mark.parametrize(
    ("kind", "limit"),
    [("application/json", 1000), ("application/vnd.x+json; a=b", 1000), ("image/fits", 3000)],
)
def test_a_body_of_unknown_length_is_cut_off_at_the_first_chunk_too_many(kind, limit):
    headers = [("content-type", kind), ("transfer-encoding", "chunked")]
    status, _, body, taken = ask(limited_echo(), method="POST", chunks=[b"x" * 500] * 1000, headers=headers)
    assert (status, json.loads(body)["code"]) == (413, "request.too_large")
    assert taken == limit // 500 + 1
    status, _, body, _ = ask(limited_echo(), method="POST", chunks=[b"x" * limit], headers=headers)
    assert (status, body) == (200, str(limit).encode())


@pytest.mark.parametrize("length", ["3001", "9" * 40])
def test_a_declared_length_beyond_the_limit_is_refused_before_a_byte_is_read(length):
    headers = [("content-type", "image/fits"), ("content-length", length)]
    status, _, _, taken = ask(limited_echo(), method="POST", chunks=[b"x"], headers=headers)
    assert (status, taken) == (413, 0)


def test_a_content_type_sent_twice_does_not_lift_the_limit_of_the_first():
    headers = [("content-type", "application/json"), ("content-type", "image/fits")]
    status, _, _, _ = ask(limited_echo(), method="POST", chunks=[b"x" * 1001], headers=headers)
    assert status == 413


def test_pages_may_load_scripts_and_styles_of_their_own_and_nothing_else():
    from starlette.responses import HTMLResponse

    async def page(scope, receive, send):
        await HTMLResponse("<p>hello</p>")(scope, receive, send)

    _, headers, _, _ = ask(Envelope(page))
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert "unsafe" not in headers["content-security-policy"]
