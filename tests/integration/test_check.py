"""`skylike check` names what disagrees, and the command that mends it."""

import shutil

import pytest
from support.serving import copied

from skylike.check import DataCheck
from skylike.check_catalogue import check_catalogue
from skylike.findings import complaints


def findings_of(data_dir, url=""):
    data = DataCheck(data_dir)
    found = list(data.run())
    return found + list(check_catalogue(url or f"sqlite:///{data_dir / 'catalogue.db'}", data))


def complaints_of(data_dir, url=""):
    return {f.name.split("--2")[0]: f for f in complaints(findings_of(data_dir, url))}


@pytest.fixture
def folder(served_data, tmp_path):
    return copied(served_data, tmp_path / "data")


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def test_a_whole_folder_gives_no_complaint(served_data):
    assert complaints_of(served_data) == {}


def test_an_empty_folder_is_a_complaint_that_names_the_demo(tmp_path):
    found = complaints_of(tmp_path)
    assert found["surveys"].remedy == "skylike demo --no-serve"
    assert found["catalogue schema"].remedy == "skylike index migrate"


def test_a_damaged_survey_is_named_with_everything_that_rests_on_it(folder):
    flip_a_byte(folder / "surveys" / "tiny" / "thumbnails.bin")
    found = complaints_of(folder)
    assert "thumbnails.bin" in found["survey tiny"].found
    assert {
        "embeddings tiny--pca48-tiny",
        "release tiny--pca48-tiny",
        "active tiny--pca48-tiny",
    } < found.keys()
    assert not any("rgb" in name for name in found)


def test_a_damaged_model_is_named_with_the_command_that_fits_it_again(folder):
    flip_a_byte(folder / "models" / "pca48-tiny" / "encoder.onnx")
    remedy = complaints_of(folder)["model pca48-tiny"].remedy
    assert remedy.endswith("skylike train fixed pca48 --survey tiny --model-id pca48-tiny")


def test_another_model_under_the_same_name_is_noticed_in_what_was_made_from_it(folder):
    shutil.rmtree(folder / "models" / "pca48-tiny")
    from support.tiny_survey import tiny_contract

    from survey.archive import SurveyFolder
    from training.fixed import fit_fixed

    survey = SurveyFolder(folder / "surveys" / "tiny")
    out = folder / "models" / "pca48-tiny"
    fit_fixed(
        "pca48", survey, out=out, model_id="pca48-tiny", contract=tiny_contract("flux"), seed=5, n_fit=60
    )
    found = complaints_of(folder)
    assert "made from model pca48-tiny" in found["release tiny--pca48-tiny"].found
    assert found["active tiny--pca48-tiny"].remedy == "skylike index build tiny --model pca48-tiny"


def test_a_release_that_the_catalogue_serves_but_is_gone_is_named(folder):
    for release in (folder / "releases").glob("tiny--*"):
        shutil.rmtree(release)
    assert "not here" in complaints_of(folder)["active tiny--pca48-tiny"].found


def test_a_catalogue_that_lost_rows_is_named(folder):
    from sqlalchemy import create_engine, text

    engine = create_engine(f"sqlite:///{folder / 'catalogue.db'}")
    with engine.begin() as connection:
        rows = "SELECT object_id FROM galaxies WHERE survey = 'tiny' LIMIT 1"
        connection.execute(text(f"DELETE FROM galaxies WHERE object_id = ({rows})"))
    engine.dispose()
    assert "119 rows for 120 objects" in complaints_of(folder)["catalogue tiny"].found


def test_a_database_that_cannot_be_reached_is_a_complaint_without_its_password(folder):
    url = "postgresql+psycopg://skylike:secret@127.0.0.1:1/skylike"
    finding = complaints_of(folder, url)["catalogue"]
    assert "secret" not in finding.found + finding.remedy


def test_an_interrupted_command_leaves_a_note(folder):
    (folder / "releases" / ".tiny--pca48-tiny--x.staged").mkdir()
    notes = [f for f in findings_of(folder) if f.state == "note"]
    assert [f.name for f in notes] == ["leftover .tiny--pca48-tiny--x.staged"]
