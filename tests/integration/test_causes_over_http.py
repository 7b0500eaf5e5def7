"""What is odd, and why, over HTTP, on pages and on the command line: artefacts stand aside, and the same pixels have the same score and cause however they come."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from support.html import Page
from support.index_command import run
from support.interest import asked, begun, ids
from support.serving import client_of, register
from support.tiny_survey import tiny_contract, tiny_survey
from typer.testing import CliRunner

from index.causes.job import inspect_survey
from index.embed import embed_survey
from index.embeddings import EmbeddingStore
from index.releases import Release, build_release
from skylike.cli.index import app as index
from training.fixed import fit_fixed

_PATH = "/api/v1/anomalies"
# A band without pixels.
_SPOILT = ("J00004", "J00011")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A survey of 80 blobs, two of which lack a band, inspected and indexed."""
    folder = tmp_path_factory.mktemp("causes")

    def spoil(flux):
        flux[[4, 11], 0] = np.nan

    survey = tiny_survey(folder / "surveys" / "tiny", n=80, seed=2, edit=spoil)
    model = fit_fixed(
        "pca48",
        survey,
        out=folder / "models" / "pca48-tiny",
        model_id="pca48-tiny",
        contract=tiny_contract(),
        object_ids=survey.ids,
    )
    embed_survey(survey, model, folder / "embeddings" / "tiny--pca48-tiny")
    info = build_release(
        survey=survey,
        model=model,
        embeddings=EmbeddingStore.open(folder / "embeddings" / "tiny--pca48-tiny"),
        releases_dir=folder / "releases",
        inspections=inspect_survey(survey, folder / "inspections" / "tiny"),
        map_method="none",
    )
    register(folder, survey, info.id)
    return folder


@pytest.fixture(scope="module")
def client(data):
    with client_of(data) as client:
        yield client


@pytest.fixture(scope="module")
def release(data):
    return Release.open(next((data / "releases").iterdir()))


def test_the_list_is_astrophysical_and_artefacts_are_counted_aside(client):
    answer = client.get(_PATH, params={"limit": 1000}).json()
    listed = [one["object_id"] for one in answer["objects"]]
    assert not set(_SPOILT) & set(listed)
    assert answer["cause"] == "astrophysical"
    assert {one["cause"] for one in answer["objects"]} == {"astrophysical"}
    assert answer["set_aside"]["by_cause"]["data_quality"] == answer["n_by_cause"]["data_quality"] >= 2
    assert answer["set_aside"]["by_defect"]["missing_band"] == 2
    assert answer["n_total"] + answer["set_aside"]["n"] == 80


@pytest.mark.parametrize("learner", ["gp", "neighbour", "linear", "forest"])
def test_a_session_does_not_begin_with_what_the_data_explain(client, learner):
    session = begun(client, learner=learner)
    proposed = ids(asked(client, session, "next?n=10"))
    assert not set(_SPOILT) & set(proposed[:5])
    aside = client.get(_PATH, params={"cause": "any", "limit": 5}).json()
    assert set(_SPOILT) & {one["object_id"] for one in aside["objects"]}


def test_artefacts_are_listed_by_their_cause_or_their_defect(client):
    for params in ({"cause": "data_quality"}, {"defect": "missing_band", "cause": "any"}):
        answer = client.get(_PATH, params={"limit": 1000, **params}).json()
        found = {one["object_id"]: one for one in answer["objects"]}
        assert set(_SPOILT) <= found.keys()
        assert "a band is missing" in found[_SPOILT[0]]["reason"]
    whole = client.get(_PATH, params={"cause": "any", "limit": 1000, "defects_none": True}).json()
    assert not set(_SPOILT) & {one["object_id"] for one in whole["objects"]}


def test_the_score_of_an_object_is_that_of_the_list(client):
    for one in client.get(_PATH, params={"cause": "any", "limit": 1000}).json()["objects"][::9]:
        block = client.get(f"/api/v1/objects/{one['object_id']}/anomaly").json()["anomaly"]
        said = ("percentile", "anomaly_p", "reason")
        assert {name: block[name] for name in said} == {name: one[name] for name in said}
        shares = ("p_data_quality", "p_blend", "p_astrophysical")
        assert [block["cause"][name] for name in shares] == pytest.approx(
            [one[name] for name in shares], abs=2e-6
        )
        assert block["cause"]["defects"] == one["defects"]
        assert sum(block["cause"][name] for name in shares) == pytest.approx(1, abs=3e-6)


def test_a_missing_band_is_evidence_for_data_quality(client):
    cause = client.get(f"/api/v1/objects/{_SPOILT[0]}/anomaly").json()["anomaly"]["cause"]
    assert cause["kind"] == "data_quality"
    assert ("data_quality", "missing_band") in {(one["kind"], one["name"]) for one in cause["evidence"]}


def test_nearest_normal_galaxies_are_near_and_not_odd(client, release):
    p = release.columns.array("anomaly_p")
    for object_id in (*_SPOILT, "J00020"):
        block = client.get(f"/api/v1/objects/{object_id}/anomaly").json()["anomaly"]
        vector = release.store.vector(release.columns.row_of(object_id))
        similarity = release.store.vectors(slice(None)) @ vector
        allowed = [
            row for row in np.argsort(-similarity) if p[row] >= 0.05 and release.columns.ids[row] != object_id
        ]
        assert [one["object_id"] for one in block["nearest_normal"]] == [
            release.columns.ids[row] for row in allowed[:5]
        ]


def test_measurements_are_evidence_where_they_are_asked_for(client, release):
    plain = client.get("/api/v1/objects/J00020/anomaly").json()["anomaly"]
    measured = client.get("/api/v1/objects/J00020/anomaly?measure=true").json()["anomaly"]
    evidence = measured["cause"].pop("evidence")
    assert [one for one in plain["cause"].pop("evidence") if one not in evidence] == []
    assert measured == plain


@pytest.mark.parametrize("object_id", ["J00020", "J00035"])
def test_an_upload_has_the_score_of_the_same_pixels_in_the_catalogue(client, object_id):
    pixels = client.get(f"/api/v1/objects/{object_id}/cutout?format=fits").content
    sent = client.post(
        "/api/v1/neighbours/upload", content=pixels, headers={"Content-Type": "image/fits"}
    ).json()["anomaly"]
    stored = client.get(f"/api/v1/objects/{object_id}/anomaly").json()["anomaly"]
    for ours, theirs in zip(sent["scores"], stored["scores"], strict=True):
        assert ours["detector"] == theirs["detector"]
        assert ours["score"] == pytest.approx(theirs["score"], abs=1e-6)
        assert ours["anomaly_p"] == pytest.approx(theirs["anomaly_p"], abs=1e-6)
    shares = ("kind", "p_data_quality", "p_blend", "p_astrophysical", "defects")
    assert {name: sent["cause"][name] for name in shares} == {name: stored["cause"][name] for name in shares}


def test_the_page_has_a_tab_for_each_cause_and_says_why(client):
    page = Page(client.get("/anomalies?p_max=").text)
    tabs = [link["href"] for link in page.links if "cause=" in link["href"] and link["href"].startswith("/a")]
    assert [f"cause={name}" in href for name, href in zip(_TABS, tabs, strict=True)] == [True] * 4
    aside = Page(client.get(tabs[2]).text)
    assert "a band is missing" in aside.words
    assert {_id(image) for image in aside.pictures} >= set(_SPOILT)
    assert not {_id(image) for image in page.pictures} & set(_SPOILT)
    assert "missing band 2" in page.words


def test_the_page_filters_and_its_files_hold_what_it_shows(client):
    page = Page(client.get("/anomalies?p_max=&label=spiral&z_min=0.1&detector=lof&where=").text)
    shown = [_id(image) for image in page.pictures]
    csv = next(link["href"] for link in page.links if "format=csv" in link["href"])
    lines = client.get(csv).text.splitlines()[1:]
    assert [line.split(",")[1].strip('"') for line in lines][: len(shown)] == shown
    api = client.get(
        _PATH,
        params={"label": "spiral", "z_min": 0.1, "detector": "lof", "limit": 48, "cause": "astrophysical"},
    )
    assert [one["object_id"] for one in api.json()["objects"]] == shown


@pytest.mark.parametrize("query", ["p_max=2", "p_max=x", "cause=aliens", "detector=x", "where=x", "label=x"])
def test_a_field_that_cannot_be_used_is_said_on_a_page(client, query):
    answer = client.get(f"/anomalies?{query}")
    assert answer.status_code == 422
    assert "text/html" in answer.headers["content-type"]


def test_the_page_of_an_object_says_why_it_is_odd(client):
    words = Page(client.get("/search", params={"id": _SPOILT[0]}).text).words
    assert "How odd it is" in words
    assert "a band is missing" in words


def test_the_command_lists_what_the_service_lists(client, data, tmp_path):
    options = [
        "anomalies",
        "--detector",
        "lof",
        "--where",
        "z_spec:0.05..",
        "--limit",
        "7",
        "--columns",
        "flux_r",
    ]
    ours = run(data, *options)
    params = {"detector": "lof", "where": "z_spec:0.05..", "limit": 7, "columns": "flux_r"}
    theirs = client.get(_PATH, params=params).json()
    assert ours["objects"] == theirs["objects"]
    assert ours["set_aside"] == theirs["set_aside"]
    out, montage = tmp_path / "odd.csv", tmp_path / "odd.png"
    run(data, "anomalies", "--cause", "data_quality", "--out", str(out), "--montage", str(montage))
    file = client.get(_PATH, params={"cause": "data_quality", "format": "csv"})
    assert out.read_text() == file.text
    with Image.open(montage) as sheet:
        assert sheet.format == "PNG"
        assert sheet.width >= 128 * min(8, file.text.count("\n") - 1)


def test_the_command_says_in_words_what_was_set_aside(data):
    result = CliRunner().invoke(index, ["anomalies", "--limit", "3", "--data-dir", str(data)])
    assert result.exit_code == 0, result.output
    assert "neither the data" in result.stdout
    listed = CliRunner().invoke(index, ["anomalies", "--limit", "80", "--data-dir", str(data)])
    assert "missing_band 2" in listed.stdout


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (["--where", "x"], "low..high"),
        (["--defect", "aliens"], "missing_band"),
        (["--columns", "nothing"], "flux_r"),
        (["--out", "odd.tex"], ".csv"),
        (["other"], "index build"),
    ],
)
def test_the_command_refuses_in_one_sentence_with_a_remedy(data, asked, says):
    assert says in run(data, "anomalies", *asked, status=1)


_TABS = ("astrophysical", "blend", "data_quality", "any")


def _id(image):
    return image["src"].split("/objects/")[1].split("/")[0]
