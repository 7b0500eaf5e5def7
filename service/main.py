"""The application: routes, errors and limits around what a data folder holds."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from service.answers import JSONAnswer
from service.errors import install_errors
from service.hangups import hangups
from service.logs import configure_logging
from service.middleware import BodyLimit, Envelope
from service.routes import (
    about,
    anomalies,
    cutouts,
    health,
    jobs,
    kept,
    labels,
    maps,
    neighbours,
    neighbours_batch,
    neighbours_multi,
    neighbours_vector,
    objects,
    page_answers,
    pages,
    photoz,
    photoz_cutouts,
    releases,
    replay,
    session_files,
    session_steps,
    sessions,
    uploads,
)
from service.routes.replies import component_schemas
from service.settings import Settings
from service.shortcuts import Shortcuts

if TYPE_CHECKING:
    from service.resources import Resources

__all__ = ["create_app"]

logger = logging.getLogger(__name__)

_API_VERSION = "1.0"
_DESCRIPTION = """\
Skylike finds galaxies that look like yours: neighbours in an embedding, a redshift distribution and an anomaly score,
each with what is needed to judge it. Ids are strings. Angles are ICRS degrees unless a unit is written. Unknown query
parameters are refused. Every answer names the index `release` it came from; errors are RFC 9457 problems whose `code`
is stable (`/api/v1/problems`).
"""


def create_app(
    settings: Settings | None = None,
    *,
    opened: Resources | None = None,
    beside: AbstractContextManager[object] | None = None,
) -> FastAPI:
    """Build the application; what it serves is opened when it starts.

    Parameters
    ----------
    settings
        Read from the environment when None.
    opened
        Resources that the caller has opened already; the application closes them.
    beside
        Entered while the service answers: the workers of its jobs.
    """
    settings = settings or Settings()
    configure_logging(settings.log_level, settings.log_format)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # Imported here, so that the OpenAPI document is made without faiss and ONNX Runtime.
        from service.live import Live  # noqa: PLC0415
        from service.opening import open_resources  # noqa: PLC0415

        nonlocal opened
        resources = opened or open_resources(settings)
        shared, app.state.resources = resources.shared, resources
        app.state.live = Live(
            resources, partial(setattr, app.state, "resources"), seconds=settings.reload_seconds
        )
        logger.info(
            "service ready",
            extra={"releases": sorted(resources.releases), "surveys": sorted(resources.surveys)},
        )
        # What is served now goes when other releases take its place: nothing else may hold it.
        opened = None
        del resources
        try:
            with beside or nullcontext(), app.state.live as live, hangups(live.wake):
                yield
        finally:
            shared.close()
            logger.info("service stopped")

    app = FastAPI(
        title="Skylike",
        version=_API_VERSION,
        description=_DESCRIPTION,
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        # FastAPI's own pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        default_response_class=JSONAnswer,
        license_info={"name": "BSD-3-Clause", "identifier": "BSD-3-Clause"},
    )
    app.state.settings = settings
    modules = (
        objects,
        neighbours,
        neighbours_batch,
        neighbours_multi,
        neighbours_vector,
        uploads,
        kept,
        photoz,
        photoz_cutouts,
        jobs,
        anomalies,
        maps,
        labels,
        session_files,
        session_steps,
        sessions,
        cutouts,
        releases,
        replay,
        about,
        health,
        pages,
    )
    for module in modules:
        app.include_router(module.router)
    app.router.middleware_stack = Shortcuts(
        app.router.middleware_stack, [route for module in modules for route in module.router.routes]
    )
    app.mount("/static", StaticFiles(directory=page_answers.STATIC), name="static")
    _describe(app)
    install_errors(app)
    app.add_exception_handler(HTTPException, page_answers.page_or_problem)
    # Added last, stands outermost.
    app.add_middleware(
        BodyLimit,
        json_bytes=settings.json_max_bytes,
        upload_bytes=settings.upload_max_bytes,
        streamed={
            "/api/v1/photoz/batch": settings.table_max_bytes,
            "/api/v1/neighbours/batch": settings.table_max_bytes,
            photoz_cutouts.PATH: settings.archive_max_bytes,
        },
        large_json={session_files.IMPORT: settings.upload_max_bytes},
    )
    app.add_middleware(Envelope)
    return app


def _describe(app: FastAPI) -> None:
    """Let the OpenAPI document hold the schemas that handlers read and refuse with by hand."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                license_info=app.license_info,
            )
            schema["components"]["schemas"] |= component_schemas()
            schema["components"]["securitySchemes"] = {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key: `skylike keys add OWNER`.",
                }
            }
            for name in ("HTTPValidationError", "ValidationError"):
                schema["components"]["schemas"].pop(name, None)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
