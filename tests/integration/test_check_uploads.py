"""`skylike check` and `skylike index prune` know the uploads that are kept."""

from __future__ import annotations

import shutil

import orjson
import pytest
from support import keepers
from typer.testing import CliRunner

from index.catalogue.migrate import upgrade
from index.catalogue.session import default_url
from skylike.check_uploads import check_uploads, sweep_uploads
from skylike.cli.main import app

LEFT = "f" * 32


@pytest.fixture
def service(tmp_path):
    upgrade(default_url(tmp_path))
    made = keepers.keeper(default_url(tmp_path), tmp_path / "uploads")
    yield made
    made.engine.dispose()


def found(service):
    findings = check_uploads(service.engine.url.render_as_string(), service.kept.root)
    return [(one.name, one.state) for one in findings]


def test_where_nothing_was_ever_kept_nothing_is_said_or_made(service, tmp_path):
    assert found(service) == []
    assert sweep_uploads(default_url(tmp_path), tmp_path / "uploads") == []
    assert not (tmp_path / "uploads").exists()


def test_whole_uploads_are_counted_and_lost_ones_named(service):
    kept = [keepers.keep(service, seed) for seed in range(3)] + [keepers.keep(service, owner="eve")]
    assert found(service) == [("uploads", "ok")]
    shutil.rmtree(service.kept.root / kept[0])
    (service.kept.root / kept[1] / "cutout.fits").write_bytes(b"")
    assert found(service) == [
        (f"upload {kept[0]}", "complaint"),
        (f"upload {kept[1]}", "complaint"),
        ("uploads", "ok"),
    ]


def test_a_folder_of_another_database_is_noted_and_left(service, tmp_path):
    keepers.keep(service)
    (service.kept.root / LEFT).mkdir()
    assert (f"upload {LEFT}", "note") in found(service)
    sweep_uploads(default_url(tmp_path), service.kept.root)
    assert (service.kept.root / LEFT).is_dir()


def test_the_commands_find_and_remove_what_a_crash_left(service, tmp_path):
    keepers.keep(service)
    with service.kept.changing():
        service.kept.write(LEFT, {"cutout.fits": b"x"}, {})

    def run(*arguments):
        result = CliRunner().invoke(app, [*arguments, "--data-dir", str(tmp_path), "--json"])
        return orjson.loads(result.stdout)

    named = [one["name"] for one in run("check")["findings"] if one["name"].startswith("upload")]
    assert named == ["uploads", "uploads"]
    assert run("index", "prune", "--dry-run")["unfinished_uploads"] == [LEFT]
    assert service.kept.pending() == [LEFT]
    assert run("index", "prune")["unfinished_uploads"] == [LEFT]
    assert service.kept.pending() == []
    assert found(service) == [("uploads", "ok")]
