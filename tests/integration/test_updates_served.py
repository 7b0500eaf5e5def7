"""A running service answers with what an update added and changed, without what it withdrew, until it is rolled back."""

from __future__ import annotations

import gc
import shutil
import weakref

import pytest
from support.serving import client_of, copied
from support.tiny_survey import tiny_survey
from typer.testing import CliRunner

from skylike.cli.index import app
from survey.archive import SurveyFolder

GONE, CHANGED, NEW, BLANK = "J00002", "J00115", "J00121", "J00129"
OBJECTS = "/api/v1/objects"


def run(data_dir, *arguments):
    result = CliRunner().invoke(
        app, [*arguments, "--data-dir", str(data_dir), "--json"], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="module")
def service(served_data, tmp_path_factory):
    """A client of a service that ran before the update, the data, and what lets it look at its catalogue."""
    data_dir = copied(served_data, tmp_path_factory.mktemp("updated") / "data")
    # J00115 to J00119 are changed (of the last one the survey has no usable image), ten are new, the last without pixels.
    tiny_survey(data_dir / "surveys" / "tiny-b", n=15, seed=8, first=115, spoilt=1)
    gone = data_dir / "gone.txt"
    gone.write_text(GONE)
    with client_of(data_dir) as client:
        before = {
            path: client.get(path).content
            for path in (f"{OBJECTS}/{i}/thumbnail.webp" for i in (GONE, CHANGED))
        }
        run(data_dir, "update", "tiny", "--with", "tiny-b", "--withdraw", str(gone))
        assert client.app.state.live.look()
        yield client, data_dir, before


def cone(client, folder, object_id):
    row = folder.row_of(object_id)
    place = {name: folder.objects.column(name)[row].as_py() for name in ("ra_deg", "dec_deg")}
    found = client.get(OBJECTS, params={"ra": place["ra_deg"], "dec": place["dec_deg"], "radius": "10arcsec"})
    assert found.status_code == 200, found.text
    return [row["object_id"] for row in found.json()["objects"]]


def test_new_and_changed_objects_are_there_with_their_own_pixels(service):
    client, data_dir, before = service
    supplement = SurveyFolder(data_dir / "surveys" / "tiny-b")
    for object_id in (NEW, CHANGED):
        told = client.get(f"{OBJECTS}/{object_id}").json()
        assert told["survey"] == "tiny"
        assert told["is_indexed"]
        row = supplement.row_of(object_id)
        assert told["ra_deg"] == supplement.objects.column("ra_deg")[row].as_py()
        assert client.get(told["links"]["thumbnail"]).content == supplement.thumbnail(row)
        assert client.get(told["links"]["cutout"]).status_code == 200
        hits = client.get(f"{OBJECTS}/{object_id}/neighbours", params={"k": 20}).json()["hits"]
        assert len(hits) == 20
        assert GONE not in {hit["object_id"] for hit in hits}
    path = f"{OBJECTS}/{CHANGED}/thumbnail.webp"
    assert client.get(path).content != before[path]


def test_an_object_of_the_supplement_without_an_image_is_known_and_not_indexed(service):
    client, _, _ = service
    assert client.get(f"{OBJECTS}/{BLANK}").json()["is_indexed"] is False
    assert client.get(f"{OBJECTS}/{BLANK}/neighbours").json()["code"] == "object.not_indexed"


def test_withdrawn_objects_are_nowhere(service):
    client, _, _ = service
    for path in ("", "/neighbours", "/photoz", "/anomaly", "/thumbnail.webp", "/cutout"):
        found = client.get(f"{OBJECTS}/{GONE}{path}")
        assert (found.status_code, found.json()["code"]) == (404, "object.not_found"), path


def test_cones_list_what_is_served(service):
    client, data_dir, _ = service
    survey, supplement = (SurveyFolder(data_dir / "surveys" / name) for name in ("tiny", "tiny-b"))
    assert cone(client, supplement, NEW) == [NEW]
    assert cone(client, supplement, CHANGED) == [CHANGED]
    assert cone(client, survey, CHANGED) == []
    assert cone(client, survey, GONE) == []
    assert cone(client, survey, "J00003") == ["J00003"]


def test_the_lists_and_the_certificate_count_galaxies(service):
    client, _, _ = service
    ranked = client.get("/api/v1/anomalies", params={"limit": 1}).json()
    # 119 were indexed; one was withdrawn, four changed, one without a usable image got one, and nine are new.
    assert ranked["n_total"] == 128
    search = client.get(f"{OBJECTS}/{NEW}/neighbours").json()["search"]
    assert (search["n_total"], search["n_searched"]) == (128, 127)
    releases = client.get("/api/v1/releases").json()["releases"]
    assert {one["n"] for one in releases if one["survey"] == "tiny"} == {128}
    told = {one["survey"]: one["update"] for one in releases}
    assert told["rgb"] is None
    assert [one["survey"] for one in told["tiny"]["supplements"]] == ["tiny-b"]
    assert [told["tiny"][name] for name in ("added", "changed", "withdrawn")] == [10, 4, 1]
    (survey,) = (one for one in client.get("/api/v1/surveys").json()["surveys"] if one["name"] == "tiny")
    assert survey["n_objects"] == 129


def test_a_batch_of_every_living_object_never_meets_a_withdrawn_one(service):
    client, data_dir, _ = service
    ids = [i for i in SurveyFolder(data_dir / "surveys" / "tiny").ids if i not in {GONE, CHANGED}][:100]
    found = client.post("/api/v1/neighbours/batch", params={"k": 50}, json={"ids": ids})
    assert found.status_code == 200, found.text
    assert f'"{GONE}"' not in found.text


def test_every_kind_of_search_and_page_passes_over_withdrawn_objects(service):
    client, _, _ = service
    release = client.app.state.resources.default("tiny").release
    row = next(n for n, i in enumerate(release.columns.ids) if i == GONE)
    vector = release.store.vector(row).tolist()
    gets = [
        (f"{OBJECTS}/{NEW}/neighbours", {"k": 100, "exact": True}),
        (f"{OBJECTS}/{NEW}/neighbours", {"k": 100, "z_min": 0}),
        (f"{OBJECTS}/{NEW}/neighbours", {"k": 100, "exclude": CHANGED}),
        (f"{OBJECTS}/{NEW}/neighbours", {"k": 50, "dedup": True}),
        (f"{OBJECTS}/{NEW}/neighbours", {"k": 20, "diversity": 0.5}),
        (f"{OBJECTS}/{NEW}/neighbours", {"k": 100, "min_score": -0.99}),
        (f"{OBJECTS}/{NEW}/photoz", {}),
        ("/api/v1/anomalies", {"limit": 100}),
        ("/", {}),
        ("/anomalies", {}),
        ("/search", {"id": NEW}),
    ]
    answers = [client.get(path, params=params) for path, params in gets]
    posts = [
        ("multi", {"positives": [NEW, vector]}),
        ("multi", {"positives": [vector], "method": "max"}),
        ("vector", {"vectors": [vector]}),
    ]
    answers += [
        client.post(f"/api/v1/neighbours/{kind}", params={"k": 100}, json=body) for kind, body in posts
    ]
    for answer in answers:
        assert answer.status_code == 200, (str(answer.url), answer.text[:300])
        assert GONE not in answer.text, answer.url


def test_a_region_finds_what_was_added_there(service):
    client, _, _ = service
    told = client.get(f"{OBJECTS}/{NEW}").json()
    cone = f"{told['ra_deg']},{told['dec_deg']},0.01"
    found = client.get(f"{OBJECTS}/J00003/neighbours", params={"cone": cone}).json()
    assert [hit["object_id"] for hit in found["hits"]] == [NEW]


def test_a_picture_of_a_withdrawn_object_is_not_called_it(service):
    client, data_dir, _ = service
    from survey.fits.writer import write_fits

    (cutout,) = SurveyFolder(data_dir / "surveys" / "tiny").read([GONE])
    answer = client.post(
        "/api/v1/neighbours/upload", content=write_fits(cutout), headers={"Content-Type": "image/fits"}
    )
    assert answer.status_code == 200, answer.text
    assert f'"{GONE}"' not in answer.text


def test_a_rollback_brings_everything_back(service):
    client, data_dir, before = service
    updated = weakref.ref(client.app.state.resources.default("tiny").folder)
    run(data_dir, "rollback", "tiny", "--model", "pca48-tiny")
    assert client.app.state.live.look()
    gc.collect()
    assert updated() is None
    for path, content in before.items():
        assert client.get(path).content == content
    assert client.get(f"{OBJECTS}/{GONE}").status_code == 200
    assert client.get(f"{OBJECTS}/{NEW}").status_code == 404
    run(data_dir, "list")


def test_a_service_does_not_start_on_another_supplement(service, tmp_path):
    from service.opening import NotServable

    _, data_dir, _ = service
    data = shutil.copytree(data_dir, tmp_path / "data")
    run(data, "update", "tiny", "--with", "tiny-b")
    tiny_survey(data / "surveys" / "tiny-b", n=3, seed=9, first=300)
    with pytest.raises(NotServable, match="A supplement of tiny--pca48-tiny"), client_of(data):
        pass
