"""A finished demo is recognised, and nothing else is taken for one."""

import pytest

from skylike.stamp import Stamp

URL = "postgresql+psycopg://skylike:secret@database/skylike"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "surveys").mkdir()
    manifest = tmp_path / "surveys" / "survey.json"
    manifest.write_text("{}")
    Stamp.of(tmp_path, n=10, url=URL, manifests=[manifest], seconds={}).write(tmp_path)
    return tmp_path


def test_a_finished_demo_is_recognised(folder):
    assert Stamp.read(folder).holds(folder, n=10, url=URL)
    assert Stamp.read(folder).holds(folder, n=None, url=URL)


def test_another_number_or_another_database_is_another_demo(folder):
    assert not Stamp.read(folder).holds(folder, n=11, url=URL)
    assert not Stamp.read(folder).holds(folder, n=10, url="sqlite:///elsewhere.db")


def test_a_changed_manifest_is_noticed(folder):
    (folder / "surveys" / "survey.json").write_text("{ }")
    assert not Stamp.read(folder).holds(folder, n=10, url=URL)


def test_other_released_models_are_noticed(folder, tmp_path):
    models = tmp_path / "released"
    (models / "one").mkdir(parents=True)
    (models / "one" / "card.json").write_text("{}")
    assert not Stamp.read(folder).holds(folder, n=10, url=URL, released=models)
    Stamp.of(folder, n=10, url=URL, manifests=[], seconds={}, released=models).write(folder)
    assert Stamp.read(folder).holds(folder, n=10, url=URL, released=models)
    (models / "one" / "card.json").write_text("{ }")
    assert not Stamp.read(folder).holds(folder, n=10, url=URL, released=models)


def test_a_missing_manifest_is_noticed(folder):
    (folder / "surveys" / "survey.json").unlink()
    assert not Stamp.read(folder).holds(folder, n=10, url=URL)


def test_a_missing_sqlite_file_is_noticed(folder):
    url = f"sqlite:///{folder / 'catalogue.db'}"
    stamp = Stamp.of(folder, n=10, url=url, manifests=[], seconds={})
    assert not stamp.holds(folder, n=10, url=url)
    (folder / "catalogue.db").touch()
    assert stamp.holds(folder, n=10, url=url)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"n": 1}'])
def test_an_unreadable_stamp_is_none(tmp_path, text):
    (tmp_path / "demo.json").write_text(text)
    assert Stamp.read(tmp_path) is None


def test_the_stamp_keeps_no_password(folder):
    assert "secret" not in (folder / "demo.json").read_text()
