"""What the README promises of the demo, on a small one: made, served, asked, checked."""

import json
import sys
from pathlib import Path

import pytest
from support.running import free_port, running

from index.released import fitting
from skylike.demo import DEMO_MODELS
from survey.archive import SurveyFolder


@pytest.fixture(scope="module")
def client(demo, environment, tmp_path_factory):
    port = free_port()
    log = tmp_path_factory.mktemp("log") / "serve.log"
    command = [sys.executable, "-m", "skylike", "demo"]
    with running(command, {**environment, "SKYLIKE_PORT": str(port)}, log=log, port=port) as running_client:
        running_client.log = log
        yield running_client


@pytest.fixture(scope="module")
def models(demo, environment):
    """Ids of the flux model and of the colour model: released ones where they read the demo's images."""
    info = SurveyFolder(Path(environment["SKYLIKE_DATA_DIR"]) / "surveys" / "demo").info
    found = [(fitting(info, display=fallback.is_display), fallback) for fallback in DEMO_MODELS]
    return [fallback.id if model is None else model.card.id for model, fallback in found]


@pytest.fixture(scope="module")
def object_id(client):
    return client.get("/api/v1/anomalies", params={"limit": 1}).json()["objects"][0]["object_id"]


def test_the_demo_names_its_steps(demo):
    assert "galaxies" in demo.stderr


def test_a_second_start_makes_nothing_again(client):
    assert "nothing to do" in client.log.read_text()


def test_the_demo_is_indexed_by_a_flux_model_and_by_a_colour_model(client, models):
    releases = client.get("/api/v1/releases").json()["releases"]
    assert {r["model"] for r in releases if r["survey"] == "demo"} == set(models)


def test_neighbours_by_id(client, object_id):
    answer = client.get(f"/api/v1/objects/{object_id}/neighbours", params={"k": 5}).json()
    similarities = [hit["similarity"] for hit in answer["hits"]]
    assert len(similarities) == 5
    assert similarities == sorted(similarities, reverse=True)
    assert object_id not in [hit["object_id"] for hit in answer["hits"]]
    assert answer["release"]["survey"] == "demo"
    assert answer["search"]["exact"] is True


def test_neighbours_by_position_find_the_object_that_is_there(client, object_id):
    row = client.get(f"/api/v1/objects/{object_id}").json()
    place = {"ra": row["ra_deg"], "dec": row["dec_deg"], "match_radius": "2arcsec"}
    by_position = client.get("/api/v1/neighbours", params=place).json()
    by_id = client.get(f"/api/v1/objects/{object_id}/neighbours").json()
    assert [h["object_id"] for h in by_position["hits"]] == [h["object_id"] for h in by_id["hits"]]


def test_a_catalogue_galaxy_posted_as_fits_finds_itself_first(client, object_id):
    fits = client.get(f"/api/v1/objects/{object_id}/cutout", params={"format": "fits"}).content
    answer = client.post(
        "/api/v1/neighbours/upload", content=fits, headers={"Content-Type": "image/fits"}
    ).json()
    assert answer["hits"][0]["object_id"] == object_id
    assert answer["hits"][0]["similarity"] == pytest.approx(1, abs=1e-3)  # the folder keeps float16 fluxes


def test_a_picture_is_answered_by_the_colour_release(client, object_id, models):
    png = client.get(f"/api/v1/objects/{object_id}/cutout", params={"format": "png"}).content
    answer = client.post(
        "/api/v1/neighbours/upload", content=png, headers={"Content-Type": "image/png"}
    ).json()
    assert answer["release"]["model"] == models[1]
    assert len(answer["hits"]) > 0


def test_redshift_and_anomaly_by_id(client, object_id):
    assert client.get(f"/api/v1/objects/{object_id}/photoz").status_code in {200, 422}
    assert client.get(f"/api/v1/objects/{object_id}/anomaly").status_code == 200


def test_a_broken_file_is_refused_and_the_service_goes_on(client):
    broken = client.post(
        "/api/v1/neighbours/upload", content=b"SIMPLE", headers={"Content-Type": "image/fits"}
    )
    assert 400 <= broken.status_code < 500
    assert broken.headers["content-type"] == "application/problem+json"
    assert client.get("/livez").status_code == 200


def test_the_page_shows_in_a_browser(client):
    page = client.get("/", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")


def test_check_finds_nothing_to_mend(demo, skylike):
    done = skylike("check", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"]) == (0, True), report


def test_check_names_the_remedy_of_a_damaged_release(demo, skylike, environment, tmp_path):
    import shutil
    from pathlib import Path

    copy = tmp_path / "data"
    shutil.copytree(environment["SKYLIKE_DATA_DIR"], copy)
    vectors = next(Path(copy).glob("releases/*/vectors.f32"))
    content = bytearray(vectors.read_bytes())
    content[100] ^= 0xFF
    vectors.write_bytes(content)
    done = skylike("check", "--json", SKYLIKE_DATA_DIR=str(copy))
    complaints = [f for f in json.loads(done.stdout)["findings"] if f["state"] == "complaint"]
    assert done.returncode == 1
    assert {f["name"] for f in complaints} == {
        f"{kind} {vectors.parent.name}" for kind in ("release", "active")
    }
    assert "skylike index build demo" in complaints[0]["remedy"]
