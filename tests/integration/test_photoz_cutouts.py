"""Batches of cutouts over HTTP: every member has its row, large batches become jobs with the same answer."""

from __future__ import annotations

import io

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.archives import END, header, member, packed, tar
from support.serving import client_of, copied

from service.jobs.releases import OpenedReleases
from service.jobs.worker import Worker
from service.operations import cutout_reading
from service.settings import Settings
from skylike.cutouts import write_cutouts
from survey.archive import SurveyFolder
from survey.fits.writer import write_fits

PATH = "/api/v1/photoz/batch/cutouts"
UPLOAD = "/api/v1/neighbours/upload"
TAR = {"content-type": "application/x-tar"}
PARQUET = {"content-type": "application/vnd.apache.parquet"}
N = 6


@pytest.fixture(scope="module")
def galaxies(served_data):
    """Galaxies of the survey as somebody else's images: mirrored images are no copies of what is stored."""
    folder = SurveyFolder(served_data / "surveys" / "tiny")
    return folder.read(folder.ids[:N])


@pytest.fixture(scope="module")
def archive(galaxies):
    return tar([(f"{n}.fits", write_fits(one)) for n, one in enumerate(galaxies)])


def table_of(galaxies):
    stream = io.BytesIO()
    write_cutouts(
        stream,
        np.stack([one.flux for one in galaxies]),
        bands="sdss-ugriz",
        pixel_scale_arcsec=0.396,
        object_id=[f"g{n}" for n in range(len(galaxies))],
        ra=[one.ra_deg for one in galaxies],
        dec=[one.dec_deg for one in galaxies],
        ebv=[one.ebv for one in galaxies],
    )
    return stream.getvalue()


def post(client, data, headers=TAR, **params):
    return client.post(PATH, content=data, headers=headers, params=params)


def answered(client, data, headers=TAR, **params):
    answer = post(client, data, headers, **params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def assert_problem(answer, status, code):
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_each_member_has_the_redshift_that_it_has_alone(client, galaxies, archive):
    body = answered(client, archive)
    assert (body["n"], body["n_ok"]) == (N, N)
    for n, (row, galaxy) in enumerate(zip(body["rows"], galaxies, strict=True)):
        alone = client.post(UPLOAD, content=write_fits(galaxy), headers={"content-type": "image/fits"}).json()
        assert (row["row"], row["name"], row["status"], row["message"]) == (n, f"{n}.fits", "ok", None)
        # A galaxy of the survey: neither its own spectrum nor its siblings' may speak, here as there.
        assert row["object_id"] == alone["query"]["object_id"]
        assert row["z_best"] == pytest.approx(alone["photoz"]["z_best"], abs=1e-5)
        assert row["z_l68"] == pytest.approx(alone["photoz"]["z_l68"], abs=1e-5)
        assert set(row["ingest_flags"]) >= set(alone["ingest"]["flags"]) - {"out_of_domain"}


def test_a_table_of_cutouts_is_answered_as_the_files_are(client, galaxies, archive):
    files, rows = answered(client, archive), answered(client, table_of(galaxies), PARQUET)
    assert [row["name"] for row in rows["rows"]] == [f"g{n}" for n in range(N)]
    for ours, theirs in zip(rows["rows"], files["rows"], strict=True):
        assert ours["z_best"] == pytest.approx(theirs["z_best"], abs=1e-3)
        assert ours["object_id"] == theirs["object_id"]


def test_bad_members_have_rows_of_their_own(client, galaxies):
    good = write_fits(galaxies[0])
    data = (
        member("good", good)
        + member("bad", b"I am no image.")
        + header("link", 0, b"2")
        + member("../x", good)
        + END
    )
    rows = answered(client, data)["rows"]
    assert [(row["name"], row["status"], row["code"]) for row in rows] == [
        ("good", "ok", None), ("bad", "refused", "upload.type"), ("link", "refused", "archive.member_type"),
        ("../x", "refused", "archive.member_name"),
    ]  # fmt: skip
    assert rows[1]["z_best"] is None
    assert rows[1]["z_flags"] is None
    assert "FITS" in rows[1]["message"]


def test_an_image_of_unknown_unit_gets_no_redshift_until_the_sender_says_it(client, galaxies):
    stream = io.BytesIO()
    write_cutouts(
        stream, np.stack([one.flux for one in galaxies]), bands="sdss-ugriz", pixel_scale_arcsec=0.396
    )
    table = pq.read_table(io.BytesIO(stream.getvalue())).replace_schema_metadata(None)
    mute = io.BytesIO()
    pq.write_table(table, mute)
    assert_problem(post(client, mute.getvalue(), PARQUET), 422, "fits.band_unknown")
    said = {"bands": "sdss-ugriz", "pixscale": 0.396}
    (row, *_) = answered(client, mute.getvalue(), PARQUET, **said)["rows"]
    assert (row["code"], row["z_best"]) == ("photoz.withheld", None)
    assert "zeropoint" in row["message"]
    (row, *_) = answered(client, mute.getvalue(), PARQUET, zeropoint="22.5", **said)["rows"]
    assert row["status"] == "ok"


@pytest.mark.parametrize(
    ("data", "headers", "status", "code"),
    [
        (b"", TAR, 422, "archive.empty"),
        (b"\x00" * 1024, TAR, 422, "archive.empty"),
        (b"nothing" * 200, TAR, 422, "archive.damaged"),
        (b"PAR1" + bytes(100), PARQUET, 422, "table.unreadable"),
        (b"PAR1" + bytes(100), TAR, 415, "upload.type_mismatch"),
        (b"x", {"content-type": "application/zip"}, 415, "upload.type"),
        (packed(member("a", bytes(12 << 20))), TAR, 413, "upload.unpacked_too_large"),
    ],
)
def test_what_is_no_batch_is_refused_as_a_whole(client, data, headers, status, code):
    assert_problem(post(client, data, headers), status, code)


def test_a_release_of_pictures_estimates_nothing(client, archive):
    assert_problem(post(client, archive, survey="rgb"), 422, "photoz.unavailable")
    assert_problem(post(client, archive, survey="nowhere"), 404, "survey.not_found")


def test_only_who_may_upload_may_send_a_batch(served_data, archive):
    with client_of(served_data, upload_anonymous=False) as stranger:
        assert_problem(post(stranger, archive), 401, "auth.key_needed")


@pytest.mark.parametrize("fmt", ["csv", "votable", "fits", "parquet", "hdf5"])
def test_the_answer_comes_in_the_formats_of_every_batch(client, archive, fmt):
    answer = post(client, archive, format=fmt)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].startswith("attachment")
    if fmt == "parquet":
        assert pq.read_table(io.BytesIO(answer.content)).column("name").to_pylist() == [
            f"{n}.fits" for n in range(N)
        ]


def test_what_is_shown_of_p_of_z_is_asked_for(client, archive):
    grid = answered(client, archive, representation="grid")
    step = grid["z_grid"][1] - grid["z_grid"][0]
    assert sum(grid["rows"][0]["pdf"]) * step == pytest.approx(1, abs=1e-3)
    samples = answered(client, archive, representation="samples", n_samples=7)
    assert len(samples["rows"][0]["z_samples"]) == 7


@pytest.fixture
def busy(served_data, tmp_path):
    """A service that answers two cutouts at once."""
    data_dir = copied(served_data, tmp_path / "data")
    with client_of(data_dir, cutout_rows=2) as client:
        yield data_dir, client


@pytest.mark.parametrize("wrap", [bytes, packed], ids=["plain", "gzip"])
def test_a_large_batch_becomes_a_job_with_the_same_answer(busy, client, archive, wrap, monkeypatch):
    monkeypatch.setattr("service.operations.cutout_jobs._MOST_CHUNK_ROWS", 4)
    data_dir, small = busy
    spoilt = member("no image", b"-") + archive
    answer = post(small, wrap(spoilt), representation="quantiles")
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert (job["kind"], job["progress"]["rows_total"]) == ("photoz-cutouts", N + 1)
    settings = Settings(data_dir=data_dir, cutout_rows=2)
    opened = OpenedReleases(settings)
    try:
        Worker(small.app.state.resources.jobs, opened.handler, lease_seconds=60).run(once=True)
    finally:
        opened.close()
    assert small.get(job["href"]).json()["phase"] == "COMPLETED"
    found = small.get(f"{job['href']}/results/result").json()
    expected = answered(client, spoilt, representation="quantiles")
    assert found["rows"] == expected["rows"]
    assert [row["row"] for row in found["rows"]] == list(range(N + 1))


def test_a_batch_that_breaks_off_leaves_no_job(busy, archive):
    data_dir, small = busy
    assert_problem(post(small, archive[: -len(archive) // 3]), 422, "archive.damaged")
    assert list((data_dir / "jobs").glob("[0-9a-f]*")) == []
    assert_problem(post(small, packed(archive)[:-6]), 422, "upload.corrupt_wrapper")
    assert list((data_dir / "jobs").glob("[0-9a-f]*")) == []


def test_an_archive_beyond_the_limit_is_not_received(served_data, archive):
    with client_of(served_data, archive_max_bytes=20_000) as small:
        assert_problem(post(small, archive), 413, "request.too_large")


def test_members_are_embedded_together(client, archive, monkeypatch):
    calls = []
    (served,) = [s for s in client.app.state.resources.releases.values() if s.survey == "tiny"]
    real = served.encoder.encode
    monkeypatch.setattr(served.encoder, "encode", lambda inputs: calls.append(len(inputs)) or real(inputs))
    answered(client, archive)
    assert calls == [N]
    assert cutout_reading.GROUP >= N
