"""What a run's log shows, as numbers and as a picture."""

import json
import math
import sys

import numpy as np
import pytest
from PIL import Image
from support.run_config import CONFIG
from support.tiny_survey import tiny_survey
from typer.testing import CliRunner

pytest.importorskip("torch", reason="torch is in the extra [train]")

from skylike.cli.train import app
from training.curves import best_epoch, draw_curves, summarise
from training.runs import RunFolder


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path / "runs" / "mine", {})
    for epoch, score in enumerate([0.4, 0.6, 0.5], start=1):
        folder.log(
            step=5 * epoch,
            epoch=epoch,
            learning_rate=0.1 / epoch,
            info_nce=6 / epoch,
            gradient_norm=1.0,
            images_per_s=100.0 * epoch,
            loader_share=0.01,
            purity10=score,
            score=score,
        )
    return folder


def test_a_summary_says_how_far_the_loss_came_how_fast_and_which_epoch_was_best(run):
    told = summarise(run)
    assert told["info_nce"] == "6 -> 2"
    assert told["best_epoch"] == 2
    assert told["images_per_s"] == 200
    assert told["loader_share"] == 0.01


def test_the_first_of_equal_epochs_is_the_best_as_the_loop_keeps_it():
    scores = (0.3, 0.5, math.nan, 0.5)
    lines = [{"epoch": n, "score": score} for n, score in enumerate(scores, start=1)]
    assert best_epoch(lines) == 2
    assert best_epoch([{"epoch": 1}]) is None


def test_a_run_without_an_epoch_has_nothing_to_show(tmp_path):
    empty = RunFolder(tmp_path / "empty", {})
    assert summarise(empty) == {}
    assert draw_curves(empty) is None


def test_the_curves_are_drawn_beside_the_log(run):
    picture = np.asarray(Image.open(draw_curves(run)).convert("L"))
    assert picture.shape[0] >= 400
    # Four panels with something in each.
    assert all(
        (half < 128).any() for row in np.array_split(picture, 2) for half in np.array_split(row, 2, axis=1)
    )


def test_without_matplotlib_there_are_none(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert draw_curves(run) is None
    told = CliRunner().invoke(app, ["plot", "mine", "--data-dir", str(run.path.parents[1])])
    assert told.exit_code == 1
    assert "-e '.[demo]'" in told.stderr


def test_a_run_is_plotted_by_its_name(run):
    told = CliRunner().invoke(app, ["plot", "mine", "--data-dir", str(run.path.parents[1])])
    assert told.exit_code == 0, told.stderr
    assert "curves.png" in told.stdout
    assert (run.path / "curves.png").is_file()


def test_a_run_that_is_not_there_is_named(tmp_path):
    told = CliRunner().invoke(app, ["plot", "other", "--data-dir", str(tmp_path)])
    assert told.exit_code == 1
    assert "other is no run" in told.stderr


def test_training_ends_with_a_summary_and_the_curves(tmp_path):
    tiny_survey(tmp_path / "surveys" / "tiny", n=60, kind="display")
    (tmp_path / "small.toml").write_text(CONFIG)
    told = CliRunner().invoke(
        app,
        ["pretrain", str(tmp_path / "small.toml"), "--data-dir", str(tmp_path), "--threads", "1", "--json"],
    )
    assert told.exit_code == 0, told.stderr
    summary = json.loads(told.stdout)
    assert (summary["epochs"], summary["of"]) == (2, 2)
    assert {"info_nce", "best_epoch", "images_per_s", "loader_share", "next"} <= set(summary)
    assert (tmp_path / "runs" / "small" / "curves.png").is_file()
