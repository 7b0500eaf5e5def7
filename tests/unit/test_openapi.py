from __future__ import annotations

import pytest
from fastapi.routing import APIRoute

from service.compatibility import breaking_changes
from service.main import create_app
from service.openapi import DOCUMENT, rendered
from service.problems import PROBLEMS
from service.settings import Settings
from service.strict import StrictRoute


@pytest.fixture(scope="module")
def schema():
    return create_app(Settings()).openapi()


@pytest.fixture(scope="module")
def operations(schema):
    return {
        f"{method.upper()} {path}": one
        for path, item in schema["paths"].items()
        for method, one in item.items()
    }


def test_no_released_client_breaks(schema):
    import orjson

    assert breaking_changes(orjson.loads(DOCUMENT.read_bytes()), schema) == []


def test_the_committed_document_is_that_of_the_code(schema):
    assert DOCUMENT.read_bytes() == rendered(schema), "write it: python -m service.openapi"


def test_every_operation_is_summarised_described_and_documents_its_refusals(operations):
    for name, one in operations.items():
        assert one["summary"], name
        assert one["description"], name
        codes = {status for status in one["responses"] if status >= "400"}
        assert "422" in codes, name
        for status in codes:
            assert "application/problem+json" in one["responses"][status]["content"], (name, status)


def test_every_parameter_says_what_it_means(operations):
    for name, one in operations.items():
        for parameter in one.get("parameters", ()):
            assert parameter.get("description"), (name, parameter["name"])


def test_documented_refusals_are_those_of_the_registry(operations):
    for name, one in operations.items():
        for status, reply in one["responses"].items():
            for code in reply.get("content", {}).get("application/problem+json", {}).get("examples", ()):
                assert str(PROBLEMS[code].status) == status, (name, code)


def test_every_reference_leads_somewhere(schema):
    def references(value):
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            for inner in value.values():
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    for reference in references(schema):
        kind, _, name = reference.removeprefix("#/components/").partition("/")
        assert name in schema["components"][kind], reference


def test_answers_have_no_defaults_so_every_field_is_always_there(schema):
    for name, one in schema["components"]["schemas"].items():
        if (
            one.get("type") == "object"
            and name != "ProblemBody"
            and not name.endswith("Request")
            and not one.get("title", "").startswith("Body_")
        ):
            assert set(one.get("required", ())) == set(one.get("properties", ())), name


def test_every_path_of_the_api_refuses_unknown_parameters():
    def routes(found):
        for route in found:
            if isinstance(route, APIRoute):
                yield route
            yield from routes(getattr(getattr(route, "original_router", None), "routes", ()))

    for route in routes(create_app(Settings()).router.routes):
        if route.path.startswith("/api/"):
            assert isinstance(route, StrictRoute), route.path
