"""Uploads are stored when asked, as pixels written anew, each for its owner alone, until they are deleted."""

from __future__ import annotations

import base64
import io
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image
from sqlalchemy import func, select
from support.owners import KEPT, UPLOAD, assert_problem, fits_of, kept, key_of, send
from support.serving import client_of, register_all

from index.catalogue.session import sessions
from service.records.audit import list_audit
from service.records.tables import uploads
from survey.archive import SurveyFolder
from survey.fits.writer import write_fits
from survey.ingest import Overrides


@pytest.fixture(scope="module")
def tiny(served_data):
    return SurveyFolder(served_data / "surveys" / "tiny")


@pytest.fixture(scope="module")
def good(tiny):
    return fits_of(tiny, 3)


@pytest.fixture(scope="module")
def registered(served_data, tmp_path_factory):
    """A database that knows what is served and holds no records yet."""
    path = tmp_path_factory.mktemp("registered") / "records.db"
    register_all(served_data, f"sqlite:///{path}")
    return path


@pytest.fixture
def at(registered, tmp_path):
    """Where a service keeps its records and uploads: SQLite and a folder of its own."""
    shutil.copy(registered, tmp_path / "records.db")
    return {"database_url": f"sqlite:///{tmp_path / 'records.db'}", "uploads_dir": tmp_path / "uploads"}


@pytest.fixture
def service(served_data, at):
    with client_of(served_data, **at) as client:
        yield client


@pytest.fixture
def on_database(served_data, database_url, tmp_path):
    register_all(served_data, database_url)
    with client_of(
        served_data, database_url=database_url, uploads_dir=tmp_path / "uploads", host="0.0.0.0"
    ) as client:
        yield client


def files_in(folder):
    return {p.relative_to(folder): p.stat().st_mtime_ns for p in folder.rglob("*")} if folder.exists() else {}


def test_an_upload_is_not_stored_unless_asked(served_data, good):
    before = files_in(served_data)
    with client_of(served_data) as client:
        for query in ("", "keep=false", "dry_run=true"):
            assert send(client, good, query).json()["query"]["upload_id"] is None
        assert_problem(send(client, good, "keep=true&dry_run=true"), 422, "request.invalid")
        assert send(client, b"no FITS at all").status_code == 415
    assert files_in(served_data) == before


def test_what_is_kept_is_answered_again_alike(on_database, tiny, good):
    _, ada = key_of(on_database, "ada")
    answer = send(on_database, good, "keep=true&k=7", **ada)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    upload_id = body["query"]["upload_id"]
    again = on_database.get(f"{KEPT}/{upload_id}/neighbours?k=7", headers=ada)
    assert again.json() == body
    assert body["hits"][0]["object_id"] == tiny.ids[3]
    record = on_database.get(f"{KEPT}/{upload_id}", headers=ada).json()
    assert record["upload"]["release"] == body["release"]["id"]
    assert record["upload"]["shape"] == body["query"]["shape"]
    assert {step["step"] for step in record["ingest"]["steps"]} <= {
        s["step"] for s in body["ingest"]["steps"]
    }
    page = on_database.get(KEPT, headers=ada).json()
    assert (page["owner"], page["n_total"], page["next_cursor"]) == ("ada", 1, None)
    assert page["uploads"] == [record["upload"]]
    for private in (again, on_database.get(KEPT, headers=ada)):
        assert private.headers["cache-control"] == "private, no-store"
        assert private.headers["vary"] == "Authorization"
        assert "access-control-allow-origin" not in private.headers


def test_stored_pixels_are_those_that_were_understood(service, good):
    upload_id = kept(service, good)
    image = service.get(f"{KEPT}/{upload_id}/cutout?format=fits")
    assert image.headers["content-type"] == "image/fits"
    resources = service.app.state.resources
    understood = resources.sandbox.run(
        [("upload", good)], Overrides(), field_arcsec=resources.field_arcsec
    ).cutout
    with fits.open(io.BytesIO(image.content)) as stored:
        stored.verify("exception")
        np.testing.assert_array_equal(stored[0].data, understood.flux)
        np.testing.assert_array_equal(stored["IVAR"].data, understood.ivar)
        assert stored[0].header["BUNIT"] == "nanomaggy"
    picture = service.get(f"{KEPT}/{upload_id}/cutout")
    assert picture.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(picture.content)) as shown:
        assert shown.size == understood.shape[::-1]


def test_nothing_of_the_bytes_sent_is_stored_but_pixels(service, at, tiny):
    (cutout,) = tiny.read([tiny.ids[3]])
    with fits.open(io.BytesIO(write_fits(cutout))) as hdus:
        hdus[0].header["OBSERVER"] = "Secret Observer"
        hdus.append(fits.ImageHDU(np.zeros((3, 3), np.int16), name="PAYLOAD"))
        stream = io.BytesIO()
        hdus.writeto(stream)
    upload_id = kept(service, stream.getvalue())
    stored = b"".join(path.read_bytes() for path in (at["uploads_dir"] / upload_id).iterdir())
    assert b"Secret Observer" not in stored
    assert b"PAYLOAD" not in stored
    sent = service.get(f"{KEPT}/{upload_id}").json()["upload"]["sent"]
    assert [file["n_bytes"] for file in sent] == [len(stream.getvalue())]


def test_a_picture_is_kept_as_a_picture(service):
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    answer = service.post(
        f"{UPLOAD}?keep=true", content=stream.getvalue(), headers={"content-type": "image/png"}
    ).json()
    one = f"{KEPT}/{answer['query']['upload_id']}"
    assert service.get(f"{one}/neighbours").json() == answer
    with Image.open(io.BytesIO(service.get(f"{one}/cutout").content)) as stored:
        np.testing.assert_array_equal(np.asarray(stored), pixels)
    assert_problem(service.get(f"{one}/cutout?format=fits"), 422, "cutout.no_flux")


def test_the_names_and_overrides_are_remembered_as_text(service, tiny):
    name = "../../etc/pass\\wd\n<b>.fits"
    data = fits_of(tiny, 4)
    answer = service.post(
        f"{UPLOAD}?keep=true&zeropoint=22.5&bands=sdss-ugriz", files=[("file", (name, data, "image/fits"))]
    )
    assert answer.status_code == 200, answer.text
    told = service.get(f"{KEPT}/{answer.json()['query']['upload_id']}").json()["upload"]
    assert told["overrides"] == {"zeropoint": [22.5], "bands": "sdss-ugriz"}
    assert "/" not in told["sent"][0]["name"]


def test_the_same_twice_is_one_upload_and_other_words_make_another(service, tiny, good):
    first = kept(service, good)
    assert kept(service, good) == first
    form = service.post(f"{UPLOAD}?keep=true", files=[("file", ("other name.fits", good, "image/fits"))])
    assert form.json()["query"]["upload_id"] == first
    assert kept(service, good, "keep=true&zeropoint=22.5") != first
    assert kept(service, fits_of(tiny, 4)) != first
    assert service.get(KEPT).json()["n_total"] == 3


def test_a_deleted_upload_is_gone_from_the_disk_too(on_database, good, tmp_path):
    _, ada = key_of(on_database, "ada")
    upload_id = kept(on_database, good, **ada)
    assert (tmp_path / "uploads" / upload_id / "cutout.fits").is_file()
    gone = on_database.delete(f"{KEPT}/{upload_id}", headers=ada)
    assert (gone.status_code, gone.content) == (204, b"")
    for path in ("", "/neighbours", "/cutout"):
        assert_problem(on_database.get(f"{KEPT}/{upload_id}{path}", headers=ada), 404, "upload.not_found")
    assert_problem(on_database.delete(f"{KEPT}/{upload_id}", headers=ada), 404, "upload.not_found")
    assert [p for p in (tmp_path / "uploads").rglob("*") if p.is_file()] == [tmp_path / "uploads" / ".lock"]
    with sessions(on_database.app.state.resources.engine)() as session:
        trail = [(one.owner, one.action, one.subject) for one in list_audit(session)]
    assert trail == [("ada", "upload.delete", upload_id), ("ada", "upload.keep", upload_id)]
    # Kept again, it is a new upload.
    assert kept(on_database, good, **ada) != upload_id


def test_a_list_in_pages_holds_each_upload_once_newest_first(on_database, tiny):
    _, ada = key_of(on_database, "ada")
    sent = [kept(on_database, fits_of(tiny, row), **ada) for row in range(5)]
    found, cursor = [], ""
    while cursor is not None:
        page = on_database.get(f"{KEPT}?limit=2{cursor and '&cursor='}{cursor}", headers=ada).json()
        found += [one["upload_id"] for one in page["uploads"]]
        cursor = page["next_cursor"]
    assert found == sent[::-1]
    # Four seconds off, which no time zone of ours is.
    far = base64.urlsafe_b64encode(b'["2026-11-22T04:00:00+00:00:04","a"]').decode().rstrip("=")
    for wrong in ("nonsense", "W10", "WyJhIiwgImIiXQ", "%00", "bnVsbA", "WzEsMl0", far):
        assert_problem(on_database.get(f"{KEPT}?cursor={wrong}", headers=ada), 422, "cursor.invalid")


def test_many_who_keep_the_same_at_once_are_given_one_id(on_database, good, tmp_path):
    _, ada = key_of(on_database, "ada")
    ready = threading.Barrier(4)

    def keep(_):
        ready.wait()
        return send(on_database, good, **ada)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(keep, range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["query"]["upload_id"] for answer in answers}) == 1
    with sessions(on_database.app.state.resources.engine)() as session:
        assert session.execute(select(func.count()).select_from(uploads)).scalar_one() == 1
    kept_folder = on_database.app.state.resources.kept
    assert (len(kept_folder.settled()), kept_folder.pending()) == (1, [])


def test_a_refused_file_is_not_kept(service, at, good):
    assert send(service, good[:-2880]).status_code == 422
    assert files_in(at["uploads_dir"]) == {}


def test_lost_pixels_are_said_and_healed_by_sending_again(service, at, good):
    upload_id = kept(service, good)
    one = at["uploads_dir"] / upload_id
    damaged = bytearray((one / "cutout.fits").read_bytes())
    damaged[-1] ^= 1
    (one / "cutout.fits").write_bytes(damaged)
    assert_problem(service.get(f"{KEPT}/{upload_id}/neighbours"), 410, "upload.lost")
    assert_problem(service.get(f"{KEPT}/{upload_id}/cutout?format=fits"), 410, "upload.lost")
    shutil.rmtree(one)
    for path in ("", "/neighbours", "/cutout"):
        assert_problem(service.get(f"{KEPT}/{upload_id}{path}"), 410, "upload.lost")
    assert len(service.get(KEPT).json()["uploads"]) == 1
    again = kept(service, good)
    assert again != upload_id
    assert service.get(f"{KEPT}/{again}/neighbours").status_code == 200
    assert service.get(KEPT).json()["n_total"] == 1


def test_the_report_is_shown_without_a_pixel_being_read(service, good, monkeypatch):
    upload_id = kept(service, good)
    first = service.get(f"{KEPT}/{upload_id}").json()

    def refuse(*_arguments):
        raise AssertionError("the pixels were read")

    monkeypatch.setattr("service.operations.kept_files.decode", refuse)
    original = Path.read_bytes
    monkeypatch.setattr(
        Path, "read_bytes", lambda path: refuse() if path.suffix == ".fits" else original(path)
    )
    shown = service.get(f"{KEPT}/{upload_id}")
    assert (shown.status_code, shown.json()) == (200, first)


def test_asking_again_counts_as_heavy_but_pictures_wait_their_turn(served_data, at, good):
    with client_of(served_data, heavy_per_client=1, **at) as client:
        one = f"{KEPT}/{kept(client, good)}"
        with client.app.state.resources.fairness.hold("127.0.0.1"):
            for path in ("/neighbours", "/cutout?format=fits"):
                assert_problem(client.get(one + path), 429, "client.too_many")
            assert client.get(one.replace("/api/v1", "")).status_code == 429
            assert client.get(one + "/cutout").status_code == 200
        assert client.get(one + "/neighbours").status_code == 200


def test_a_lost_upload_can_be_deleted(service, at, good):
    upload_id = kept(service, good)
    shutil.rmtree(at["uploads_dir"] / upload_id)
    assert service.delete(f"{KEPT}/{upload_id}").status_code == 204
    assert service.get(KEPT).json()["uploads"] == []


def test_an_upload_outlives_the_release_that_answered_it(service, tiny, good, monkeypatch):
    upload_id = kept(service, good)
    resources = service.app.state.resources
    row = service.get(f"{KEPT}/{upload_id}").json()["upload"]
    assert_problem(service.get(f"{KEPT}/{upload_id}/neighbours?release=gone--gone"), 404, "release.not_found")
    rgb = next(name for name in resources.releases if name.startswith("rgb"))
    refused = service.get(f"{KEPT}/{upload_id}/neighbours?release={rgb}")
    assert_problem(refused, 422, "upload.no_release")
    other = replace_release(resources, row["release"])
    monkeypatch.setattr(service.app.state, "resources", other)
    again = service.get(f"{KEPT}/{upload_id}/neighbours").json()
    assert again["release"]["id"] == "tiny--other"
    assert again["hits"][0]["object_id"] == tiny.ids[3]


def replace_release(resources, release_id):
    """The same resources, with a release under another id."""
    served = resources.releases[release_id]
    other = replace(served)
    object.__setattr__(other, "block", {**served.block, "id": "tiny--other"})
    releases = {("tiny--other" if k == release_id else k): v for k, v in resources.releases.items()}
    releases["tiny--other"] = other
    defaults = {k: ("tiny--other" if v == release_id else v) for k, v in resources.defaults.items()}
    return replace(resources, releases=releases, defaults=defaults)
