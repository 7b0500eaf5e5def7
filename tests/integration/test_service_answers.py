"""What the paths answer, held against the release that they answer from."""

from __future__ import annotations

import io

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from index.release import Release
from service.schemas.about import ModelsAnswer, ProblemsAnswer, Readiness, ReleasesAnswer, SurveysAnswer
from service.schemas.anomalies import AnomaliesAnswer, AnomalyAnswer
from service.schemas.neighbours import NeighboursAnswer
from service.schemas.objects import ConeAnswer, ObjectAnswer
from service.schemas.photoz import BatchAnswer, PhotoZAnswer
from survey.archive import SurveyFolder

SCHEMAS = {
    "/readyz": Readiness,
    "/api/v1/surveys": SurveysAnswer,
    "/api/v1/releases": ReleasesAnswer,
    "/api/v1/models": ModelsAnswer,
    "/api/v1/problems": ProblemsAnswer,
    "/api/v1/objects/J00000": ObjectAnswer,
    "/api/v1/objects/J00119": ObjectAnswer,
    "/api/v1/objects?ra=10&dec=0&radius=10": ConeAnswer,
    "/api/v1/objects/J00000/neighbours": NeighboursAnswer,
    "/api/v1/objects/J00000/neighbours?z_min=0.1&k=3": NeighboursAnswer,
    "/api/v1/neighbours?target=J00000": NeighboursAnswer,
    "/api/v1/objects/J00000/photoz": PhotoZAnswer,
    "/api/v1/objects/J00000/anomaly": AnomalyAnswer,
    "/api/v1/anomalies": AnomaliesAnswer,
}


@pytest.fixture(scope="module")
def release(served_data) -> Release:
    return Release.open(next((served_data / "releases").glob("tiny--*")))


@pytest.fixture(scope="module")
def survey(served_data) -> SurveyFolder:
    return SurveyFolder(served_data / "surveys" / "tiny")


@pytest.mark.parametrize("path", SCHEMAS)
def test_answers_have_exactly_the_documented_fields(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    # The documented models refuse unknown fields and have no defaults.
    SCHEMAS[path].model_validate_json(answer.content)


@pytest.mark.parametrize("k", [1, 10, 118])
def test_neighbours_by_id_are_those_of_a_brute_force_search(client, release, k):
    object_id = release.columns.ids[7]
    hits = client.get(f"/api/v1/objects/{object_id}/neighbours?k={k}").json()["hits"]
    vectors = np.asarray(release.store.vectors(slice(None)), dtype=np.float64)
    similarity = vectors @ vectors[7]
    similarity[7] = -np.inf
    expected = np.argsort(-similarity, kind="stable")[:k]
    assert [hit["object_id"] for hit in hits] == [release.columns.ids[row] for row in expected]
    assert [hit["rank"] for hit in hits] == list(range(1, k + 1))
    np.testing.assert_allclose([hit["similarity"] for hit in hits], similarity[expected], atol=2e-6)


def test_an_object_is_never_its_own_neighbour(client, release):
    for query in ("k=1000", "k=1000&z_min=0", "k=5&mag_r_min=0"):
        for object_id in release.columns.ids[:5]:
            hits = client.get(f"/api/v1/objects/{object_id}/neighbours?{query}").json()["hits"]
            assert object_id not in [hit["object_id"] for hit in hits]


def test_a_filter_keeps_its_bounds_and_leaves_out_what_has_no_value(client, release):
    answer = client.get("/api/v1/objects/J00003/neighbours?k=1000&z_min=0.1&z_max=0.2").json()
    z = release.columns.array("z_spec")
    own = release.columns.row_of("J00003")
    inside = [i for n, i in enumerate(release.columns.ids) if 0.1 <= z[n] <= 0.2 and n != own]
    assert {hit["object_id"] for hit in answer["hits"]} == set(inside)
    assert answer["search"]["n_searched"] == len(inside)
    assert answer["search"]["filters"] == {"z_spec": [0.1, 0.2]}


def test_a_filter_that_nothing_passes_gives_no_hits(client):
    answer = client.get("/api/v1/objects/J00003/neighbours?z_min=19").json()
    assert answer["hits"] == []
    assert answer["search"]["n_searched"] == 0


def test_a_position_finds_the_object_that_lies_there(client, survey):
    row = survey.objects.slice(5, 1).to_pylist()[0]
    # 1.5 arcsec to the north.
    query = f"ra={row['ra_deg']}&dec={row['dec_deg'] + 1.5 / 3600}"
    answer = client.get(f"/api/v1/neighbours?{query}").json()
    assert answer["query"]["object_id"] == row["object_id"]
    assert answer["query"]["match_separation_arcsec"] == pytest.approx(1.5, abs=1e-3)
    by_id = client.get(f"/api/v1/objects/{row['object_id']}/neighbours").json()
    assert answer["hits"] == by_id["hits"]


def test_a_position_beside_every_object_never_snaps(client, survey):
    row = survey.objects.slice(5, 1).to_pylist()[0]
    query = f"ra={row['ra_deg']}&dec={row['dec_deg'] + 4 / 3600}"
    refused = client.get(f"/api/v1/neighbours?{query}")
    assert (refused.status_code, refused.json()["code"]) == (404, "pos.no_match")
    assert refused.json()["nearest"]["object_id"] == row["object_id"]
    assert refused.json()["nearest"]["separation_arcsec"] == pytest.approx(4, abs=1e-3)
    assert client.get(f"/api/v1/neighbours?{query}&match_radius=5arcsec").status_code == 200


def test_a_target_text_is_a_place_or_an_id(client, survey):
    row = survey.objects.slice(5, 1).to_pylist()[0]
    for text in (row["object_id"], f"{row['ra_deg']:.6f} {row['dec_deg']:.6f}"):
        answer = client.get("/api/v1/neighbours", params={"target": text})
        assert answer.json()["query"]["object_id"] == row["object_id"]


def test_an_iau_name_finds_the_object_in_its_box(client):
    name = client.get("/api/v1/objects/J00005").json()["name"]
    answer = client.get("/api/v1/neighbours", params={"target": f"SDSS {name}"}).json()
    assert answer["query"]["object_id"] == "J00005"
    assert answer["query"]["kind"] == "box"


def test_an_id_of_another_survey_is_named_in_the_404(client):
    refused = client.get("/api/v1/objects/J00100?survey=rgb")
    assert refused.status_code == 404
    assert refused.json()["other_surveys"] == ["tiny"]


def test_an_object_without_embedding_has_a_row_and_an_image_but_no_neighbours(client):
    found = client.get("/api/v1/objects/J00119").json()
    assert found["is_indexed"] is False
    assert found["links"]["neighbours"] is None
    assert client.get(found["links"]["cutout"]).status_code == 200
    assert client.get("/api/v1/objects/J00119/neighbours").json()["code"] == "object.not_indexed"


def test_integers_beyond_two_to_the_53_are_text(client, survey):
    columns = client.get("/api/v1/objects/J00000").json()["columns"]
    assert columns["hpx29"] == str(survey.objects.column("hpx29")[0].as_py())


def test_every_link_leads_somewhere(client):
    for object_id in ("J00000", "J00119"):
        links = client.get(f"/api/v1/objects/{object_id}").json()["links"]
        for path in filter(None, links.values()):
            assert client.get(path).status_code == 200, path


def test_the_photoz_is_blind_to_the_objects_own_redshift_and_normalised(client, release):
    answer = client.get("/api/v1/objects/J00000/photoz").json()
    found = answer["photoz"]
    width = found["z_grid"][1] - found["z_grid"][0]
    assert sum(found["pdf"]) * width == pytest.approx(1, abs=2e-3)
    assert found["z_l95"] <= found["z_l68"] <= found["z_median"] <= found["z_u68"] <= found["z_u95"]
    assert "J00000" not in [one["object_id"] for one in found["evidence"]]
    z = dict(zip(release.columns.ids, release.columns.array("z_spec"), strict=True))
    for one in found["evidence"]:
        assert one["z_spec"] == pytest.approx(z[one["object_id"]])


def test_a_batch_answers_each_row_in_its_place(client, survey):
    rows = survey.objects.slice(0, 3).to_pylist()
    asked = [rows[2]["object_id"], "nothing", rows[0]["object_id"], "J00119", rows[0]["object_id"]]
    answer = client.post("/api/v1/photoz/batch", json={"ids": asked})
    BatchAnswer.model_validate_json(answer.content)
    body = answer.json()
    assert [row["object_id"] for row in body["rows"]] == asked
    assert [row["status"] for row in body["rows"]] == ["ok", "not_found", "ok", "not_indexed", "ok"]
    assert (body["n"], body["n_ok"]) == (5, 3)
    single = client.get(f"/api/v1/objects/{rows[2]['object_id']}/photoz").json()["photoz"]
    for name in ("z_best", "z_l68", "z_u95"):
        assert body["rows"][0][name] == single[name]
    assert body["rows"][1]["z_best"] is None
    assert body["rows"][1]["reason"]


def test_a_batch_of_positions_matches_each(client, survey):
    row = survey.objects.slice(4, 1).to_pylist()[0]
    places = [{"ra_deg": row["ra_deg"], "dec_deg": row["dec_deg"]}, {"ra_deg": 0.5, "dec_deg": 89.9}]
    rows = client.post("/api/v1/photoz/batch", json={"positions": places}).json()["rows"]
    assert [r["status"] for r in rows] == ["ok", "no_match"]
    assert rows[0]["object_id"] == row["object_id"]
    assert rows[0]["match_separation_arcsec"] == pytest.approx(0, abs=1e-3)


def test_a_batch_table_gives_what_its_ids_give(client):
    table = b"name,mag\nJ00001,17\nunknown,18\n"
    by_table = client.post("/api/v1/photoz/batch", content=table, headers={"Content-Type": "text/csv"}).json()
    by_json = client.post("/api/v1/photoz/batch", json={"ids": ["J00001", "unknown"]}).json()
    assert [
        {**row, "name": row["object_id"], "mag": mag}
        for row, mag in zip(by_json["rows"], [17, 18], strict=True)
    ] == (by_table["rows"])
    assert by_table["table"]["mapping"] == {"object_id": "name"}
    form = client.post("/api/v1/photoz/batch", files={"file": ("t.csv", table, "text/csv")}).json()
    assert form["rows"] == by_table["rows"]


def test_the_ranking_is_whole_ordered_and_agrees_with_the_scores(client, release):
    pages, cursor = [], ""
    while cursor is not None:
        answer = client.get(f"/api/v1/anomalies?limit=50{'&cursor=' + cursor if cursor else ''}").json()
        pages += answer["objects"]
        cursor = answer["next_cursor"]
    assert sorted(one["object_id"] for one in pages) == sorted(release.columns.ids)
    assert [one["rank"] for one in pages] == list(range(1, len(pages) + 1))
    percentiles = [one["percentile"] for one in pages]
    assert percentiles == sorted(percentiles, reverse=True)
    score = client.get(f"/api/v1/objects/{pages[3]['object_id']}/anomaly").json()["anomaly"]
    said = ("percentile", "anomaly_p", "reason")
    assert {name: score[name] for name in said} == {name: pages[3][name] for name in said}
    # The mean cosine distance to the neighbours named.
    mean = np.mean([1 - one["similarity"] for one in score["nearest"]])
    assert score["knn_distance"] == pytest.approx(mean, abs=1e-5)


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_a_cutout_is_a_picture_of_the_asked_size(client, kind):
    answer = client.get(f"/api/v1/objects/J00000/cutout?format={kind}&zoom=3&scale_bar=true")
    picture = Image.open(io.BytesIO(answer.content))
    assert picture.format == kind.upper()
    assert picture.size == (3 * 48, 3 * 48)
    assert answer.headers["content-type"] == f"image/{kind}"


def test_a_fits_cutout_holds_the_stored_fluxes(client, survey):
    answer = client.get("/api/v1/objects/J00000/cutout?format=fits")
    with fits.open(io.BytesIO(answer.content)) as hdus:
        stored = survey.read(["J00000"])[0]
        cube = next(np.asarray(h.data) for h in hdus if h.data is not None and h.data.ndim == 3)
        np.testing.assert_allclose(cube, stored.flux, rtol=1e-6)
    assert answer.headers["content-disposition"].startswith("attachment")


def test_an_image_is_sent_once(client):
    found = client.get("/api/v1/objects/J00000").json()["links"]
    for path in (found["cutout"], found["thumbnail"]):
        first = client.get(path)
        assert "immutable" in first.headers["cache-control"]
        again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        unpinned = client.get(path.partition("?")[0])
        assert "immutable" not in unpinned.headers["cache-control"]


def test_the_default_release_is_stated_where_it_is_listed(client):
    release = client.get("/api/v1/objects/J00000/neighbours").json()["release"]["id"]
    assert client.get("/api/v1/releases").json()["default"] == release
    assert client.get("/api/v1/surveys").json()["default"] == "tiny"


def test_head_is_get_without_a_body(client):
    for path in ("/livez", "/api/v1/objects/J00000", "/api/v1/objects/J00000/thumbnail.webp"):
        got, head = client.get(path), client.head(path)
        assert head.status_code == 200
        assert head.content == b""
        assert head.headers["content-length"] == str(len(got.content))
