"""Image sets of the Multimodal Universe become surveys."""

import json

import numpy as np
import pytest
from support.public_sets import images, mmu, mmu_gz10, mmu_hsc, mmu_legacy, mmu_stein, pictures
from typer.testing import CliRunner

from skylike.cli.survey import app
from survey.archive import SurveyFolder, SurveyInfo
from survey.sources.hdf5 import UnreadableSet
from survey.sources.importing import import_survey
from survey.sources.mmu import plan

INFO = SurveyInfo("mine", "mine", "flux")


def test_hsc_comes_in_nanomaggies_with_noise_and_mask(tmp_path):
    mmu_hsc(tmp_path / "hsc" / "healpix=1171" / "001-of-001.hdf5", 4)
    made = import_survey(plan([tmp_path / "hsc"], INFO), tmp_path)
    assert made.info.bands.ids == ("hsc:g", "hsc:r", "hsc:i", "hsc:z", "hsc:y")
    assert (made.info.field_px, made.info.pixel_scale_arcsec) == (160, 0.168)
    assert made.ids == [str(43158605174556912 + n) for n in range(4)]
    unit = 10 ** (-0.4 * 4.5)
    stored = made.read(made.ids)
    expected = images(4, 5, 160) * unit
    # Unusable: by the mask in all bands, by the inverse variance in g.
    expected[:, :, 0, 0], expected[:, 0, 1, 1] = np.nan, np.nan
    assert np.allclose([c.flux for c in stored], expected, rtol=2**-10, atol=1e-6, equal_nan=True)
    ivar = np.where(np.isnan(expected), 0, 4e4 / unit**2)
    assert np.allclose([c.ivar for c in stored], ivar, rtol=1e-6)
    row = made.objects.slice(3, 1).to_pylist()[0]
    assert row["ebv"] == pytest.approx(0.1)
    # Magnitude 22 in g, 23 in r, 26 in y.
    assert [row[f"flux_{b}"] for b in "gry"] == pytest.approx([10**0.2, 10**-0.2, 10**-1.4])
    assert row["image_psf_fwhm_g"] == pytest.approx(0.7)


@pytest.mark.parametrize("mask", ["image_mask", "bit_mask"])
def test_legacy_surveys_keep_ids_fluxes_and_dust(tmp_path, mask):
    for n in range(2):
        mmu_legacy(tmp_path / "dr10" / f"healpix={n}" / "001-of-001.hdf5", 2, first=10 * n, mask=mask)
    job = plan([tmp_path / "dr10"], INFO)
    made = import_survey(job, tmp_path)
    assert made.info.bands.ids == ("legacy:g", "legacy:r", "legacy:i", "legacy:z")
    assert made.ids == ["1234p567-0", "1234p567-1", "1234p567-10", "1234p567-11"]
    stored = made.read(made.ids)
    assert np.isnan(stored[0].flux[:, 0, 0]).all()
    assert np.allclose(stored[3].flux[1:, 1:], images(2, 4, 160)[1, 1:, 1:], rtol=2**-11, atol=1e-6)
    row = made.objects.slice(1, 1).to_pylist()[0]
    assert [row[f"flux_{b}"] for b in "griz"] == [2, 4, 6, 8]
    assert (row["flux_ivar_z"], row["type"], row["ra_deg"]) == (100, "DEV", 160)
    assert row["ebv"] == pytest.approx(0.1)
    assert "Left out, not one value per object: catalog_FLUX_G, image_rgb." in job.rows.notes


def test_stein_galaxies_of_north_and_south_do_not_share_ids(tmp_path):
    files = [mmu_stein(tmp_path / f"{release}.hdf5", 2, release=release) for release in (9010, 9011)]
    made = import_survey(plan(files, INFO), tmp_path)
    assert made.info.bands.ids == ("legacy:g", "legacy:r", "legacy:z")
    assert made.ids == ["9010-330368-0", "9010-330368-1", "9011-330368-0", "9011-330368-1"]
    assert made.objects.column("z_spec").to_pylist() == [pytest.approx(0.1), None] * 2
    assert made.objects.column("object_id_user").to_pylist() == [0, 1, 0, 1]
    assert made.read(made.ids)[0].ivar is None


def test_gz10_is_galaxy10_with_ids(tmp_path):
    mmu_gz10(tmp_path / "datafiles" / "healpix=7" / "001-of-001.h5", 3)
    made = import_survey(plan([tmp_path / "datafiles"], INFO), tmp_path)
    assert (made.info.kind, made.ids) == ("display", ["100", "101", "102"])
    assert made.objects.column("label").to_pylist() == ["Disturbed", "Merging", "Round Smooth"]
    assert np.array_equal([c.flux for c in made.read(made.ids)], pictures(3, 256).transpose(0, 3, 1, 2))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"image_band": np.array([["des-g", "des-r", "des-y"]] * 2, "S5")},
            "has the bands des-g,des-r,des-y; known are",
        ),
        (
            {"image_band": np.array([["a", "b", "c"], ["a", "c", "b"]], "S5")},
            "2 sequences of bands in 'image_band'",
        ),
        ({"image_scale": np.full((2, 3), 0.524)}, "'image_scale' is 0.524 arcsec; this set has 0.262"),
        ({"image_array": None}, "has no dataset 'image_array'"),
        ({"image_mask": np.zeros((2, 32, 32), bool)}, "'image_mask' is true for 0 % of the pixels"),
        (
            {"image_mask": np.ones((2, 3, 31, 31), bool)},
            r"'image_mask' has shape \(2, 3, 31, 31\), 'image_array' \(2, 3, 32",
        ),
        ({"image_band": None}, "Is it another format"),
    ],
)
def test_what_is_none_of_the_sets_is_refused(tmp_path, changed, message):
    file = mmu(tmp_path / "a.hdf5", ["des-g", "des-r", "des-z"], 2, side=32, noise=False, **changed)
    with pytest.raises(UnreadableSet, match=message):
        plan([file], INFO)


def test_sets_are_imported_apart(tmp_path):
    files = [mmu_stein(tmp_path / "a.hdf5", 2), mmu_gz10(tmp_path / "b.h5", 2)]
    with pytest.raises(UnreadableSet, match=r"b\.h5 is of .*Galaxy10 DECaLS', the files before of .*Stein"):
        plan(files, INFO)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnreadableSet, match=r"empty: no \.hdf5 file below this folder"):
        plan([tmp_path / "empty"], INFO)


def test_infinities_where_a_pixel_is_usable_are_refused_and_others_are_not(tmp_path):
    pixels = images(2, 3, 32)
    pixels[0, 0, 0, 0] = pixels[1, 0, 5, 5] = np.inf
    usable = np.ones((2, 32, 32), bool)
    usable[0, 0, 0] = False
    file = mmu(
        tmp_path / "a.hdf5",
        ["des-g", "des-r", "des-z"],
        2,
        side=32,
        noise=False,
        image_array=pixels,
        image_mask=usable,
    )
    job = plan([file], INFO)
    made = import_survey(job, tmp_path)
    assert len(made) == 1
    assert "1 of 3,072 pixels are NaN or infinite" in job.rejected[0].reason


def test_the_command_takes_a_folder(tmp_path):
    mmu_stein(tmp_path / "north" / "healpix=1" / "001-of-001.hdf5", 3)
    words = ["import", "mmu", str(tmp_path / "north"), "--survey", "n", "--data-dir", str(tmp_path), "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["n_objects"] == 3
    assert "Stein" in SurveyFolder(tmp_path / "surveys" / "n").info.citation
