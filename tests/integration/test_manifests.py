"""Manifests on a real disk."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest

from survey.manifests import (
    CorruptFolder,
    file_sha256,
    publish_folder,
    read_manifest,
    sha256_of,
    write_manifest,
)


@pytest.fixture
def staged(tmp_path):
    folder = tmp_path / ".new"
    (folder / "tree").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "tree" / "b.txt").write_text("b")
    write_manifest(folder, "m.json", {"n": 1}, ["a.txt", "tree"])
    return folder


def test_hash_is_sha256(staged):
    assert file_sha256(staged / "a.txt") == sha256_of(b"a") == hashlib.sha256(b"a").hexdigest()


def test_whole_folder_agrees_with_its_manifest(staged):
    assert read_manifest(staged, "m.json", verify=None)["n"] == 1


@pytest.mark.parametrize("change", ["content", "name", "gone"])
def test_any_change_below_a_listed_folder_is_found(staged, change):
    file = staged / "tree" / "b.txt"
    if change == "content":
        file.write_text("c")
    elif change == "name":
        file.rename(file.with_name("c.txt"))
    else:
        file.unlink()
        file.parent.rmdir()
    assert read_manifest(staged, "m.json", verify=["a.txt"])["n"] == 1
    with pytest.raises(CorruptFolder, match=r"tree (does not have the hash|is missing)"):
        read_manifest(staged, "m.json", verify=None)


@pytest.mark.parametrize("content", [None, b"{", b"[]", b'{"files": 3}', b'{"n": 1}'])
def test_unreadable_manifest_is_named_without_its_path(tmp_path, content):
    if content is not None:
        (tmp_path / "m.json").write_bytes(content)
    with pytest.raises(CorruptFolder, match=r"no readable m\.json") as error:
        read_manifest(tmp_path, "m.json")
    assert str(tmp_path) not in str(error.value)


def test_publishing_replaces_in_one_step_and_leaves_nothing_else(staged, tmp_path):
    target = tmp_path / "deep" / "target"
    publish_folder(staged, target)
    again = tmp_path / ".again"
    again.mkdir()
    (again / "x").write_text("x")
    # A crash between two renames may have left an old folder behind.
    (target.parent / ".target.old").mkdir()
    publish_folder(again, target)
    assert [p.name for p in target.iterdir()] == ["x"]
    assert [p.name for p in target.parent.iterdir()] == ["target"]


_KILLED = """
import os, shutil, sys
from pathlib import Path
from survey import manifests

where, staged, target = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
rename = Path.rename


def killed(self, other):
    if self == staged:
        os._exit(9)
    return rename(self, other)


if where == "between":
    manifests._exchange = lambda *_: False
    Path.rename = killed
else:
    shutil.rmtree = lambda *_, **__: os._exit(9)
manifests.publish_folder(staged, target)
"""


@pytest.mark.parametrize(("where", "n"), [("between", 1), ("after", 2)])
def test_folder_survives_a_publication_killed_midway(tmp_path, staged, where, n):
    target = tmp_path / "target"
    publish_folder(staged, target)
    staged.mkdir()
    write_manifest(staged, "m.json", {"n": 2}, [])
    command = [sys.executable, "-c", _KILLED, where, str(staged), str(target)]
    assert subprocess.run(command, check=False).returncode == 9
    assert read_manifest(target, "m.json", verify=None)["n"] == n


def test_publication_after_a_killed_one_leaves_one_folder(tmp_path, staged):
    write_manifest_of(tmp_path / ".target.old", 1)
    publish_folder(staged, tmp_path / "target")
    assert [p.name for p in tmp_path.iterdir()] == ["target"]


def write_manifest_of(folder, n):
    folder.mkdir()
    write_manifest(folder, "m.json", {"n": n}, [])


@pytest.mark.parametrize("can_exchange", [True, False])
def test_republished_folder_is_the_new_one_with_and_without_exchange(
    tmp_path, staged, monkeypatch, can_exchange
):
    if not can_exchange:
        monkeypatch.setattr("survey.manifests._exchange", lambda *_: False)
    write_manifest_of(tmp_path / "target", 7)
    publish_folder(staged, tmp_path / "target")
    assert read_manifest(tmp_path / "target", "m.json", verify=None)["n"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["target"]
