import numpy as np
import pytest
from support.index_command import run
from support.tiny_survey import tiny_release, tiny_survey

from index.causes.inspections import Inspections, InspectionsInfo, InspectionsMismatch
from index.causes.job import inspect_survey
from index.causes.merged import MergedInspections
from index.causes.table import COLUMNS, FrozenCauses, write_causes
from index.release import Release
from survey.inspection import RULES, inspect
from survey.manifests import CorruptFolder
from survey.updated import UpdatedSurvey


def spoil(flux):
    flux[3, 2] = np.nan
    flux[7, :, :, 40:] = 0


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return tiny_survey(tmp_path_factory.mktemp("surveys") / "tiny", n=50, edit=spoil)


@pytest.fixture
def inspections(survey, tmp_path):
    return inspect_survey(survey, tmp_path / "inspections", shard_size=20)


def test_every_object_has_what_its_pixels_show(survey, inspections):
    for object_id, cutout in zip(survey.ids, survey.read(survey.ids), strict=True):
        assert inspections.of(object_id) == inspect(cutout)
    columns = inspections.columns(survey.ids)
    assert set(columns) == set(COLUMNS)
    assert [columns["defects"][row] for row in (3, 7)] == ["missing_band", "off_edge"]
    assert (columns["p_data_quality"][[3, 7]] > 0.9).all()
    assert columns["cause"][3] == "data_quality"


def test_columns_follow_the_ids_and_are_null_for_strangers(survey, inspections):
    columns = inspections.columns([survey.ids[7], "nobody", survey.ids[3]])
    assert columns["defects"].tolist() == ["off_edge", None, "missing_band"]
    assert columns["cause"].tolist()[1] is None
    assert np.isnan(columns["p_blend"][1])
    assert inspections.of("nobody") is None


def test_an_interrupted_job_continues_with_the_next_shard(survey, tmp_path):
    class Killed(Exception):
        pass

    def die(done, total):
        if done > 20:
            raise Killed

    path = tmp_path / "inspections"
    with pytest.raises(Killed):
        inspect_survey(survey, path, progress=die, shard_size=20)
    told = []
    inspect_survey(survey, path, progress=lambda done, total: told.append((done, total)), shard_size=20)
    assert told[0][0] > 20
    assert told[-1] == (50, 50)


def test_inspections_belong_to_one_survey_and_one_version_of_the_rules(survey, inspections):
    info = inspections.info
    assert (info.survey_sha256, info.rules) == (survey.sha256, RULES)
    for other in (
        InspectionsInfo("tiny", "0" * 64, RULES, 50, 20),
        InspectionsInfo("tiny", survey.sha256, RULES + 1, 50, 20),
    ):
        with pytest.raises(InspectionsMismatch):
            Inspections.open_or_create(inspections.path, other)


def test_rows_of_a_release_come_back_as_they_were_found(survey, inspections, tmp_path):
    ids = [*reversed(survey.ids), "nobody"]
    path = tmp_path / "causes.arrow"
    write_causes(inspections.take(ids), path)
    frozen = FrozenCauses.open(path)
    assert len(frozen) == 51
    assert [frozen.of(row) for row in range(50)] == [inspections.of(i) for i in ids[:50]]
    assert frozen.of(50) is None
    path.write_bytes(b"nothing")
    with pytest.raises(CorruptFolder):
        FrozenCauses.open(path)


def test_a_supplement_is_believed_of_what_it_changed(survey, inspections, tmp_path):
    supplement = tiny_survey(tmp_path / "more", n=5, first=3)
    later = inspect_survey(supplement, tmp_path / "later", shard_size=20)
    updated = UpdatedSurvey(survey, [supplement], frozenset())
    merged = MergedInspections(updated, [inspections, later])
    # J00003 was spoilt and is sent anew, J00007 too; J00008 is the old one.
    columns = merged.columns(["J00008", "J00003", "nobody", "J00007"])
    assert columns["defects"].tolist() == ["", "", None, ""]
    assert merged.of("J00008") == inspections.of("J00008")
    assert merged.of("J00003") == later.of("J00003")


def test_a_build_inspects_and_freezes_what_it_found(tmp_path):
    survey = tiny_survey(tmp_path / "surveys" / "tiny", n=40, edit=spoil)
    built = run(tmp_path, "build", "tiny")
    release = Release.open(tmp_path / "releases" / built["release"])
    assert (tmp_path / "inspections" / "tiny" / "manifest.json").exists()
    row = release.columns.row_of(survey.ids[7])
    found = release.columns.take([row], ["cause", "p_data_quality", "defects"])
    assert (found["cause"], found["defects"]) == (["data_quality"], ["off_edge"])
    assert found["p_data_quality"][0] == pytest.approx(0.97)
    assert release.causes.of(row).names == ("off_edge",)


def test_a_build_by_later_rules_freezes_what_those_find(tmp_path, monkeypatch):
    tiny_survey(tmp_path / "surveys" / "tiny", n=40)
    built = run(tmp_path, "build", "tiny")
    assert Release.open(tmp_path / "releases" / built["release"]).rules == RULES
    assert not run(tmp_path, "build", "tiny")["is_new"]
    monkeypatch.setattr("index.causes.job.RULES", RULES + 1)
    later = run(tmp_path, "build", "tiny")
    assert later["is_new"]
    assert Release.open(tmp_path / "releases" / later["release"]).rules == RULES + 1
    assert not run(tmp_path, "build", "tiny")["is_new"]


def test_a_release_made_without_inspections_has_no_causes(tmp_path):
    release = Release.open(tiny_release(tmp_path, n=40))
    assert release.causes is None
    assert release.columns.take([0], ["cause"])["cause"] == [None]
    assert release.rules is None
