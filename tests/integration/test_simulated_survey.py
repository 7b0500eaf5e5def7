"""The demo survey is the same however it is made, and an interrupted run goes on."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from skylike.cli.simulate import simulate
from survey.archive import SurveyFolder
from survey.simulate import survey as run
from survey.simulate.survey import simulate_survey


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("surveys") / "demo"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "PART_SIZE", 8)
        seen = []
        folder = simulate_survey(path, n=20, seed=7, workers=1, progress=lambda *step: seen.append(step))
    return folder, seen


def test_progress_reaches_the_number_asked_for(made):
    assert made[1] == [(8, 20), (16, 20), (20, 20)]


def test_the_object_table_holds_what_was_measured(made):
    table = made[0].objects
    rows = table.to_pylist()
    assert {row["object_id"] for row in rows} == {row["parent_id"] for row in rows}
    for row in rows:
        assert 14.5 < 22.5 - 2.5 * np.log10(row["flux_r"]) - 2.285 * row["ebv"] < 17.77
        assert row["z_spec"] > 0
        assert row["r50_arcsec"] > 0.5
        assert row["label"]
    assert not [name for name in table.column_names if name.startswith("true_")]


def test_the_truth_lies_apart_and_covers_the_galaxies_that_were_dropped(made):
    truth = pq.read_table(made[0].path / "truth.parquet")
    assert truth.num_rows == 20
    kept = [row["object_id"] for row in truth.to_pylist() if row["is_kept"]]
    assert kept == made[0].ids


def test_the_sky_noise_of_the_pixels_is_the_stated_one(made):
    row = next(n for n, odd in enumerate(made[0].objects.column("oddity").to_pylist()) if odd is None)
    cutout = made[0].read([made[0].ids[row]])[0]
    border = np.concatenate([cutout.flux[:, :6].reshape(5, -1), cutout.flux[:, -6:].reshape(5, -1)], axis=1)
    spread = 1.4826 * np.median(np.abs(border - np.median(border, axis=1, keepdims=True)), axis=1)
    stated = [made[0].objects.column(f"sky_sigma_{band}")[row].as_py() for band in "ugriz"]
    # 1,008 pixels; the light of the outskirts may add a little.
    assert spread == pytest.approx(stated, rel=0.25)


def test_the_survey_says_what_is_real(made):
    assert "real SDSS" in made[0].info.realism
    assert "rendered" in made[0].info.realism


def test_two_processes_make_the_same_survey(made, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "PART_SIZE", 8)
    again = simulate_survey(tmp_path / "demo", n=20, seed=7, workers=2)
    assert again.sha256 == made[0].sha256


def test_an_interrupted_run_continues_and_ends_the_same(made, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "PART_SIZE", 8)

    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate_survey(tmp_path / "demo", n=20, seed=7, workers=1, progress=interrupt)
    finished = tmp_path / ".demo.parts" / "00000.truth.parquet"
    written = finished.stat().st_mtime_ns
    kept = []
    again = simulate_survey(
        tmp_path / "demo",
        n=20,
        seed=7,
        workers=1,
        progress=lambda *_: kept.append(finished.stat().st_mtime_ns),
    )
    assert kept[0] == written
    assert again.sha256 == made[0].sha256
    assert not finished.parent.exists()


def test_parts_of_another_run_are_not_mixed_in(tmp_path):
    stale = tmp_path / ".demo.parts" / "00000.truth.parquet"
    stale.parent.mkdir()
    stale.write_bytes(b"of another seed")
    folder = simulate_survey(tmp_path / "demo", n=3, seed=8, workers=1)
    assert len(folder) <= 3


def test_the_command_makes_a_survey_once(tmp_path):
    app = typer.Typer()
    app.command()(simulate)
    arguments = ["--n", "3", "--seed", "9", "--workers", "1", "--data-dir", str(tmp_path), "--json"]
    first = CliRunner().invoke(app, arguments)
    assert first.exit_code == 0, first.output
    folder = SurveyFolder(tmp_path / "surveys" / "demo")
    assert json.loads(first.stdout)["objects"] == len(folder)
    written = (folder.path / "survey.json").stat().st_mtime_ns
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert (folder.path / "survey.json").stat().st_mtime_ns == written
