"""The OpenAPI document says what the service answers and takes."""

import jsonschema_rs
import pytest

from service.openapi import document
from service.parameters import ID_PATTERN, MAX_ID_LENGTH, checked_id


@pytest.fixture(scope="module")
def paths():
    return document()["paths"]


def test_every_json_answer_is_described_by_its_model(paths):
    found = [
        (path, method, answer["content"]["application/json"]["schema"])
        for path, methods in paths.items()
        for method, operation in methods.items()
        for status, answer in operation["responses"].items()
        if status.startswith("2") and "application/json" in answer.get("content", {})
    ]
    assert len(found) >= 12
    assert [(path, method) for path, method, schema in found if "$ref" not in schema] == []


@pytest.mark.parametrize(
    "text",
    [
        "J00001",
        "SDSS J100024.12+021200.3",
        "銀河",
        "a\x00",
        "a\nb",
        "\u202e",
        "\u00a0",
        "\ue000",
        "",
        "x" * 129,
    ],
)
def test_the_schema_of_an_id_is_what_the_service_takes(text):
    schema = {"type": "string", "minLength": 1, "maxLength": MAX_ID_LENGTH, "pattern": ID_PATTERN}
    try:
        taken = checked_id(text) == text
    except ValueError:
        taken = False
    assert jsonschema_rs.is_valid(schema, text) == taken


@pytest.mark.parametrize(
    "text", ["0.5", "5arcsec", "2 arcmin", "1e-3deg", "", "-1", "five", "5 parsec", "1\n2"]
)
def test_the_schema_of_an_angle_is_what_the_service_takes(paths, text):
    (radius,) = [p for p in paths["/api/v1/objects"]["get"]["parameters"] if p["name"] == "radius"]
    from service.parameters import _ANGLE

    assert jsonschema_rs.is_valid({"type": "string", "pattern": radius["schema"]["pattern"]}, text) == bool(
        _ANGLE.fullmatch(text.strip())
    )
