"""Around the pages: refusals that browsers can show, headers, nothing of the request repeated unclean."""

from contextlib import ExitStack

import pytest
from support.html import Page

from service.operations import neighbours
from service.operations.refusals import Busy


@pytest.fixture(scope="module")
def ids(client):
    return [row["object_id"] for row in client.get("/api/v1/anomalies?survey=tiny&limit=5").json()["objects"]]


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("POST", "/search", 405)])
def test_a_browser_beside_the_paths_gets_a_page_and_a_program_a_problem(client, method, path, status):
    answer = client.request(method, path, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers.get("allow") == ("GET" if status == 405 else None)
    assert "Start again" in Page(answer.text).words
    for accept, where in (("*/*", path), ("text/html", f"/api/v1{path}")):
        refused = client.request(method, where, headers={"Accept": accept})
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers.get("vary") == (None if "/api/" in where else "Accept")


def test_a_page_that_may_succeed_later_says_when(client, ids, monkeypatch):
    def busy(*_, **__):
        raise Busy("64 searches are running")

    monkeypatch.setattr(neighbours, "by_row", busy)
    answer = client.get("/search", params={"id": ids[0], "survey": "tiny"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    with ExitStack() as stack:
        for _ in range(client.app.state.settings.heavy_per_client):
            stack.enter_context(client.app.state.resources.fairness.hold("127.0.0.1"))
        refused = client.post("/upload", files=[("files", ("a.fits", b"x"))])
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")


def test_a_command_to_be_copied_holds_no_host_that_a_shell_would_run(client):
    assert "curl 'http://galaxies.example:8000/api/v1/" in Page(home(client, "galaxies.example:8000")).words
    for host in ("x'$(reboot)'", "x;reboot", "x y", "x&#39;"):
        assert "reboot" not in home(client, host)
        assert "curl '/api/v1/objects/" in Page(home(client, host)).words


def home(client, host):
    return client.get("/", headers={"Host": host}).text


def test_the_large_picture_may_be_kept_for_ever(client, ids):
    page = Page(client.get("/search", params={"id": ids[0], "survey": "tiny"}).text)
    address = next(image["src"] for image in page.images if "/cutout" in image["src"])
    assert "immutable" in client.get(address).headers["cache-control"]


def test_allow_names_every_method_of_a_path(client):
    """The methods of one path are routes of their own (RFC 9110, section 15.5.6, asks for all of them)."""
    refused = client.patch(f"/api/v1/uploads/{'0' * 32}")
    assert refused.status_code == 405
    assert refused.headers["allow"] == "DELETE, GET"
