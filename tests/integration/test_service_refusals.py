"""What strangers send: every answer is a problem that says why, none is a 500, nothing is repeated unclean."""

from __future__ import annotations

import json
import re

import pytest
from support.serving import client_of

from service.problems import PROBLEMS

BY_ID = "/api/v1/objects/J00000/neighbours"
BATCH = "/api/v1/photoz/batch"
PLACE = "/api/v1/neighbours"

# Query strings as they stand on the wire (reliability rows 51, 52, 57 to 61).
HOSTILE_QUERIES = {
    BY_ID: [
        "k=0",
        "k=-1",
        "k=1001",
        "k=1000000000",
        "k=" + "9" * 5000,
        "k=1e400",
        "k=NaN",
        "k=",
        "k=0x10",
        "k=%00",
        "k=10&k=20",
        "K=10",
        "zmin=0.1",
        "z_min=NaN",
        "z_min=inf",
        "z_min=1e400",
        "z_min=-1e400",
        "z_min=0.2&z_max=0.1",
        "mag_r_max=Infinity",
        "survey=../../etc",
        "survey=%00",
        "survey=%2e%2e%2f",
        "survey=TINY",
        "survey=" + "a" * 10_000,
        "survey=%ED%A0%80",
        "release=..%2Fx",
        "sort=object_id;DROP TABLE galaxies",
        "%ED%A0%80=1",
        "%00=1",
        "&".join(f"a{i}=1" for i in range(2000)),
    ],
    PLACE: [
        "",
        "ra=1",
        "dec=1",
        "ra=NaN&dec=0",
        "ra=inf&dec=0",
        "ra=1e400&dec=0",
        "ra=361&dec=0",
        "ra=360&dec=0",
        "ra=-1&dec=0",
        "ra=0&dec=91",
        "ra=0&dec=-90.0001",
        "ra=0&dec=0&target=J00000",
        "ra=0&dec=0&match_radius=0",
        "ra=0&dec=0&match_radius=-1",
        "ra=0&dec=0&match_radius=1deg",
        "ra=0&dec=0&match_radius=1e400",
        "ra=0&dec=0&match_radius=nan",
        "ra=0&dec=0&match_radius=3parsec",
        "ra=0&dec=0&match_radius=" + "1" * 300,
        "target=",
        "target=%00",
        "target=%ED%A0%80",
        "target=" + "x" * 201,
        "target=10%2091",
        "target=NaN%20NaN",
        "target=hpx29:99999999999999999999",
    ],
    "/api/v1/objects": [
        "ra=0&dec=0",
        "ra=0&dec=0&radius=180",
        "ra=0&dec=0&radius=NaN",
        "ra=0&dec=0&radius=0",
        "ra=0&dec=0&radius=1&limit=0",
        "ra=0&dec=0&radius=1&limit=1001",
        "ra=0&dec=0&radius=1&offset=100000000",
    ],
    "/api/v1/objects/J00000/cutout": [
        "format=tiff",
        "zoom=0",
        "zoom=1000000",
        "v=../..",
        "scale_bar=maybe",
        "format=../png",
    ],
}
REFUSED = [(path, query) for path, queries in HOSTILE_QUERIES.items() for query in queries]

HOSTILE_IDS = [
    "%00",
    "J00000%00",
    "%ED%A0%80",
    "%E2%80%AE",
    "..",
    "..%2f..%2fetc%2fpasswd",
    "' OR 1=1 --",
    "%25",
    "J0000_",
    "x" * 129,
    "x" * 20_000,
    "%0d%0aSet-Cookie:a=b",
    "NaN",
]

HOSTILE_BODIES = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"7",
    b'"x"',
    b"[" * 100_000,
    b'{"ids":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    b"\xff\xfe",
    b'{"ids": ["\xed\xa0\x80"]}',
    b'{"ids": ["\\ud800"]}',
    b'{"ids": ["\\u0000"]}',
    b'{"ids": ["J\\u0000"]}',
    b'{"ids": ["\\u202e"]}',
    b'{"ids": [""]}',
    b'{"ids": [NaN]}',
    b'{"ids": [1]}',
    b'{"ids": [1e400]}',
    b'{"ids": {"0": "J00000"}}',
    b'{"ids": "J00000"}',
    b'{"ids": []}',
    b'{"ids": null}',
    b"{}",
    b'{"ids": ["J00000"], "positions": []}',
    b'{"ids": ["J00000"], "k": 3}',
    b'{"ids": ["J00000"], "\\ud800": 3}',
    b'{"ids": ["J00000"], "\\u0000": 3}',
    b'{"positions": [{"ra_deg": NaN, "dec_deg": 0}]}',
    b'{"positions": [{"ra_deg": Infinity, "dec_deg": 0}]}',
    b'{"positions": [{"ra_deg": 1e400, "dec_deg": 0}]}',
    b'{"positions": [{"ra_deg": 1e308, "dec_deg": -1e308}]}',
    b'{"positions": [{"ra_deg": 361, "dec_deg": 0}]}',
    b'{"positions": [{"ra_deg": 1}]}',
    b'{"positions": [{"ra_deg": "x", "dec_deg": 0}]}',
    b'{"positions": [[1, 2]]}',
    b'{"ids": ["' + b"x" * 60_000 + b'"]}',
    json.dumps({"ids": [["J00000"]] * 2001}).encode(),
    json.dumps({"ids": ["J00000"] * 2001, "positions": [{}] * 2001}).encode(),
    json.dumps({f"key{i}": i for i in range(50_000)}).encode(),
]


def check_problem(answer, *statuses: int) -> dict:
    """Any refusal: registered, self-consistent, clean, without a path or a stack."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text[:300]
    body = answer.json()
    problem = PROBLEMS[body["code"]]
    assert body["status"] == answer.status_code
    assert answer.status_code in (statuses or (problem.status,))
    assert body["type"] == f"/api/v1/problems#{problem.slug}"
    assert body["title"] == problem.title
    assert body["request_id"] == answer.headers["x-request-id"]
    assert not re.search(r"Traceback|File \"|site-packages|\.py\b|/tmp/|sqlalchemy", answer.text)
    assert len(answer.content) < 8000
    return body


@pytest.mark.parametrize(("path", "query"), REFUSED, ids=lambda text: str(text)[:40])
def test_a_hostile_query_is_a_problem(client, path, query):
    # A target that is no place may be an id, which then is not found.
    check_problem(client.get(f"{path}?{query}"), 422, *([404] if query.startswith("target=") else []))


@pytest.mark.parametrize("object_id", HOSTILE_IDS, ids=lambda text: text[:20])
@pytest.mark.parametrize("tail", ["", "/neighbours", "/photoz", "/anomaly", "/cutout", "/thumbnail.webp"])
def test_a_hostile_id_is_a_problem(client, object_id, tail):
    check_problem(client.get(f"/api/v1/objects/{object_id}{tail}"), 404, 422)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"positions": [' + b"{}," * 300_000 + b"{}]}", "request.invalid"),
        (b'{"ids": [' + b'"",' * 300_000 + b'""]}', "request.invalid"),
        (json.dumps({"positions": [{f"k{i}": 1 for i in range(50_000)}]}).encode(), "request.invalid"),
        (json.dumps({f"k{i}": 1 for i in range(50_000)}).encode(), "request.invalid"),
    ],
    ids=lambda value: repr(value[:24]),
)
def test_a_body_of_very_many_values_is_refused_by_their_number_alone(client, body, code):
    # Validated, each would be an error of its own: seconds in which no other request is answered.
    refused = check_problem(client.post(BATCH, content=body, headers={"Content-Type": "application/json"}))
    assert refused["code"] == code
    assert refused.get("n_errors", 1) == 1


@pytest.mark.parametrize("body", HOSTILE_BODIES, ids=lambda body: repr(body[:30]))
def test_a_hostile_body_is_a_problem(client, body):
    check_problem(
        client.post(BATCH, content=body, headers={"Content-Type": "application/json"}), 400, 413, 422
    )


def test_a_refused_field_is_named_but_its_value_is_not_repeated(client):
    body = check_problem(client.get(f"{BY_ID}?k=secret-value"))
    assert body["errors"][0]["field"] == "k"
    assert "secret-value" not in json.dumps(body)


def test_the_known_parameters_are_named_beside_the_unknown_one(client):
    body = check_problem(client.get(f"{BY_ID}?zmin=0.1"))
    assert body["code"] == "request.unknown_parameter"
    assert "z_min" in body["detail"]


@pytest.mark.parametrize("kind", ["", "text/html", "image/png", "application/x-hdf5", "x" * 5000])
def test_a_body_of_another_type_is_refused(client, kind):
    headers = {"Content-Type": kind} if kind else {}
    body = check_problem(client.post(BATCH, content=b"x,y\n1,2\n", headers=headers), 415)
    assert body["code"] == "request.media_type"


def test_an_unknown_path_and_a_wrong_method_are_problems(client):
    assert check_problem(client.get("/api/v1/nothing"))["code"] == "route.not_found"
    assert check_problem(client.get("/api/v1/objects/"))["code"] == "route.not_found"
    assert check_problem(client.post("/livez"))["code"] == "request.method"
    assert check_problem(client.delete(BY_ID))["code"] == "request.method"


def test_large_headers_are_refused(client):
    body = check_problem(client.get("/livez", headers={"X-Large": "x" * 40_000}))
    assert body["code"] == "request.headers_too_large"


def test_a_survey_that_is_not_served_names_those_that_are(client):
    body = check_problem(client.get(f"{BY_ID}?survey=nothing"))
    assert (body["code"], body["status"]) == ("survey.not_found", 404)
    assert "tiny" in body["detail"]
    assert check_problem(client.get(f"{BY_ID}?release=nothing"))["code"] == "release.not_found"


def test_a_release_of_another_survey_is_a_conflict(client):
    release = next(r["id"] for r in client.get("/api/v1/releases").json()["releases"] if r["survey"] == "rgb")
    body = check_problem(client.get(f"{BY_ID}?survey=tiny&release={release}"))
    assert (body["code"], body["status"]) == ("release.mismatch", 409)


def test_a_cursor_of_an_old_release_has_expired(client):
    from service.operations.cursors import digest_of
    from service.operations.list_cursors import encode_list_cursor

    cursor = encode_list_cursor("gone--model", digest_of(b"/api/v1/anomalies", b"", None), 10)
    body = check_problem(client.get(f"/api/v1/anomalies?cursor={cursor}"))
    assert (body["code"], body["status"]) == ("cursor.expired", 410)


def test_display_images_have_no_redshift_and_no_fluxes(client):
    assert (
        check_problem(client.get("/api/v1/objects/J00000/photoz?survey=rgb"))["code"] == "photoz.unavailable"
    )
    refused = client.get("/api/v1/objects/J00000/cutout?survey=rgb&format=fits")
    assert check_problem(refused)["code"] == "cutout.no_flux"
    assert (
        check_problem(client.post(f"{BATCH}?survey=rgb", json={"ids": ["J00000"]}))["code"]
        == "photoz.unavailable"
    )


def test_every_answer_carries_the_security_headers(client):
    for path in ("/livez", "/api/v1/nothing", f"{BY_ID}?k=0", "/api/v1/objects/J00000/thumbnail.webp"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-request-id"]


def test_a_good_request_id_is_kept_and_a_bad_one_replaced(client):
    assert client.get("/livez", headers={"X-Request-Id": "abc-123"}).headers["x-request-id"] == "abc-123"
    for bad in ("a b", "x" * 65, "<script>"):
        assert client.get("/livez", headers={"X-Request-Id": bad}).headers["x-request-id"] != bad


def test_only_reading_is_open_to_other_origins(client):
    assert client.get(BY_ID).headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in client.post(BATCH, json={"ids": ["J00000"]}).headers


def test_a_body_beyond_the_limit_is_refused(served_data):
    with client_of(served_data, json_max_bytes=2048, table_max_bytes=4096) as client:
        json_type, csv_type = {"Content-Type": "application/json"}, {"Content-Type": "text/csv"}
        for headers, limit in ((json_type, 2048), (csv_type, 4096)):
            declared = client.post(BATCH, content=b"x" * (limit + 1), headers=headers)
            assert check_problem(declared, 413)["code"] == "request.too_large"
        huge = client.post(BATCH, content=b"x", headers={**csv_type, "Content-Length": "1" + "0" * 30})
        assert huge.status_code == 413
        assert client.post(BATCH, json={"ids": ["J00000"]}).status_code == 200


def test_the_queue_is_bounded(served_data):
    with client_of(served_data, search_workers=1, search_queue=0) as client:
        workers = client.app.state.resources.workers
        workers._inside = 1
        body = check_problem(client.get(f"{BY_ID}?z_min=0.1"), 503)
        assert body["code"] == "service.busy"
        # What is precomputed needs no worker.
        assert client.get(BY_ID).status_code == 200
        workers._inside = 0
        assert client.get(f"{BY_ID}?z_min=0.1").status_code == 200
        assert client.get(f"{BY_ID}?z_min=0.1").headers.get("retry-after") is None


def test_one_client_may_have_so_many_heavy_requests(served_data):
    with client_of(served_data, heavy_per_client=1) as client:
        fairness = client.app.state.resources.fairness
        with fairness.hold("127.0.0.1"):
            refused = client.post(BATCH, json={"ids": ["J00000"]})
            assert check_problem(refused, 429)["code"] == "client.too_many"
            assert refused.headers["retry-after"] == "1"
        assert client.post(BATCH, json={"ids": ["J00000"]}).status_code == 200
