"""The web pages, without a browser: what they say and what they link to."""

import re

import pytest
from sqlalchemy.exc import OperationalError
from support.html import Page

from service.operations import neighbours
from survey.manifests import CorruptFolder


def raise_(error):
    raise error


@pytest.fixture(scope="module")
def ids(client):
    return [row["object_id"] for row in client.get("/api/v1/anomalies?survey=tiny&limit=5").json()["objects"]]


def test_home_shows_what_is_served_and_takes_files(client):
    answer = client.get("/")
    page = Page(answer.text)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert 'type="file"' in answer.text
    assert len(page.images) > 5
    assert "tiny" in page.words
    assert "rgb" in page.words


def test_everything_a_page_loads_is_our_own_and_there(client):
    page = Page(client.get("/").text)
    addresses = (
        [i["src"] for i in page.images] + [s["src"] for s in page.scripts] + [s["href"] for s in page.styles]
    )
    for address in addresses:
        assert address.startswith("/")
        assert client.get(address).status_code == 200, address


def test_results_are_those_of_the_api_in_the_same_order(client, ids):
    api = client.get(f"/api/v1/objects/{ids[0]}/neighbours?survey=tiny&k=7").json()
    page = Page(client.get("/search", params={"id": ids[0], "survey": "tiny", "k": 7}).text)
    shown = [
        re.search(r"objects/([^/]+)/thumb", image["src"])[1]
        for image in page.pictures
        if "thumb" in image["src"]
    ]
    assert shown == [hit["object_id"] for hit in api["hits"]]
    assert api["release"]["id"] in page.words


def test_the_permalink_gives_the_same_page_again(client, ids):
    query = {"id": ids[1], "survey": "tiny", "k": 9, "z_min": "0.01", "z_max": ""}
    first = client.get("/search", params=query).text
    permalink = next(
        link["href"] for link in Page(first).links if link.get("href", "").startswith("/search?id=" + ids[1])
    )
    assert client.get(permalink).text == first


def test_links_to_the_real_sky_are_marked_external(client, ids):
    page = Page(client.get("/search", params={"id": ids[0], "survey": "tiny"}).text)
    outside = [link for link in page.links if link.get("href", "").startswith("http")]
    assert outside
    assert all("external" in link["rel"] for link in outside)


def test_a_filter_narrows_and_says_so(client, ids):
    page = Page(client.get("/search", params={"id": ids[0], "survey": "tiny", "z_min": "19"}).text)
    assert "Nothing passes your filters" in page.words
    assert "z_spec in 19" in page.words


def test_a_filter_from_zero_stays_in_the_form_and_in_the_json(client, ids):
    query = {"id": ids[0], "survey": "tiny", "z_min": "0", "z_max": "0.5", "k": "5"}
    answer = client.get("/search", params=query)
    page = Page(answer.text)
    assert 'name="z_min" inputmode="decimal" value="0.0"' in answer.text
    (link,) = [a["href"] for a in page.links if "/neighbours?" in a["href"]]
    assert client.get(link).json()["search"]["filters"] == {"z_spec": [0.0, 0.5]}


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"target": "nothing-of-this-name"}, 404, "nothing-of-this-name"),
        ({"target": "10:00:24 -89:30:00"}, 404, "away"),
        ({"target": "<script>alert(1)</script>"}, 404, "alert(1)"),
        ({"target": ""}, 422, "target"),
        ({"target": "1 1", "k": "many"}, 422, "k must be a number"),
        ({"target": "1 1", "k": "10.7"}, 422, "k must be a whole number"),
        ({"target": "1 1", "z_min": "nan"}, 422, "z from must be a number"),
        ({"target": "1 1", "survey": "other"}, 404, "other"),
        ({"target": "1 1", "survey": "NOT A NAME"}, 422, "survey: String should match"),
        ({"id": "x\x00y"}, 422, "printable"),
    ],
)
def test_what_cannot_be_searched_is_refused_as_a_page(client, query, status, words):
    answer = client.get("/search", params=query)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["cache-control"] == "no-store"
    assert "<script>alert" not in answer.text
    assert words in Page(answer.text).words


def test_a_place_beside_an_object_offers_it_and_does_not_snap(client, ids):
    row = client.get(f"/api/v1/objects/{ids[0]}?survey=tiny").json()
    beside = f"{row['ra_deg']:.6f} {row['dec_deg'] + 10 / 3600:+.6f}"
    answer = client.get("/search", params={"target": beside, "survey": "tiny"})
    assert answer.status_code == 404
    assert "10″ away" in Page(answer.text).words
    assert ids[0] in answer.text


def test_what_is_offered_nearby_is_of_the_release_that_was_asked(client):
    releases = client.get("/api/v1/releases").json()["releases"]
    for release in releases:
        query = {"target": "10:00:24 -89:30:00", "release": release["id"]}
        page = Page(client.get("/search", params=query).text)
        assert f"survey={release['survey']}&" in page.images[0]["src"]
        assert any(f"release={release['id']}" in link["href"] for link in page.links)


def test_random_leads_to_a_galaxy(client):
    answer = client.get("/random?survey=rgb", follow_redirects=False)
    assert answer.status_code == 303
    assert client.get(answer.headers["location"]).status_code == 200


def test_anomalies_page_by_page_names_each_galaxy_once(client):
    address, seen = "/anomalies?survey=tiny&p_max=", []
    while address:
        page = Page(client.get(address).text)
        seen += [re.search(r"objects/([^/]+)/thumb", image["src"])[1] for image in page.images]
        address = next((link["href"] for link in page.links if link.get("rel") == "next"), None)
    assert (
        len(seen) == len(set(seen)) == client.get("/api/v1/anomalies?survey=tiny&limit=1").json()["n_total"]
    )


def test_an_uploaded_galaxy_is_shown_with_what_was_understood(client, ids):
    fits = client.get(f"/api/v1/objects/{ids[0]}/cutout?survey=tiny&format=fits").content
    answer = client.post("/upload", files=[("files", ("mine.fits", fits))], data={"survey": "tiny"})
    page = Page(answer.text)
    assert answer.status_code == 200
    assert "What was understood" in page.words
    assert '<image href="data:image/png;base64,' in answer.text
    assert ids[0] in page.pictures[0]["src"]


def test_a_file_that_is_no_image_is_refused_with_the_form_again(client):
    answer = client.post("/upload", files=[("files", ("x.gif", b"GIF89a" + bytes(100)))])
    assert answer.status_code == 415
    assert 'action="/upload"' in answer.text


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        ({"files": [("files", ("a.fits", b"x"))] * 10}, 400, "Too many files"),
        ({"files": [("files", ("a.fits", b"x"))], "data": {"bands": "g" * 20_000}}, 400, "maximum size"),
        ({"files": [("files", ("a.fits", bytes(33 << 20)))]}, 413, "the limit is 33554432"),
        (
            {"content": b"no form", "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
            400,
            "multipart",
        ),
    ],
    ids=["files", "field", "size", "form"],
)
def test_a_form_that_cannot_be_taken_is_refused_as_a_page(client, sent, status, words):
    answer = client.post("/upload", **sent)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert words in Page(answer.text).words
    assert 'action="/upload"' in answer.text


def test_a_page_says_nothing_of_a_broken_folder_or_a_database(client, ids, monkeypatch):
    for error in (
        CorruptFolder("/srv/private"),
        OperationalError("SELECT private", {}, Exception("private")),
    ):
        monkeypatch.setattr(neighbours, "by_row", lambda *_, error=error: raise_(error))
        answer = client.get("/search", params={"id": ids[0], "survey": "tiny"})
        assert answer.status_code == 503
        assert "private" not in answer.text


def test_no_file_at_all_is_said(client):
    answer = client.post("/upload", data={"bands": "grz"})
    assert answer.status_code == 400
    assert "No file was sent" in answer.text


def test_the_api_page_lists_every_path(client):
    words = Page(client.get("/docs").text).words
    for path in client.get("/api/v1/openapi.json").json()["paths"]:
        assert path in words
