from __future__ import annotations

import pytest
from starlette.requests import Request

from service import loopback
from service.loopback import is_local, is_loopback


@pytest.fixture(autouse=True)
def _kernel(monkeypatch):
    """A kernel that says the connection is our own user's."""
    monkeypatch.setattr(loopback, "is_own_users", lambda client, server: True)


def request(*, server=("127.0.0.1", 8000), client=("127.0.0.1", 50_000), version="1.1", **headers):
    sent = {"host": "127.0.0.1:8000", **headers}
    return Request(
        {
            "type": "http",
            "http_version": version,
            "method": "POST",
            "path": "/",
            "query_string": b"",
            "server": server,
            "client": client,
            "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in sent.items() if v is not None],
        }
    )


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.9.10", "::1", "localhost", "LOCALHOST", "::ffff:127.0.0.1"]
)
def test_loopback_is_what_only_this_machine_reaches(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",
        "::",
        "",
        None,
        "192.168.1.5",
        "localhost.example.org",
        "example.org",
        "127.1",
        "0",
        "2130706433",
    ],
)
def test_all_else_is_not_loopback(host):
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "localhost:8000"},
        {"host": "[::1]:8000"},
        {"host": "localhost"},
        # A form of our own page, whose referrer policy makes browsers send no origin; and our own scripts.
        {"sec_fetch_site": "same-origin", "origin": "null"},
        {"sec_fetch_site": "none"},
        {"origin": "http://127.0.0.1:8000"},
        {"referer": "http://localhost:8000/upload?survey=tiny"},
    ],
)
def test_who_sits_at_the_machine_is_local(headers):
    assert is_local(request(**headers), host="127.0.0.1")


@pytest.mark.parametrize(
    "headers",
    [
        {"x_forwarded_for": "192.0.2.7"},
        {"x_forwarded_proto": "https"},
        {"forwarded": "for=192.0.2.7"},
        {"via": "1.1 proxy"},
        {"x_real_ip": "192.0.2.7"},
        {"host": "skylike.example.org"},
        {"host": None},
        {"host": "[::1"},
        {"sec_fetch_site": "cross-site", "origin": "null"},
        {"sec_fetch_site": "same-site", "origin": "http://127.0.0.1:8888"},
        {"origin": "https://example.org"},
        {"origin": "null"},
        {"sec_fetch_site": "same-origin", "origin": "https://example.org"},
        {"sec_fetch_site": "none", "referer": "https://example.org/x"},
        {"referer": "https://example.org/http://127.0.0.1:8000/"},
        {"origin": "http://127.0.0.1@example.org"},
        {"origin": "http://example.org@127.0.0.1"},
        {"host": "example.org@127.0.0.1"},
        {"host": "example.org:8000@127.0.0.1:8000"},
        {"host": "127.0.0.1#@example.org"},
    ],
)
def test_what_a_proxy_or_a_page_elsewhere_sends_is_not_local(headers):
    assert not is_local(request(**headers), host="127.0.0.1")


@pytest.mark.parametrize(
    "server", [("192.168.1.5", 8000), ("/run/skylike.sock", None), None, ("testserver", 80)]
)
def test_a_connection_that_came_in_elsewhere_is_not_local(server):
    # The service was told loopback, and uvicorn was started with another --host or --uds.
    assert not is_local(request(server=server), host="127.0.0.1")


def test_a_service_that_listens_everywhere_has_no_local_user():
    assert not is_local(request(), host="0.0.0.0")


def test_http_1_0_is_taken_for_a_proxy():
    assert not is_local(request(version="1.0"), host="127.0.0.1")


@pytest.mark.parametrize(("said", "local"), [(True, True), (False, False), (None, True)])
def test_the_kernel_has_the_last_word_where_it_has_one(monkeypatch, said, local):
    # A proxy that speaks HTTP/1.1, writes Host anew and adds nothing (nginx from 1.29.7, socat) runs as another user.
    monkeypatch.setattr(loopback, "is_own_users", lambda client, server: said)
    assert is_local(request(connection="keep-alive"), host="127.0.0.1") is local


@pytest.mark.parametrize("client", [None, ("testclient", 50_000), ("", 0)])
def test_a_client_without_an_address_is_not_local(client):
    assert not is_local(request(client=client), host="127.0.0.1")
