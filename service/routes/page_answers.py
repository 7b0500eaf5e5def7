"""Pages from their templates, with refusals as pages for those who read pages."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Coroutine
from functools import cache
from pathlib import Path
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from service.dependencies import resources_of
from service.errors import EXCEPTIONS, RETRY_AFTER, detail_of, http_problem, problem_of
from service.operations import neighbours
from service.web import pages
from service.web.cards import card_of

__all__ = ["STATIC", "PageRoute", "page", "page_or_problem", "refused"]

_WEB = Path(__file__).parents[1] / "web"
STATIC = _WEB / "static"
_REFUSALS: tuple[type[Exception], ...] = (*EXCEPTIONS, RequestValidationError, HTTPException)
# What may stand in a command line to be copied; the header is the client's own, but caches may mix answers up.
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]*")


class PageRoute(APIRoute):
    """A route whose refusals are pages too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler."""
        handle = super().get_route_handler()

        async def paged(request: Request) -> Response:
            try:
                return await handle(request)
            except _REFUSALS as error:
                return self.refused(request, error)

        return paged

    def refused(self, request: Request, error: Exception) -> Response:
        """Say on a page why there is no answer."""
        return refused(request, error)


async def page_or_problem(request: Request, error: Exception) -> Response:
    """Refuse a path or a method that is not there: as a page where a browser asks beside the API."""
    if request.url.path.startswith("/api/"):
        return http_problem(request, error)
    refuse = refused if "text/html" in request.headers.get("accept", "") else http_problem
    answer = refuse(request, error)
    answer.headers["vary"] = "Accept"
    return answer


def page(
    request: Request,
    template: str,
    context: dict[str, Any],
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    """Render a template with what every page says."""
    is_plain = _HOST.fullmatch(request.headers.get("host", ""))
    frame = {
        "target": "",
        "version": request.app.version,
        "base_url": str(request.base_url) if is_plain else "/",
    }
    html = _templates().get_template(template).render({**frame, **context})
    return HTMLResponse(html, status_code=status, headers=headers)


def refused(
    request: Request,
    error: Exception,
    *,
    template: str = "choices.html",
    context: dict[str, Any] | None = None,
) -> Response:
    """Render a refusal with its status and what a client should know; by default what is near is offered."""
    status = error.status_code if isinstance(error, HTTPException) else problem_of(error).status
    headers = {**(getattr(error, "headers", None) or {}), "cache-control": "no-store"}
    if status in RETRY_AFTER:
        headers["retry-after"] = RETRY_AFTER[status]
    return page(
        request, template, _choices(request, error) if context is None else context, status, headers=headers
    )


def _choices(request: Request, error: Exception) -> dict[str, Any]:
    resources = resources_of(request)
    facts: dict[str, Any] = getattr(error, "facts", None) or {}
    context = {
        **pages.served_context(resources),
        "heading": problem_of(error).title,
        "detail": detail_of(error),
        "hits": [],
    }
    nearest = facts.get("nearest")
    if nearest:
        served = resources.releases[facts["release"]["id"]]
        row = neighbours.columns_of(served, [served.release.columns.row_of(nearest["object_id"])])[0]
        score = f"{nearest['separation_arcsec']:.0f}″ away"
        context["hits"] = [card_of(row, release=served.block, score=score, score_title="distance on the sky")]
    return context


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_WEB / "templates"),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["static"] = _static
    environment.filters["codes"] = _codes
    return environment


@cache
def _static(name: str) -> str:
    """Address a static file by its content, so that it may be cached for ever."""
    return f"/static/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


def _codes(text: str) -> Markup:
    """Set what stands between backticks as code; everything else is escaped."""
    return Markup(re.sub(r"`([^`]{1,200})`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before
