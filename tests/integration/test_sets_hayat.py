"""The set of Hayat et al. becomes a survey."""

import json

import numpy as np
import pytest
from support.public_sets import hayat, images
from typer.testing import CliRunner

from skylike.cli.survey import app
from survey.archive import SurveyFolder, SurveyInfo
from survey.contract import InputContract
from survey.extinction import SDSS_DR12_COEFFICIENTS
from survey.sources.hayat import plan
from survey.sources.hdf5 import UnreadableSet
from survey.sources.importing import import_survey

INFO = SurveyInfo("mine", "mine", "flux")


def test_pixels_bands_ids_and_redshifts_come_back_as_they_were(tmp_path):
    file = hayat(tmp_path / "sdss_w_specz_valid.h5", 6)
    made = import_survey(plan([file], INFO), tmp_path)
    assert made.info.bands.ids == ("sdss:u", "sdss:g", "sdss:r", "sdss:i", "sdss:z")
    assert (made.info.kind, made.info.field_px, made.info.pixel_scale_arcsec) == ("flux", 107, 0.396)
    assert made.ids == [str(1237648720693755904 + n) for n in range(6)]
    cutouts = made.read(made.ids)
    # Pixels are stored as float16: 11 bits.
    assert np.allclose([c.flux for c in cutouts], images(6, 5, 107), rtol=2**-11, atol=1e-6)
    row = made.objects.slice(5, 1).to_pylist()[0]
    assert row["z_spec"] == pytest.approx(0.3, rel=1e-6)
    assert (row["ra_deg"], row["dec_deg"], row["specobjid"]) == (160.0, 1.0, 299489676975171584 + 5)


def test_e_bv_is_five_extinctions_and_fluxes_are_dereddened_once(tmp_path):
    made = import_survey(plan([hayat(tmp_path / "a.h5", 6)], INFO), tmp_path)
    ebv = made.objects.column("ebv").to_numpy()
    assert np.allclose(ebv, np.linspace(0.01, 0.2, 6), rtol=1e-6)
    assert set(made.objects.column("ebv_src").to_pylist()) == {"given"}
    contract = InputContract(made.info.bands, 0.396, 107, 65, "asinh", softening=(0.1,) * 5)
    field = contract.calibrate(made.read([made.ids[5]])[0]).field
    # The paper: flux x 10^(0.4 x E(B-V) x coefficient), with the recalibrated coefficients.
    factor = 10 ** (0.4 * 0.2 * np.array([4.239, 3.303, 2.285, 1.698, 1.263]))
    assert np.allclose(field, images(6, 5, 107)[5] * factor[:, None, None], rtol=2**-10, atol=1e-5)


def test_extinction_that_is_unknown_for_a_band_leaves_dust_unknown(tmp_path):
    extinction = np.outer(np.full(3, 0.1), SDSS_DR12_COEFFICIENTS)
    extinction[1, 2] = np.nan
    made = import_survey(
        plan([hayat(tmp_path / "a.h5", 3, e_bv=extinction, ra=None, dec=None)], INFO), tmp_path
    )
    assert made.objects.column("ebv").to_pylist() == [pytest.approx(0.1), None, pytest.approx(0.1)]


def test_missing_redshifts_are_null_whatever_stands_for_them(tmp_path):
    redshift = np.array([0.1, np.nan, -9999, 0.2])
    made = import_survey(plan([hayat(tmp_path / "a.h5", 4, specz_redshift=redshift)], INFO), tmp_path)
    assert made.objects.column("z_spec").to_pylist() == [0.1, None, None, 0.2]


def test_files_without_labels_name_their_objects_by_place(tmp_path):
    bare = dict.fromkeys(("specz_redshift", "specz_redshift_err", "ObjID", "specObjID", "ra", "dec"))
    files = [hayat(tmp_path / f"sky {n}.h5", 2, side=32, **bare) for n in range(2)]
    made = import_survey(plan(files, INFO), tmp_path)
    assert made.ids == ["sky-0-0000000", "sky-0-0000001", "sky-1-0000000", "sky-1-0000001"]
    assert made.objects.column("z_spec").null_count == 4


def test_ids_that_lost_digits_are_not_used(tmp_path):
    file = hayat(tmp_path / "a.h5", 3, side=32, ObjID=np.arange(3) + 1.23764872e18)
    job = plan([file], INFO)
    assert job.rows.columns.column("object_id").to_pylist() == ["a-0000000", "a-0000001", "a-0000002"]
    assert any("lose digits" in note for note in job.rows.notes)


def test_an_id_that_comes_twice_is_left_out_by_name(tmp_path):
    file = hayat(tmp_path / "a.h5", 3, side=32, ObjID=np.array([7, 7, 8]))
    job = plan([file], INFO)
    made = import_survey(job, tmp_path)
    assert made.ids == ["7", "8"]
    assert [r.reason for r in job.rejected] == ["the id occurs twice, first in row 1"]
    # What was left out does not shift what follows.
    assert np.allclose(made.read(["8"])[0].flux, images(3, 5, 32)[2], rtol=2**-11, atol=1e-6)


def test_an_image_that_is_not_finite_is_left_out_by_name(tmp_path):
    pixels = images(4, 5, 32)
    pixels[1, 2, 3, 4], pixels[2, 0, 0, :2] = np.nan, np.inf
    job = plan([hayat(tmp_path / "a.h5", 4, side=32, images=pixels)], INFO)
    made = import_survey(job, tmp_path)
    assert made.ids == [str(1237648720693755904 + n) for n in (0, 3)]
    assert [r.reason.split(" (")[0] for r in job.rejected] == [
        "set.not_finite: 1 of 5,120 pixels are NaN or infinite",
        "set.not_finite: 2 of 5,120 pixels are NaN or infinite",
    ]


def test_the_middle_is_kept_where_less_is_asked_for(tmp_path):
    file = hayat(tmp_path / "a.h5", 2)
    made = import_survey(plan([file], INFO, field_px=85), tmp_path)
    assert np.allclose(
        made.read(made.ids)[1].flux, images(2, 5, 107)[1, :, 11:96, 11:96], rtol=2**-11, atol=1e-6
    )
    with pytest.raises(
        UnreadableSet, match=r"--field-px 84 has no middle in images of 107 px; choose an odd"
    ):
        plan([file], INFO, field_px=84)


def test_the_limit_counts_over_files(tmp_path):
    files = [hayat(tmp_path / f"{n}.h5", 3, side=32, ObjID=np.arange(3) + 10 * n) for n in range(3)]
    assert import_survey(plan(files, INFO, limit=4), tmp_path).ids == ["0", "1", "2", "10"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": None}, "no dataset 'images' at its root; it has ObjID, dec, e_bv, ra"),
        ({"images": images(2, 3, 32)}, r"shape \(2, 3, 32, 32\); this format has \(N, 5, S, S\)"),
        ({"images": images(2, 5, 8)}, "S from 16 to 2048"),
        (
            {"images": np.zeros((2, 5, 32, 32), np.int32)},
            "holds int32; this format holds floating-point fluxes",
        ),
        ({"e_bv": np.zeros(2, np.float32)}, r"'e_bv' has shape \(2,\).*five floating-point extinctions"),
    ],
)
def test_what_is_not_this_format_is_refused(tmp_path, changed, message):
    with pytest.raises(UnreadableSet, match=message):
        plan([hayat(tmp_path / "a.h5", 2, side=32, **changed)], INFO)


def test_the_command_imports_once_and_then_does_nothing(tmp_path):
    file = hayat(tmp_path / "sdss_w_specz_train.h5", 5, side=33)
    words = [
        "import",
        "hayat",
        str(file),
        "--survey",
        "h",
        "--limit",
        "4",
        "--data-dir",
        str(tmp_path),
        "--json",
    ]
    first = CliRunner().invoke(app, words)
    assert first.exit_code == 0, first.output
    told = json.loads(first.stdout)
    assert (told["n_objects"], told["n_rejected"]) == (4, 0)
    folder = SurveyFolder(tmp_path / "surveys" / "h")
    assert "Hayat et al. 2021" in folder.info.citation
    stamp = (folder.path / "survey.json").stat().st_mtime_ns
    assert CliRunner().invoke(app, words).exit_code == 0
    assert (folder.path / "survey.json").stat().st_mtime_ns == stamp
    assert not list((tmp_path / "surveys").glob(".h.import"))
    wrong = CliRunner().invoke(app, ["import", "hayat", str(tmp_path / "no.h5"), "--data-dir", str(tmp_path)])
    assert (wrong.exit_code, "no.h5: there is no such file." in wrong.output) == (1, True)
