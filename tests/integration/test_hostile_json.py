"""Hostile texts, numbers, names and JSON in every parameter of every path, those to come included."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from support.hostile_texts import BODIES, NAMES, NUMBERS, TEXTS

from service.problems import PROBLEMS

# What stands in a path where something must, so that the parameter under test is what is judged.
KNOWN = {"object_id": "J00000", "upload_id": "0" * 32}


@pytest.fixture(scope="module")
def operations(client):
    """(method, path, parameters, content types of the body) of every operation."""
    return [
        (method, path, told.get("parameters", []), list(told.get("requestBody", {}).get("content", {})))
        for path, methods in client.app.openapi()["paths"].items()
        for method, told in methods.items()
    ]


def filled(path, **values):
    for name, value in {**KNOWN, **values}.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def assert_no_failure(answer):
    """An answer, or a registered problem that shows neither a stack nor what was sent unclean."""
    assert answer.status_code < 500, (str(answer.request.url)[:200], answer.text[:500])
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json", answer.text[:300]
        body = answer.json()
        assert body["code"] in PROBLEMS
        assert "Traceback" not in answer.text
        assert len(answer.content) < 8000
        assert body["detail"].isprintable()
    assert "set-cookie" not in answer.headers


def kinds(parameter):
    """The types that a parameter's schema allows."""
    told = parameter["schema"]
    return {one.get("type") for one in told.get("anyOf", [told])} - {"null"}


@pytest.mark.parametrize("name", TEXTS)
def test_no_text_in_any_parameter_makes_a_path_fail(client, operations, name):
    for method, path, parameters, _ in operations:
        for parameter in parameters:
            if parameter["in"] == "path":
                url = filled(path, **{parameter["name"]: TEXTS[name]})
            else:
                url = f"{filled(path)}?{parameter['name']}={TEXTS[name]}"
            assert_no_failure(client.request(method, url))


@pytest.mark.parametrize("name", NUMBERS)
def test_what_is_no_number_is_no_value_of_any_number(client, operations, name):
    asked = 0
    for method, path, parameters, _ in operations:
        for parameter in parameters:
            if parameter["in"] == "query" and kinds(parameter) <= {"integer", "number"}:
                answer = client.request(method, f"{filled(path)}?{parameter['name']}={NUMBERS[name]}")
                assert_no_failure(answer)
                # 401 and 404: who asks and what for may be judged first.
                assert answer.status_code in (422, 401, 404), (path, parameter["name"], answer.text[:300])
                fields = [error["field"] for error in answer.json().get("errors", [])]
                assert not fields or parameter["name"] in fields
                asked += bool(fields)
    assert asked > 10


@pytest.mark.parametrize("name", BODIES)
def test_no_json_body_makes_a_path_fail(client, operations, name):
    takers = [(m, path) for m, path, _, kinds_of_body in operations if "application/json" in kinds_of_body]
    assert takers
    for method, path in takers:
        answer = client.request(
            method, filled(path), content=BODIES[name], headers={"content-type": "application/json"}
        )
        assert_no_failure(answer)
        assert answer.status_code in (400, 401, 413, 422), answer.text[:300]


def test_no_name_leads_out_of_what_is_served(client, operations):
    assert len(NAMES) > 200
    reading = [
        (path, parameter["name"])
        for path, parameter in (
            ("/api/v1/objects/J00000/neighbours", {"name": "survey"}),
            ("/api/v1/objects/J00000/neighbours", {"name": "release"}),
            ("/search", {"name": "survey"}),
        )
    ]
    for name in NAMES:
        for path, parameter in reading:
            answer = client.get(
                path, params={parameter: name, **({"id": "J00000"} if path == "/search" else {})}
            )
            assert answer.status_code in (404, 422), (path, name, answer.text[:300])
            assert "root:" not in answer.text
        answer = client.post("/api/v1/neighbours/upload", params={"survey": name}, content=b"SIMPLE")
        assert answer.status_code in (404, 415, 422), (name, answer.text[:300])


@pytest.mark.parametrize("path", ["/api/v1/neighbours/upload", "/upload"])
@pytest.mark.parametrize(
    "name",
    [
        "\x00.png",
        "\u202egnp.x",
        "x" * 60_000,
        "../../etc/passwd",
        "a\r\nX: y",
        'a";b',
        "１.png",
        "\x1b[31m.png",
        "%00",
        "",
    ],
    ids=[
        "NUL",
        "right to left",
        "60,000 letters",
        "path",
        "line end",
        "quote",
        "digits",
        "escape",
        "coded",
        "none",
    ],
)
def test_no_file_name_makes_an_upload_fail(client, path, name):
    stream = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (48, 48, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(stream, "PNG")
    # Written by hand: a client would clean the name.
    head = f'--BB\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: image/png\r\n\r\n'
    body = head.encode() + stream.getvalue() + b"\r\n--BB--\r\n"
    answer = client.post(path, content=body, headers={"content-type": "multipart/form-data; boundary=BB"})
    assert answer.status_code in (200, 400), answer.text[:500]
    assert "\x00" not in answer.text
    assert "\x1b" not in answer.text
    assert "passwd" not in answer.text


@pytest.mark.parametrize("field", ["survey", "bands", "pixscale", "ra", "zeropoint", "unknown"])
@pytest.mark.parametrize(
    "value", ["\x00", "\u202e", "NaN", "1e400", "x" * 10_000, "<script>alert(1)</script>", "../.."]
)
def test_no_field_of_the_form_makes_the_page_fail(client, field, value):
    stream = io.BytesIO()
    Image.fromarray(np.arange(48 * 48 * 3, dtype=np.uint32).astype(np.uint8).reshape(48, 48, 3)).save(
        stream, "PNG"
    )
    answer = client.post(
        "/upload", files=[("file", ("x.png", stream.getvalue(), "image/png"))], data={field: value}
    )
    assert answer.status_code in (200, 400, 404, 422), answer.text[:500]
    assert "<script>alert" not in answer.text


def test_rows_of_a_table_are_bounded_before_or_by_the_sandbox(client):
    head = b'<?xml version="1.0"?><VOTABLE><RESOURCE><TABLE><FIELD name="object_id" datatype="char" arraysize="*"/><DATA><TABLEDATA>'
    tail = b"</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    for rows in (b"<TR><TD>a</TD></TR>" * 200_000, b"<TR/>" * 1_000_000):
        answer = client.post(
            "/api/v1/photoz/batch",
            content=head + rows + tail,
            headers={"content-type": "application/x-votable+xml"},
        )
        # What can be read in time is a job; the rest is refused.
        assert answer.status_code == 202 or answer.json()["code"] in {
            "batch.too_large",
            "table.unreadable",
            "upload.timeout",
            "upload.memory",
        }
    good = head + b"<TR><TD>J00000</TD></TR>" + tail
    answer = client.post(
        "/api/v1/photoz/batch", content=good, headers={"content-type": "application/x-votable+xml"}
    )
    assert json.loads(answer.content)["n_ok"] == 1
