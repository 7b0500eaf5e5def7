"""Names of surveys and models: safe as folders, and two of them can be told apart when joined."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from skylike.cli.survey import app as survey_app
from skylike.cli.train import app as train_app
from survey.archive import SurveyInfo
from survey.naming import BadName, checked_name
from survey.publish import publish_survey


@pytest.mark.parametrize("name", ["demo", "sdss-dr7", "a", "0.1_x", "a-b-c", "a" * 64])
def test_good_names_are_taken_as_they_are(name):
    assert checked_name(name) == name


@pytest.mark.parametrize("name", ["", "Demo", "-a", ".a", "a b", "a/b", "..", "a\n", "a" * 65, "ä"])
def test_names_that_are_no_folder_are_refused(name):
    with pytest.raises(BadName, match="up to 64 lower-case"):
        checked_name(name)


@pytest.mark.parametrize("name", ["a--b", "a---b", "a-"])
def test_names_that_could_be_two_are_refused(name):
    with pytest.raises(BadName, match="stands between survey and model"):
        checked_name(name)


@pytest.mark.parametrize(
    ("app", "arguments"),
    [
        (survey_app, ["simulate", "--n", "1", "--survey", "a--b"]),
        (survey_app, ["import", "table", "none.csv", "--survey", "a--b"]),
        (train_app, ["fixed", "polar48", "--survey", "a", "--model-id", "m--n"]),
    ],
)
def test_commands_refuse_them_before_any_work(app, arguments, tmp_path):
    done = CliRunner().invoke(app, [*arguments, "--data-dir", str(tmp_path)])
    assert done.exit_code != 0
    assert "stands between" in " ".join(done.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_no_survey_is_published_under_such_a_name(tmp_path):
    with pytest.raises(BadName):
        publish_survey(tmp_path / "a--b", SurveyInfo(name="a--b", title="", kind="catalogue"), [])
    assert list(tmp_path.iterdir()) == []
