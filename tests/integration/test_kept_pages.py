"""The pages of kept uploads: offered to owners only, shown to their owner only, deleted from our own pages only."""

import re
import shutil

import pytest
from support.html import Page
from support.owners import kept as api_kept
from support.owners import key_of
from support.serving import client_of, register_all

from survey.archive import SurveyFolder
from survey.fits.writer import write_fits

HOSTILE = '"><img src=x onerror=alert(1)>.fits'
REMOTE = {"host": "skylike.example.org"}


@pytest.fixture(scope="module")
def registered(served_data, tmp_path_factory):
    path = tmp_path_factory.mktemp("registered") / "records.db"
    register_all(served_data, f"sqlite:///{path}")
    return path


@pytest.fixture
def service(served_data, registered, tmp_path):
    shutil.copy(registered, tmp_path / "records.db")
    database = f"sqlite:///{tmp_path / 'records.db'}"
    with client_of(served_data, database_url=database, uploads_dir=tmp_path / "uploads") as client:
        yield client


@pytest.fixture
def on_database(served_data, database_url, tmp_path):
    """A service for owners of keys only, with two of them."""
    register_all(served_data, database_url)
    where = {"database_url": database_url, "uploads_dir": tmp_path / "uploads", "host": "0.0.0.0"}
    with client_of(served_data, **where) as client:
        yield client, key_of(client, "ada")[1], key_of(client, "eve")[1]


@pytest.fixture(scope="module")
def tiny(served_data):
    return SurveyFolder(served_data / "surveys" / "tiny")


@pytest.fixture(scope="module")
def good(tiny):
    return write_fits(tiny.read([tiny.ids[3]])[0])


def send(client, data, path="/upload", name="mine.fits", **fields):
    return client.post(path, files=[("files", (name, data))], data={"survey": "tiny", **fields})


def kept(client, data, **more):
    """Keep an upload; returns the address of its page."""
    answer = send(client, data, keep="true", **more)
    assert answer.status_code == 200, answer.text
    return re.search(r'href="(/uploads/[0-9a-f]{32})"', answer.text)[1]


def n_kept(client):
    return client.get("/api/v1/uploads").json()["n_total"]


def test_a_kept_upload_has_a_page_that_finds_the_same_again(service, good, tiny):
    fresh = send(service, good, keep="true")
    address = re.search(r'href="(/uploads/[0-9a-f]{32})"', fresh.text)[1]
    again = service.get(address)
    assert again.status_code == 200
    assert again.headers["cache-control"] == "private, no-store"
    pictures = [[i["src"] for i in Page(answer.text).pictures] for answer in (fresh, again)]
    assert pictures[0] == pictures[1]
    assert tiny.ids[3] in pictures[0][0]
    assert "What was understood" in Page(again.text).words


def test_the_list_shows_names_as_text_with_pictures_that_are_there(service, good):
    kept(service, good, name=HOSTILE)
    answer = service.get("/uploads")
    page = Page(answer.text)
    assert answer.headers["cache-control"] == "private, no-store"
    assert "<img src=x" not in answer.text
    assert "onerror=alert(1)>.fits" in page.words
    assert "1 of at most" in page.words
    (picture,) = page.images
    assert service.get(picture["src"]).headers["content-type"] == "image/png"
    downloads = [link["href"] for link in page.links if link.get("href", "").endswith("format=fits")]
    assert service.get(downloads[0]).content[:9] == b"SIMPLE  ="


def test_nothing_is_kept_that_was_not_ticked_or_only_checked(service, good):
    assert "not stored" in Page(send(service, good).text).words
    checked = send(service, good, path="/upload/check", keep="true")
    assert 'name="keep" value="true" checked' in checked.text
    assert n_kept(service) == 0
    assert "Nothing is kept" in Page(service.get("/uploads").text).words


def test_delete_deletes_and_goes_back_to_the_list(service, good):
    address = kept(service, good)
    gone = service.post(f"{address}/delete", follow_redirects=False)
    assert (gone.status_code, gone.headers["location"]) == (303, "/uploads")
    assert n_kept(service) == 0
    assert service.get(address).status_code == 404
    assert service.post(f"{address}/delete").status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
    ],
)
def test_another_site_deletes_nothing(service, good, headers):
    address = kept(service, good)
    refused = service.post(f"{address}/delete", headers=headers)
    assert refused.status_code == 403
    assert "Another site" in Page(refused.text).words
    assert n_kept(service) == 1


def test_our_own_pages_may_delete(service, good):
    for headers in ({"sec-fetch-site": "same-origin", "origin": "null"}, {"origin": "http://127.0.0.1:8000"}):
        assert service.post(f"{kept(service, good)}/delete", headers=headers).status_code == 200
        assert n_kept(service) == 0


def test_keeping_is_offered_to_owners_only(served_data, good):
    with client_of(served_data, upload_anonymous=True) as open_to_all:
        # Whoever lets strangers upload has no user of this machine: they cannot be told apart.
        for headers in ({}, REMOTE):
            assert 'name="keep"' not in open_to_all.get("/upload", headers=headers).text
            refused = open_to_all.post(
                "/upload", files=[("files", ("a.fits", good))], data={"keep": "true"}, headers=headers
            )
            assert refused.status_code == 401
            assert open_to_all.get("/uploads", headers=headers).status_code == 401
    with client_of(served_data) as private:
        assert 'name="keep"' in private.get("/upload").text
        assert "only with a key" in Page(private.get("/upload", headers=REMOTE).text).words
        assert "only with a key" in Page(private.get("/", headers=REMOTE).text).words
        assert private.get("/uploads", headers=REMOTE).status_code == 401


def test_what_was_never_kept_is_a_page_of_404(service):
    assert service.get(f"/uploads/{'0' * 32}").status_code == 404
    assert service.post(f"/uploads/{'0' * 32}/delete").status_code == 404


def test_what_is_no_id_is_a_page_that_says_so_on_any_database(on_database):
    client, ada, _ = on_database
    # PostgreSQL's text takes no NUL: it must not be asked.
    for upload_id in ("%00", "a%00b", "..%5C..%5Cetc", "<script>", "x" * 3000, "0" * 31 + "%0A"):
        for method, end in (("GET", ""), ("POST", "/delete")):
            answer = client.request(method, f"/uploads/{upload_id}{end}", headers=ada)
            assert answer.status_code == 422, upload_id
            assert answer.headers["content-type"].startswith("text/html")
            assert "<script>" not in answer.text


def test_anothers_upload_is_a_page_of_404_and_stays(on_database, good):
    client, ada, eve = on_database
    hers = f"/uploads/{api_kept(client, good, **ada)}"
    never = f"/uploads/{'0' * 32}"
    for method, end in (("GET", ""), ("POST", "/delete")):
        seen, absent = (client.request(method, one + end, headers=eve) for one in (hers, never))
        assert (seen.status_code, absent.status_code) == (404, 404)
        assert Page(seen.text).words.replace(hers[9:], "") == Page(absent.text).words.replace(never[9:], "")
    assert "Nothing is kept" in Page(client.get("/uploads", headers=eve).text).words
    assert client.get(hers, headers=ada).status_code == 200
