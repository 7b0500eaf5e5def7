from __future__ import annotations

import re
from typing import Annotated

import pytest
from fastapi import APIRouter, FastAPI, Path, Query
from starlette.requests import Request
from starlette.responses import JSONResponse
from support.serving import TestClient

from service.errors import install_errors
from service.main import create_app
from service.settings import Settings
from service.shortcuts import Shortcuts
from service.strict import StrictRoute

router = APIRouter(prefix="/api", route_class=StrictRoute)


def _told(request, **values):
    return JSONResponse({"values": values, "path": request.scope["route"].path})


@router.get("/things/{name}")
async def thing(request: Request, name: str, n: Annotated[int, Query(ge=0)] = 1):
    return _told(request, name=name, n=n)


@router.get("/things/{name}/parts")
async def parts(request: Request, name: Annotated[str, Path(max_length=5)]):
    return _told(request, name=name)


@router.get("/files/{name:path}")
async def file(request: Request, name: str):
    return _told(request, name=name)


@router.post("/things")
async def made(request: Request):
    return JSONResponse({"sent": (await request.body()).decode()})


@router.post("/bodies")
async def read_by_the_framework(body: dict[str, int]):
    return JSONResponse(body)


def app_of(*, shortcuts):
    app = FastAPI(redirect_slashes=False)
    app.include_router(router)
    install_errors(app)
    if shortcuts:
        app.router.middleware_stack = Shortcuts(app.router.middleware_stack, router.routes)
    return app


REQUESTS = [
    ("GET", "/api/things/a"),
    ("GET", "/api/things/a?n=3"),
    ("GET", "/api/things/a?n=-1"),
    ("GET", "/api/things/a?m=1"),
    ("GET", "/api/things/a?n=1&n=2"),
    ("GET", "/api/things/a%20b%C3%A9"),
    ("GET", "/api/things/a%2Fb"),
    ("GET", "/api/things//parts"),
    ("GET", "/api/things/abcdef/parts"),
    ("GET", "/api/things/abc/parts"),
    ("GET", "/api/things/fixed/parts"),
    ("GET", "/api/things/a/"),
    ("GET", "/api/things/{}"),
    ("GET", "/api/files/a/b"),
    ("GET", "/api"),
    ("POST", "/api/things"),
    ("POST", "/api/bodies"),
    ("DELETE", "/api/things/a"),
    ("POST", "/api/things/a"),
]


@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_a_shortcut_answers_as_the_router_does(method, path):
    answers = []
    for shortcuts in (False, True):
        answer = TestClient(app_of(shortcuts=shortcuts)).request(
            method, path, content=b'{"a": 1}' * (method == "POST")
        )
        told = answer.json() if answer.content else None
        if isinstance(told, dict):
            told.pop("request_id", None)
        answers.append((answer.status_code, told, answer.headers.get("allow")))
    assert answers[0] == answers[1]


def test_every_shortcut_of_the_service_leads_to_the_route_that_the_router_takes():
    shortcuts = create_app(Settings()).router.middleware_stack
    quick = [route for route in shortcuts.routes if getattr(route, "quick", None)]
    assert len(quick) > 10
    for route in quick:
        (method,) = route.methods
        path = re.sub(r"{.*?}", "x", route.path)
        first = next(one for one in shortcuts.routes if one.path_regex.match(path) and method in one.methods)
        found = shortcuts._find({"method": method, "path": path})
        assert first is route
        assert found is None or found[0] is route
