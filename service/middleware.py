"""What surrounds every request: an id, limits, security headers, a last resort."""

from __future__ import annotations

import logging
import random
import re
import secrets
import time
from collections import Counter
from collections.abc import Mapping
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.clients import client_of
from service.errors import ProblemAnswer
from service.logs import request_id
from service.operations.refusals import Busy, TooManyAtOnce
from service.problems import PROBLEMS

__all__ = ["MAX_BODIES", "MAX_HEADER_BYTES", "SMALL_BODY", "WAITED", "BodyLimit", "Envelope"]

logger = logging.getLogger(__name__)

MAX_HEADER_BYTES: Final = 32 << 10
MAX_BODIES: Final = 8
SMALL_BODY: Final = 1 << 20
#: Key of a request's scope: seconds that it waited because its client asked for it.
WAITED: Final = "skylike.waited"

# Ids are told apart, not kept secret; the kernel's own randomness costs a switch to another thread each time.
_random = random.Random(secrets.randbits(64))  # noqa: S311
_GOOD_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_DATA_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
_OWN: Final = ("/api/v1/uploads", "/api/v1/labels", "/api/v1/sessions")


class Envelope:
    """Give every answer an id and its security headers; turn an unforeseen exception into a 500 without its text."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        rid = _incoming_id(scope) or f"{_random.getrandbits(64):016x}"
        scope["request_id"] = rid
        token = request_id.set(rid)
        is_head = scope["method"] == "HEAD"
        if is_head:
            # Paths are written for GET; HEAD is the same answer without its body. The server's own scope stays as
            # it is: it must know that a Content-Length will have no body after it.
            scope = {**scope, "method": "GET"}
        started = False

        async def sealed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _seal(message, scope, rid)
            elif is_head and message["type"] == "http.response.body":
                message = {
                    "type": "http.response.body",
                    "body": b"",
                    "more_body": message.get("more_body", False),
                }
            await send(message)

        try:
            await self._answer(scope, receive, sealed, rid)
        except Exception:
            facts = {"method": scope["method"], "route": getattr(scope.get("route"), "path", None)}
            logger.exception("request failed", extra=facts)
            if started:
                raise
            await ProblemAnswer(PROBLEMS["service.error"], rid)(scope, receive, sealed)
        finally:
            request_id.reset(token)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, rid: str) -> None:
        size = sum(len(name) + len(value) for name, value in scope["headers"]) + len(
            scope.get("query_string", b"")
        )
        if size > MAX_HEADER_BYTES:
            detail = f"Headers and query string have {size} bytes; the limit is {MAX_HEADER_BYTES}."
            await ProblemAnswer(PROBLEMS["request.headers_too_large"], rid, detail)(scope, receive, send)
            return
        if sum(name == b"host" for name, _ in scope["headers"]) > 1:
            detail = "The request names more than one Host."
            await ProblemAnswer(PROBLEMS["request.unreadable"], rid, detail)(scope, receive, send)
            return
        begun = time.perf_counter()
        await self.app(scope, receive, send)
        # What was waited because the client asked for it (a job's next phase) is not slow.
        seconds = time.perf_counter() - begun - scope.get(WAITED, 0.0)
        if seconds > 1:
            logger.info(
                "slow request",
                extra={"route": getattr(scope.get("route"), "path", None), "seconds": round(seconds, 3)},
            )


class BodyLimit:
    """Refuse a body that says it is too large, or that grows too large while it arrives.

    Bodies wait in memory. All together may have ``MAX_BODIES`` times ``upload_bytes``: one client a quarter of it, so
    that it takes many to fill it, and bodies beyond ``SMALL_BODY`` not the last eighth, so that small ones find room
    even then.

    Parameters
    ----------
    streamed
        Paths whose raw bodies go to the disk (:func:`service.arriving.on_disk`), with the most bytes that each may have.
    large_json
        Paths that take more than ``json_bytes`` of JSON, with the most bytes of each.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        json_bytes: int,
        upload_bytes: int,
        streamed: Mapping[str, int] | None = None,
        large_json: Mapping[str, int] | None = None,
    ) -> None:
        self.app, self.json_bytes, self.upload_bytes = app, json_bytes, upload_bytes
        self._streamed, self._large_json = dict(streamed or {}), dict(large_json or {})
        self._held: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] == "GET":
            await self.app(scope, receive, send)
            return
        # Of a header sent twice the handlers see the first one; so must this limit.
        headers = dict(reversed(scope["headers"]))
        kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        path = scope.get("path", "")
        json_bytes = self._large_json.get(path, self.json_bytes)
        limit = json_bytes if kind.endswith(b"json") else self.upload_bytes
        is_streamed = path in self._streamed and not kind.endswith((b"json", b"form-data"))
        if is_streamed:
            limit = self._streamed[path]
        declared = headers.get(b"content-length", b"")
        refusal = ""
        if declared.isdigit() and int(declared[:20]) > limit:
            refusal = f"The body has {declared[:20].decode()} bytes; the limit is {limit}."
        client = client_of((scope.get("client") or ("",))[0])
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            if refusal:
                # Raised where a handler asks for the body, so that a page refuses as a page.
                raise HTTPException(413, refusal)
            message = await receive()
            size = len(message.get("body", b""))
            seen += size
            if not is_streamed:
                self._held[client] += size
            if seen > limit:
                # FastAPI lets only its own exception pass while it reads a body.
                raise HTTPException(413, f"The body has more than {limit} bytes, which is the limit.")
            self._check_room(client, seen)
            return message

        try:
            await self.app(scope, counted, send)
        finally:
            self._held[client] -= 0 if is_streamed else seen
            if not self._held[client]:
                del self._held[client]

    def _check_room(self, client: str, seen: int) -> None:
        if self._held[client] > MAX_BODIES // 4 * self.upload_bytes:
            raise TooManyAtOnce(
                "Your requests being received fill the memory set aside for one client. Wait for one to end."
            )
        full = MAX_BODIES if seen <= SMALL_BODY else MAX_BODIES - 1
        if self._held.total() > full * self.upload_bytes:
            raise Busy("The requests being received fill the memory set aside for them. Try again later.")


def _incoming_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _GOOD_ID.fullmatch(value):
            return str(value.decode())
    return ""


def _seal(message: Message, scope: Scope, rid: str) -> None:
    headers = MutableHeaders(raw=message.setdefault("headers", []))
    is_page = headers.get("content-type", "").startswith("text/html")
    own: list[tuple[bytes, bytes]] = message["headers"]
    own += [
        (b"x-request-id", rid.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"content-security-policy", (_PAGE_POLICY if is_page else _DATA_POLICY).encode()),
    ]
    # What an owner keeps is not for the scripts of other sites: on loopback no key guards it.
    is_open = scope["path"].startswith("/api/") and not scope["path"].startswith(_OWN)
    if scope["method"] == "GET" and is_open:
        own += [
            (b"access-control-allow-origin", b"*"),
            (b"access-control-expose-headers", b"ETag, X-Request-Id, X-Overflow"),
        ]
