"""The prescan and the sandbox before real files of many observatories."""

import csv

import pytest

from service.sandbox import ChildDied, ChildTimeout, Sandbox
from survey.ingest import CutoutRejected, Overrides
from survey.magic import PrescanRefused
from survey.prescan import prescan

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def zoo(shared_data):
    folder = shared_data / "fits_zoo"
    with (folder / "manifest.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [(row["file"], row["verdict"], (folder / "files" / row["file"]).read_bytes()) for row in rows]


def refused(data):
    try:
        prescan(data)
    except PrescanRefused as refusal:
        return refusal.code
    return None


def test_the_prescan_refuses_no_honest_file(zoo):
    falsely = {
        name: refused(data)
        for name, verdict, data in zoo
        if verdict in {"accept", "partial"} and refused(data)
    }
    assert not falsely


def test_of_readable_files_the_prescan_refuses_only_foreign_tile_codecs(zoo):
    codes = {refused(data) for _, verdict, data in zoo if verdict == "valid_not_a_galaxy"}
    assert codes <= {None, "fits.codec"}


def test_every_file_is_understood_or_refused_and_no_child_dies(zoo):
    with Sandbox(wall_seconds=60) as sandbox:
        for name, verdict, data in zoo:
            try:
                sandbox.run([(name, data)], Overrides())
            except (ChildDied, ChildTimeout) as error:
                pytest.fail(f"{name}: {error.code}")
            except CutoutRejected:
                continue
            assert verdict != "reject", name
