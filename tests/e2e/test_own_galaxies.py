"""The README's commands for one's own galaxies, word for word."""

import csv
import json
import re
from pathlib import Path

import pytest

N = 12


@pytest.fixture(scope="module")
def commands(repository):
    """What the README tells to type under "Your own galaxies", without comments."""
    section = (repository / "README.md").read_text().split("## Your own galaxies")[1]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL).group(1)
    return [line.split("#")[0].split() for line in block.splitlines()]


@pytest.fixture(scope="module")
def mine(demo, environment, tmp_path_factory):
    """A folder of FITS cutouts and a table with column names of its owner's own."""
    from survey.archive import SurveyFolder
    from survey.fits.writer import write_fits

    survey = SurveyFolder(Path(environment["SKYLIKE_DATA_DIR"]) / "surveys" / "demo")
    folder = tmp_path_factory.mktemp("mine")
    (folder / "cutouts").mkdir()
    with (folder / "table.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["objID", "RAJ2000", "DEJ2000", "zsp"])
        for number, cutout in enumerate(survey.read(survey.ids[:N])):
            (folder / "cutouts" / f"g{number:02d}.fits").write_bytes(write_fits(cutout))
            table.writerow([f"g{number:02d}", cutout.ra_deg, cutout.dec_deg, 0.05 + number / 100])
    return folder


@pytest.fixture(scope="module")
def indexed(commands, mine, skylike, tmp_path_factory):
    places = {"CUTOUTS": str(mine / "cutouts"), "TABLE": str(mine / "table.csv")}
    data = str(tmp_path_factory.mktemp("own") / "data")
    for command in commands[:2]:
        assert command[0] == "skylike"
        done = skylike(*(places.get(word, word) for word in command[1:]), SKYLIKE_DATA_DIR=data)
        assert done.returncode == 0, done.stderr
    return data


def test_import_and_build_make_an_active_release_of_every_cutout(indexed, skylike):
    done = skylike("index", "list", "--json", SKYLIKE_DATA_DIR=indexed)
    releases = json.loads(done.stdout)["releases"]
    assert [(r["survey"], r["n"], r["is_active"]) for r in releases] == [("mine", N, True)]


def test_the_third_command_serves(commands, indexed, environment, tmp_path):
    import sys

    from support.running import free_port, running

    port = free_port()
    settings = {**environment, "SKYLIKE_DATA_DIR": indexed, "SKYLIKE_PORT": str(port)}
    command = [sys.executable, "-m", *commands[2]]
    with running(command, settings, log=tmp_path / "serve.log", port=port) as client:
        answer = client.get("/api/v1/objects/g00/neighbours", params={"k": 3}).json()
    assert len(answer["hits"]) == 3
    assert answer["release"]["survey"] == "mine"


def test_what_was_imported_passes_the_check(indexed, skylike):
    assert skylike("check", SKYLIKE_DATA_DIR=indexed).returncode == 0
