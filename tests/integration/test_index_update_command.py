"""`skylike index update` from a supplement and a list of ids to what is served, and back."""

from __future__ import annotations

import shutil

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.csv
import pytest
from sqlalchemy import text
from support.index_command import ask, run
from support.tiny_survey import tiny_survey
from typer.testing import CliRunner

from index.catalogue.activation import list_active
from index.catalogue.session import default_url
from index.release import Release
from skylike.cli.index import app
from survey.archive import UnknownObject

MODELS = ("pca48-tiny", "polar48-tiny")


def active(data_dir):
    found = {row.model_id: row.id for row in ask(data_dir, list_active)}
    return {model: Release.open(data_dir / "releases" / name) for model, name in found.items()}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A survey that two models index, and a supplement: J00055 to J00059 changed, ten new, the last without pixels."""
    from training.fixed import fit_fixed

    data_dir = tmp_path_factory.mktemp("data")
    survey = tiny_survey(data_dir / "surveys" / "tiny", n=60)
    tiny_survey(data_dir / "surveys" / "tiny-b", n=15, seed=7, first=55, spoilt=1)
    for model in MODELS:
        fit_fixed(model.partition("-")[0], survey, out=data_dir / "models" / model, model_id=model)
        run(data_dir, "build", "tiny", "--model", model)
    return data_dir


@pytest.fixture
def data_dir(built, tmp_path):
    return shutil.copytree(built, tmp_path / "data")


@pytest.fixture
def gone(tmp_path):
    path = tmp_path / "gone.txt"
    path.write_text("J00001\n\n  J00002  \n")
    return path


def test_every_active_release_is_updated_and_activated_at_once(data_dir, gone):
    before = active(data_dir)
    report = run(data_dir, "update", "tiny", "--with", "tiny-b", "--withdraw", str(gone))
    assert [one["model"] for one in report["updated"]] == sorted(before)
    for one in report["updated"]:
        assert (one["added"], one["changed"], one["withdrawn"]) == (9, 5, 2)
        assert one["n"] == 67
        assert list(one["rejected"]) == ["J00069"]
        assert one["base"] == before[one["model"]].id
        release = active(data_dir)[one["model"]]
        assert release.id == one["release"]
        assert release.columns.row_of("J00060") >= 60
        with pytest.raises(UnknownObject):
            release.columns.row_of("J00001")
        scores = text("SELECT count(*) FROM scores WHERE release_id = :id")
        assert ask(data_dir, lambda s, q=scores, i=release.id: s.execute(q, {"id": i}).scalar()) == 67


def test_the_same_update_again_does_nothing(data_dir, gone):
    arguments = ("update", "tiny", "--with", "tiny-b", "--withdraw", str(gone), "--model", MODELS[0])
    first, again = run(data_dir, *arguments)["updated"], run(data_dir, *arguments)["updated"]
    assert [one["release"] for one in first] == [one["release"] for one in again]
    assert [one["is_new"] for one in again] == [False]
    assert active(data_dir)[MODELS[1]].info.update is None


def test_what_was_withdrawn_comes_back_with_the_supplement_that_has_it(data_dir, tmp_path):
    (tmp_path / "new.txt").write_text("J00060\n")
    for arguments in (["--with", "tiny-b"], ["--withdraw", str(tmp_path / "new.txt")], ["--with", "tiny-b"]):
        (one,) = run(data_dir, "update", "tiny", "--model", MODELS[0], *arguments)["updated"]
    assert (one["is_new"], one["added"], one["n"]) == (True, 1, 69)
    assert active(data_dir)[MODELS[0]].columns.row_of("J00060") >= 60


def test_a_rollback_brings_back_what_was_withdrawn(data_dir, gone):
    run(data_dir, "update", "tiny", "--withdraw", str(gone))
    for model in MODELS:
        run(data_dir, "rollback", "tiny", "--model", model)
    assert all(release.columns.row_of("J00001") >= 0 for release in active(data_dir).values())


def test_ids_come_from_a_table_too(data_dir, tmp_path):
    path = tmp_path / "gone.csv"
    pa.csv.write_csv(pa.table({"object_id": ["J00003"], "why": ["a star"]}), path)
    (one,) = run(data_dir, "update", "tiny", "--withdraw", str(path), "--model", MODELS[1])["updated"]
    assert one["withdrawn"] == 1


def test_what_cannot_be_is_refused_and_nothing_changes(data_dir, tmp_path):
    before = {model: release.id for model, release in active(data_dir).items()}

    def listed(name, content):
        (tmp_path / name).write_text(content)
        return str(tmp_path / name)

    def refused(*arguments):
        return run(data_dir, "update", "tiny", *arguments, status=1)

    assert "no object 'J09999' to withdraw" in refused("--withdraw", listed("one.txt", "J09999\n"))
    assert "name a supplement or ids" in refused()
    assert "cannot supplement itself" in refused("--with", "tiny")
    assert "no readable survey.json" in refused("--with", "nothing")
    assert "no column object_id" in refused("--withdraw", listed("two.csv", "a,b\n1,2\n"))
    assert "absent.txt: there is no such file" in refused("--withdraw", str(tmp_path / "absent.txt"))
    assert "no release of tiny by other is active" in refused("--with", "tiny-b", "--model", "other")
    tiny_survey(data_dir / "surveys" / "rgb", n=3, kind="display")
    assert "has kind display, tiny has flux" in refused("--with", "rgb")
    assert {model: release.id for model, release in active(data_dir).items()} == before


def test_vectors_of_another_version_of_the_model_are_not_mixed_in(data_dir):
    card = data_dir / "models" / MODELS[0] / "card.json"
    changed = orjson.loads(card.read_bytes()) | {"title": "Another one"}
    card.write_bytes(orjson.dumps(changed))
    refused = run(data_dir, "update", "tiny", "--with", "tiny-b", "--model", MODELS[0], status=1)
    assert "vectors of different models are never mixed" in refused


def test_neighbours_over_the_update_are_those_of_brute_force(data_dir, gone):
    run(data_dir, "update", "tiny", "--with", "tiny-b", "--withdraw", str(gone))
    release = active(data_dir)[MODELS[0]]
    vectors = release.store.vectors(slice(None)).astype(np.float64)
    similarity = vectors @ vectors.T
    similarity[:, ~release.alive] = -np.inf
    np.fill_diagonal(similarity, -np.inf)
    for row in np.flatnonzero(release.alive):
        rows, found = release.graph.of(row, 10)
        assert found == pytest.approx(np.sort(similarity[row])[::-1][:10], abs=1e-6)
        assert release.alive[rows].all()


def catalogue_rows(data_dir):
    return ask(data_dir, lambda s: s.execute(text("SELECT count(*) FROM galaxies")).scalar())


def test_the_next_build_merges_the_update(data_dir, gone):
    run(data_dir, "update", "tiny", "--with", "tiny-b", "--withdraw", str(gone), "--model", MODELS[0])
    updated, rows = active(data_dir)[MODELS[0]], catalogue_rows(data_dir)
    report = run(data_dir, "build", "tiny", "--model", MODELS[0])
    assert (report["is_new"], report["n"]) == (True, 67)
    assert list(report["rejected"]) == ["J00069"]
    merged = active(data_dir)[MODELS[0]]
    assert merged.alive is None
    assert merged.graph.lengths is None
    assert merged.info.update.supplements == updated.info.update.supplements
    assert merged.info.update.base == updated.id
    assert np.all(np.diff(merged.columns.array("hpx29")) >= 0)
    assert sorted(merged.columns.ids) == sorted(updated.columns.ids[row] for row in updated.galaxies)
    for object_id in merged.columns.ids:
        found = [
            [release.columns.ids[row] for row in release.graph.of(release.columns.row_of(object_id), 30)[0]]
            for release in (updated, merged)
        ]
        assert found[0] == found[1]
    assert catalogue_rows(data_dir) == rows
    again = run(data_dir, "build", "tiny", "--model", MODELS[0])
    assert (again["release"], again["is_new"]) == (merged.id, False)


def test_a_merged_release_is_searched_like_the_one_before(data_dir, gone):
    run(data_dir, "build", "tiny", "--model", MODELS[0], "--index", "ivf", "--dimension", "24", "--seed", "3")
    run(data_dir, "update", "tiny", "--with", "tiny-b", "--model", MODELS[0])
    run(data_dir, "build", "tiny", "--model", MODELS[0])
    merged = active(data_dir)[MODELS[0]]
    assert merged.info.update.is_merged
    assert (merged.index.kind, merged.index.seed, merged.info.dimension) == ("ivf", 3, 24)
    assert merged.index.n_indexed == merged.info.n


def test_a_merged_release_is_updated_and_merged_again(data_dir, gone):
    run(data_dir, "update", "tiny", "--withdraw", str(gone), "--model", MODELS[1])
    run(data_dir, "build", "tiny", "--model", MODELS[1])
    run(data_dir, "update", "tiny", "--with", "tiny-b", "--model", MODELS[1])
    report = run(data_dir, "build", "tiny", "--model", MODELS[1])
    assert report["n"] == 67
    with pytest.raises(UnknownObject):
        active(data_dir)[MODELS[1]].columns.row_of("J00001")


def test_objects_added_alone_are_merged_too(data_dir):
    tiny_survey(data_dir / "surveys" / "tiny-c", n=4, seed=3, first=90)
    run(data_dir, "update", "tiny", "--with", "tiny-c", "--model", MODELS[1])
    report = run(data_dir, "build", "tiny", "--model", MODELS[1])
    assert (report["is_new"], report["n"]) == (True, 64)


def test_after_a_rollback_a_build_is_of_the_survey_alone(data_dir, gone):
    before = active(data_dir)[MODELS[0]].id
    run(data_dir, "update", "tiny", "--withdraw", str(gone), "--model", MODELS[0])
    run(data_dir, "rollback", "tiny", "--model", MODELS[0])
    report = run(data_dir, "build", "tiny", "--model", MODELS[0])
    assert (report["release"], report["is_new"]) == (before, False)


def test_a_merge_needs_the_supplements_as_they_were(data_dir):
    run(data_dir, "update", "tiny", "--with", "tiny-b", "--model", MODELS[0])
    shutil.rmtree(data_dir / "surveys" / "tiny-b")
    refused = run(data_dir, "build", "tiny", "--model", MODELS[0], status=1)
    assert "needs its supplement tiny-b: " in refused
    assert f"bring it back, or: skylike index rollback tiny --model {MODELS[0]}" in refused


def test_an_object_that_a_model_could_not_embed_is_withdrawn_from_the_survey(data_dir, tmp_path):
    run(data_dir, "update", "tiny", "--with", "tiny-b")
    blank = tmp_path / "blank.txt"
    blank.write_text("J00069")
    for one in run(data_dir, "update", "tiny", "--withdraw", str(blank))["updated"]:
        assert one["withdrawn"] == 1
    assert "J00069" not in run(data_dir, "build", "tiny", "--model", MODELS[0])["rejected"]


def test_a_damaged_update_does_not_stand_in_the_way_of_the_next_build(data_dir, gone):
    run(data_dir, "update", "tiny", "--withdraw", str(gone), "--model", MODELS[0])
    path = active(data_dir)[MODELS[0]].path
    (path / "anomalies.skops").unlink()
    assert run(data_dir, "build", "tiny", "--model", MODELS[0])["n"] == 58


def test_a_check_finds_an_updated_data_folder_whole(data_dir, gone):
    from skylike.check import DataCheck
    from skylike.check_catalogue import check_catalogue

    run(data_dir, "update", "tiny", "--with", "tiny-b", "--withdraw", str(gone))
    data = DataCheck(data_dir)
    found = [*data.run(), *check_catalogue(default_url(data_dir), data)]
    assert [one for one in found if one.state != "ok"] == []
    tiny_survey(data_dir / "surveys" / "tiny-b", n=2, seed=5, first=500)
    assert any("a supplement: " in one.found and one.state != "ok" for one in DataCheck(data_dir).run())


def test_an_update_that_was_killed_before_it_was_activated_is_not_made_again(data_dir, gone, monkeypatch):
    arguments = ("update", "tiny", "--with", "tiny-b", "--withdraw", str(gone), "--model", MODELS[0])

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("skylike.updating.activate", killed)
        CliRunner().invoke(app, [*arguments, "--data-dir", str(data_dir)])
    folders = sorted(path.name for path in (data_dir / "releases").glob("tiny--*"))
    (report,) = run(data_dir, *arguments)["updated"]
    assert sorted(path.name for path in (data_dir / "releases").glob("tiny--*")) == folders
    assert active(data_dir)[MODELS[0]].id == report["release"]
    assert report["is_new"]


def test_a_survey_imported_anew_says_what_it_leaves_behind_and_is_searched_as_before(data_dir, gone):
    model = MODELS[0]
    run(data_dir, "build", "tiny", "--model", model, "--storage", "float16", "--dimension", "6")
    run(data_dir, "update", "tiny", "--model", model, "--with", "tiny-b", "--withdraw", str(gone))
    before = active(data_dir)[model]
    shutil.rmtree(data_dir / "surveys" / "tiny")
    tiny_survey(data_dir / "surveys" / "tiny", n=58, seed=3)
    report = run(data_dir, "build", "tiny", "--model", model)
    supplement, withdrawn = report["left_behind"]
    assert supplement.endswith("skylike index update tiny --with tiny-b")
    assert before.id in supplement
    assert "--withdraw" in withdrawn
    after = active(data_dir)[model]
    assert (after.info.n, after.info.update) == (58, None)
    assert (after.index.storage, after.info.dimension) == ("float16", 6)
    assert run(data_dir, "build", "tiny", "--model", model)["left_behind"] == []
