"""`skylike index audit` writes what it finds, and says which part it left out."""

import csv

import pytest
from support.index_command import run
from support.one_sky import pictures, views
from support.serving import copied
from support.tiny_survey import FIELD_PX, tiny_survey
from typer.testing import CliRunner

from index.audit.one_sky import find_one_sky
from index.audit.release_audit import audit_release
from index.audit.tables import summary, tables
from index.release import Release
from skylike.cli.index import app
from survey.archive import SurveyFolder


def planted(flux):
    """Fill a display survey with strangers, and two views of one patch in rows 4 and 9."""
    flux[:] = pictures(len(flux), FIELD_PX, seed=6) / 40
    flux[4], flux[9] = (view / 40 for view in views(81, (6, -11), FIELD_PX))


@pytest.fixture(scope="module")
def data(served_data, tmp_path_factory):
    return copied(served_data, tmp_path_factory.mktemp("audit") / "data")


def test_the_report_holds_every_finding(data, tmp_path):
    # Across the whole sky 120 blobs lie degrees apart: a wide radius pairs some.
    told = run(data, "audit", "tiny", "--out", str(tmp_path), "--montages", "--radius", "20000")
    written = {path.name for path in tmp_path.iterdir()}
    assert {str(tmp_path / name) for name in written} == set(told["files"])
    assert written >= {"report.md", "audit.json", "same_sky.csv", "conflicts.csv", "same_sky.png"}
    rows = list(csv.DictReader((tmp_path / "same_sky.csv").read_text().splitlines()))
    assert len(rows) == told["same_sky"]["pairs"] > 0
    assert all(float(row["separation_arcsec"]) <= 20_000 for row in rows)
    assert told["left_out"]["same sky by pixels"] == "every object has a position"
    ranked = list(csv.DictReader((tmp_path / "conflicts.csv").read_text().splitlines()))
    assert len(ranked) == told["label_conflicts"]["labelled"]
    margins = [float(row["p_label"]) - float(row["p_other"]) for row in ranked]
    assert margins == sorted(margins)
    assert "same sky by pixels: every object has a position" in (tmp_path / "report.md").read_text()


def test_a_terminal_is_told_the_counts(data):
    said = CliRunner().invoke(app, ["audit", "tiny", "--data-dir", str(data)], catch_exceptions=False)
    assert said.exit_code == 0
    assert "show one sky" in said.stdout
    assert "left out: same sky by pixels" in said.stdout
    assert (next((data / "audits").glob("tiny--*")) / "report.md").is_file()


def test_a_label_that_the_survey_has_not_is_named_with_those_that_it_has(data):
    complaint = run(data, "audit", "tiny", "--label", "colour", status=1)
    assert "no column 'colour'" in complaint
    assert "parent_id" in complaint


def test_without_labels_there_are_no_conflicts_and_the_reason(data, tmp_path):
    release = Release.open(next((data / "releases").glob("tiny--*")))
    survey = SurveyFolder(data / "surveys" / "tiny")
    found = audit_release(release, survey, cache=tmp_path, label="parent_id")
    assert found.conflicts is None
    assert "name a column with --label" in found.left_out["label conflicts"]
    assert "conflicts" not in tables(found)
    assert "label_conflicts" not in summary(found)


def test_objects_without_positions_are_paired_by_their_pixels(tmp_path):
    survey = tiny_survey(tmp_path / "tiny", n=20, kind="display", edit=planted)
    objects = survey.objects
    for name in ("ra_deg", "dec_deg"):
        values = objects.column(name).to_pylist()
        # Row 3 alone keeps its place.
        kept = [value if row == 3 else None for row, value in enumerate(values)]
        objects = objects.set_column(objects.column_names.index(name), name, [kept])
    survey.__dict__["objects"] = objects
    found = find_one_sky(survey, cache=tmp_path)
    assert found.pairs.rows.tolist() == [[4, 9]]
    assert found.left_out == {"same sky by position": "no two objects have positions"}
    assert "pixel scale is unknown" in found.notes["same sky by pixels"]
