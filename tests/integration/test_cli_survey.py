"""`skylike survey import`, `list` and `show` on the command line."""

import json

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from PIL import Image
from support.fits_files import DEC, RA, file_of, galaxy, tan_header
from typer.testing import CliRunner

from skylike.cli.survey import app
from skylike.cli.survey_import import _split_table


@pytest.fixture
def run(tmp_path):
    def run(*arguments, code=0):
        found = CliRunner().invoke(app, [*map(str, arguments), "--data-dir", str(tmp_path / "data")])
        assert found.exit_code == code, found.output
        return found

    return run


@pytest.fixture
def cutouts(tmp_path):
    folder = tmp_path / "cutouts"
    folder.mkdir()
    for n in range(3):
        header = tan_header(SURVEY="SDSS", BANDS="gri", BUNIT="nanomaggy")
        (folder / f"g{n}.fits").write_bytes(file_of(fits.PrimaryHDU(galaxy(3, seed=n), header)))
    (tmp_path / "t.csv").write_text(
        f"objid,RAJ2000,DEJ2000,zz\ng0,{RA},{DEC},0.1\ng1,{RA},{DEC},0.2\ng9,1,1,0.3\n"
    )
    return folder


def test_a_dry_run_prints_the_mapping_and_writes_nothing(run, cutouts, tmp_path):
    found = run(
        "import",
        "fits",
        cutouts,
        tmp_path / "t.csv",
        "--survey",
        "mine",
        "--column",
        "z=zz",
        "--dry-run",
        "--json",
    )
    told = json.loads(found.stdout)
    assert told["n_objects"] == 2
    assert told["n_rejected"] == 2
    assert any("RAJ2000" in line for line in told["mapping"])
    assert any("zz (as you said)" in line for line in told["mapping"])
    assert told["first_rows"][0]["z_spec"] == 0.1
    assert told["estimate_bytes"] > 0
    assert not (tmp_path / "data").exists()


def test_import_then_list_then_show(run, cutouts, tmp_path):
    made = json.loads(run("import", "fits", cutouts, tmp_path / "t.csv", "--survey", "mine", "--json").stdout)
    assert (made["n_objects"], made["n_rejected"]) == (2, 2)
    listed = json.loads(run("list", "--json").stdout)["surveys"]
    assert [(row["name"], row["kind"], row["n_objects"]) for row in listed] == [("mine", "flux", 2)]
    assert "2 objects" in run("list").stdout
    shown = json.loads(run("show", "mine", "--json").stdout)
    assert shown["bands"] == ["sdss:g", "sdss:r", "sdss:i"]
    assert shown["columns"]["zz"] == "double, 2 known"
    row = json.loads(run("show", "mine", "g1", "--json").stdout)
    assert (row["object_id"], row["zz"]) == ("g1", 0.2)
    rejected = json.loads(run("show", "mine", "--rejected", "--json").stdout)
    assert {r["what"] for r in rejected["rejected"]} == {"g9", "g2.fits"}
    assert "no file" in run("show", "mine", "--rejected").stdout


def test_show_writes_pictures_and_cutouts(run, cutouts, tmp_path):
    run("import", "fits", cutouts, "--survey", "mine")
    for name in ("a.png", "a.webp"):
        run("show", "mine", "g0", "--image", tmp_path / name)
        with Image.open(tmp_path / name) as image:
            assert image.size == (40, 40)
    run("show", "mine", "g0", "--image", tmp_path / "a.fits")
    with fits.open(tmp_path / "a.fits") as hdus:
        assert hdus[0].header["BANDS"] == "gri"
        assert np.allclose(hdus[0].data, galaxy(3, seed=0), rtol=2**-10, atol=1e-5)
    assert ".png, .webp or .fits" in run("show", "mine", "g0", "--image", tmp_path / "a.gif", code=1).output


def test_a_second_import_does_nothing_and_a_different_one_asks(run, cutouts, tmp_path):
    first = json.loads(run("import", "fits", cutouts, "--survey", "mine", "--json").stdout)
    again = json.loads(run("import", "fits", cutouts, "--survey", "mine", "--json").stdout)
    assert again["sha256"] == first["sha256"]
    assert (
        "--replace" in run("import", "fits", cutouts, tmp_path / "t.csv", "--survey", "mine", code=1).output
    )
    run("import", "fits", cutouts, tmp_path / "t.csv", "--survey", "mine", "--replace")


def test_a_catalogue_is_imported_and_joined(run, tmp_path):
    (tmp_path / "t.csv").write_text("id,ra,dec\n1,10,20\n2,,\n")
    (tmp_path / "u.csv").write_text("key,redshift\n2,0.5\n")
    found = run(
        "import",
        "table",
        tmp_path / "t.csv",
        "--survey",
        "cat",
        "--join",
        tmp_path / "u.csv",
        "--on",
        "id=key",
        "--json",
    )
    assert json.loads(found.stdout)["next"] == "skylike index ingest cat"
    row = json.loads(run("show", "cat", "2", "--json").stdout)
    assert (row["ra_deg"], row["z_spec"]) == (None, 0.5)
    assert "no images" in run("list").stdout
    assert "catalogue without images" in run("show", "cat", "2", "--image", tmp_path / "a.png", code=1).output


def test_pictures_of_a_folder_are_imported(run, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for n in range(12):
        pixels = np.random.default_rng(n).integers(0, 255, (20, 20, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"p{n}.png")
    (folder / "broken.png").write_bytes(b"x")
    found = run("import", "images", folder, "--survey", "pics", "--title", "My pictures")
    assert "left out  broken: display.type" in found.output
    assert json.loads(run("show", "pics", "--json").stdout)["title"] == "My pictures"


def test_many_refusals_are_counted_not_listed(run, cutouts, tmp_path):
    rows = "\n".join(f"x{n}" for n in range(20))
    (tmp_path / "many.csv").write_text(f"objid\ng0\n{rows}\n")
    assert "and 12 more" in run("import", "fits", cutouts, tmp_path / "many.csv", "--survey", "mine").output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("import", "table", "nowhere.csv"), "no such file"),
        (("import", "table", "nowhere.csv", "--survey", "Bad Name"), "lower-case letters"),
        (("import", "table", "nowhere.csv", "--join", "nowhere.csv"), "needs --on"),
        (("import", "table", "nowhere.csv", "--column", "x"), "NAME=YOUR_COLUMN"),
        (("import", "fits", "nowhere.fits"), "no file nowhere.fits"),
        (("show", "nothing"), "no readable survey.json"),
    ],
)
def test_mistakes_end_with_one_sentence(run, arguments, message):
    found = run(*arguments, code=1)
    assert message in found.output
    assert "Traceback" not in found.output


def test_an_unknown_object_is_said(run, cutouts):
    run("import", "fits", cutouts, "--survey", "mine")
    assert "no object 'zz'" in run("show", "mine", "zz", code=1).output


def test_a_damaged_survey_is_listed_as_damaged(run, cutouts, tmp_path):
    run("import", "fits", cutouts, "--survey", "mine")
    (tmp_path / "data" / "surveys" / "mine" / "objects.parquet").write_bytes(b"x")
    assert "does not have the hash" in run("list").stdout


def test_an_empty_data_folder_says_how_to_start(run):
    assert "skylike survey import" in run("list").output


def test_the_last_argument_is_the_table_unless_it_is_a_cutout(tmp_path):
    folder, catalogue, cutout = tmp_path, tmp_path / "t.fits", tmp_path / "a.fits"
    Table({"id": [1]}).write(catalogue)
    assert _split_table([folder, tmp_path / "t.csv"], None) == ([folder], tmp_path / "t.csv")
    assert _split_table([folder, catalogue], None) == ([folder], catalogue)
    assert _split_table([cutout, catalogue, cutout], None) == ([cutout, catalogue, cutout], None)
    assert _split_table([cutout, cutout], None) == ([cutout, cutout], None)
    assert _split_table([folder], None) == ([folder], None)
    assert _split_table([folder], catalogue) == ([folder], catalogue)
