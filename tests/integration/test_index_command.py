"""`skylike index` from a survey folder to a served release, and back."""

from __future__ import annotations

import shutil

import orjson
import pytest
from sqlalchemy import text
from support.catalogues import catalogue_survey
from support.index_command import ask, run
from support.tiny_survey import tiny_survey
from typer.testing import CliRunner

from index.catalogue.activation import list_active
from index.catalogue.session import default_url, make_engine
from index.domain import DOMAIN
from service.records.audit import list_audit
from skylike.cli.index import app


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A data folder with one survey, built once; tests that change it copy it."""
    data_dir = tmp_path_factory.mktemp("data")
    tiny_survey(data_dir / "surveys" / "tiny", n=60, spoilt=1)
    return data_dir, run(data_dir, "build", "tiny")


@pytest.fixture
def data_dir(built, tmp_path):
    return shutil.copytree(built[0], tmp_path / "data")


def test_build_fits_embeds_indexes_ingests_and_activates(built):
    data_dir, report = built
    assert (report["model"], report["n"], report["is_new"]) == ("polar48-tiny", 59, True)
    assert list(report["rejected"]) == ["J00059"]
    assert [row.id for row in ask(data_dir, list_active)] == [report["release"]]
    (entry,) = ask(data_dir, list_audit)
    assert (entry.action, entry.subject) == ("release.activate", report["release"])
    assert entry.owner.startswith("cli:")


def test_building_again_does_nothing(built):
    data_dir, report = built
    before = {p: p.stat().st_mtime_ns for p in data_dir.rglob("*.f32")}
    again = run(data_dir, "build", "tiny")
    assert (again["release"], again["rows"], again["is_new"]) == (report["release"], 0, False)
    assert {p: p.stat().st_mtime_ns for p in data_dir.rglob("*.f32")} == before
    assert len(ask(data_dir, list_audit)) == 1


def test_list_marks_the_active_release(built):
    data_dir, report = built
    (release,) = run(data_dir, "list")["releases"]
    assert (release["id"], release["is_active"]) == (report["release"], True)
    shown = CliRunner().invoke(app, ["list", "--data-dir", str(data_dir)])
    assert shown.stdout.startswith(f"* {report['release']}")


def test_verify_names_a_damaged_release(data_dir, built):
    release = built[1]["release"]
    assert run(data_dir, "verify") == {"verified": [release], "broken": {}}
    path = data_dir / "releases" / release / "vectors.f32"
    path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\0")
    assert CliRunner().invoke(app, ["verify", "--data-dir", str(data_dir)]).exit_code == 1


def test_a_damaged_release_is_built_again(data_dir, built):
    (data_dir / "releases" / built[1]["release"] / "vectors.f32").unlink()
    report = run(data_dir, "build", "tiny")
    assert report["is_new"]
    assert report["release"] in run(data_dir, "verify", report["release"])["verified"]
    assert [row.id for row in ask(data_dir, list_active)] == [report["release"]]


def test_a_release_of_an_earlier_version_is_built_again(data_dir, built):
    folder = data_dir / "releases" / built[1]["release"]
    manifest = orjson.loads((folder / "manifest.json").read_bytes())
    (folder / DOMAIN).unlink()
    del manifest["files"][DOMAIN], manifest["sizes"][DOMAIN]
    (folder / "manifest.json").write_bytes(orjson.dumps({**manifest, "format": 1}))
    report = run(data_dir, "build", "tiny")
    assert report["is_new"]
    assert (data_dir / "releases" / report["release"] / DOMAIN).is_file()
    assert not run(data_dir, "build", "tiny")["is_new"]


def test_a_changed_survey_is_embedded_and_indexed_again_and_can_be_rolled_back(data_dir, built):
    tiny_survey(data_dir / "surveys" / "tiny", n=50, seed=8)
    report = run(data_dir, "build", "tiny")
    assert (report["n"], report["is_new"]) == (50, True)
    assert run(data_dir, "rollback", "tiny", "--model", "polar48-tiny") == {"active": built[1]["release"]}
    assert run(data_dir, "activate", report["release"]) == {"active": report["release"]}
    actions = [entry.action for entry in ask(data_dir, list_audit)]
    assert actions == ["release.activate", "release.rollback", "release.activate", "release.activate"]


def test_a_killed_builds_leftover_is_removed(data_dir, built):
    leftover = data_dir / "releases" / ".tiny--polar48-tiny--20200101t000000-abcdef.staged"
    leftover.mkdir()
    tiny_survey(data_dir / "surveys" / "tiny", n=50, seed=8)
    run(data_dir, "build", "tiny")
    assert not leftover.exists()


def test_rolling_back_without_an_earlier_release_fails_with_a_sentence(built):
    assert "no earlier release" in run(built[0], "rollback", "tiny", "--model", "polar48-tiny", status=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("build", "nope"), "survey.json"),
        (("build", "tiny", "--model", "nope"), "no model 'nope'"),
        (("activate", "nope"), "manifest.json"),
        (("ingest", "nope"), "survey.json"),
    ],
)
def test_what_is_not_there_fails_with_a_sentence(built, arguments, message):
    error = run(built[0], *arguments, status=1)
    assert message in error
    assert "Traceback" not in error


def test_a_catalogue_without_images_is_ingested_but_not_indexed(tmp_path):
    catalogue_survey(tmp_path / "surveys" / "cat", [1.0, 2.0], [3.0, 4.0])
    assert run(tmp_path, "ingest", "cat") == {"survey": "cat", "objects": 2, "rows_written": 2}
    assert run(tmp_path, "ingest", "cat")["rows_written"] == 0
    assert "without images" in run(tmp_path, "build", "cat", status=1)


def test_migrate_brings_an_empty_folder_to_the_schema_and_check_only_looks(tmp_path):
    run(tmp_path, "migrate", "--check", status=1)
    assert not (tmp_path / "catalogue.db").exists()
    assert run(tmp_path, "migrate")["revision"] == run(tmp_path, "migrate", "--check")["head"]


def test_a_database_of_a_newer_version_fails_with_a_sentence(tmp_path):
    run(tmp_path, "migrate")
    engine = make_engine(default_url(tmp_path))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'zz99'"))
    engine.dispose()
    assert "zz99" in run(tmp_path, "migrate", status=1)


def test_the_database_may_be_another(built, tmp_path, database_url):
    data_dir = shutil.copytree(built[0], tmp_path / "moved")
    (data_dir / "catalogue.db").unlink()
    report = run(data_dir, "build", "tiny", "--database-url", database_url)
    assert (report["is_new"], report["rows"] > 0) == (False, True)
    (release,) = run(data_dir, "list", "--database-url", database_url)["releases"]
    assert release["is_active"]


def test_a_plan_says_what_would_be_built_and_what_it_takes():
    result = CliRunner().invoke(app, ["plan", "5000000", "2048", "--memory", "64GB", "--json"])
    shown = orjson.loads(result.stdout)
    assert (shown["kind"], shown["factory"], shown["dimension"]) == ("ivf", "IVF16384,SQfp16", 128)
    assert shown["memory"]["allowed"] == 64 * 10**9
    assert 5_000_000 * 264 < shown["memory"]["serving"] < shown["memory"]["building"] < 64 * 10**9
    told = CliRunner().invoke(app, ["plan", "4280", "48"]).stdout
    assert "memory building" in told
    assert "Flat" in told


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--index", "best", "'best' is none of auto, exact, ivf, hnsw"),
        ("--storage", "int8", "'int8' is none of float32, float16"),
        ("--memory", "much", "is no amount of memory"),
    ],
)
def test_an_index_that_nobody_knows_is_refused(option, value, said):
    result = CliRunner().invoke(app, ["plan", "100", "48", option, value])
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_build_that_does_not_fit_its_memory_is_refused_before_it_begins(data_dir):
    shutil.rmtree(data_dir / "embeddings")
    said = run(data_dir, "build", "tiny", "--memory", "100MB", status=1)
    assert "100.0 MB are allowed: give --memory" in said
    assert not (data_dir / "embeddings").exists()


def test_another_index_is_built_on_request_stays_and_is_measured(data_dir, built):
    asked = ("--index", "ivf", "--dimension", "16")
    report = run(data_dir, "build", "tiny", *asked)
    assert report["is_new"]
    assert report["release"] != built[1]["release"]
    assert run(data_dir, "build", "tiny", *asked)["is_new"] is False
    assert run(data_dir, "build", "tiny")["release"] == report["release"]
    assert run(data_dir, "verify")["broken"] == {}
    (ten, hundred) = run(data_dir, "recall", report["release"], "--queries", "40")["recall"]
    assert (ten["k"], hundred["k"], ten["n_queries"]) == (10, 100, 40)
    assert ten["recall"] > 0.9
    said = CliRunner().invoke(app, ["recall", report["release"], "--data-dir", str(data_dir)])
    assert "recall@10  " in said.stdout
    (exact, _) = run(data_dir, "recall", built[1]["release"], "--queries", "40")["recall"]
    assert (exact["recall"], exact["effort"]) == (1.0, None)
