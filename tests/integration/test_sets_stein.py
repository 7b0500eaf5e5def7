"""The set of Stein et al. becomes a survey."""

import numpy as np
import pytest
from support.public_sets import images, stein

from survey.archive import SurveyInfo
from survey.sources.hdf5 import UnreadableSet
from survey.sources.importing import import_survey
from survey.sources.stein import plan

INFO = SurveyInfo("mine", "mine", "flux")


def test_pixels_bands_ids_and_columns_come_back_as_they_were(tmp_path):
    file = stein(tmp_path / "images_npix152_000000000_001000000.h5", 5)
    made = import_survey(plan([file], INFO), tmp_path)
    assert made.info.bands.ids == ("legacy:g", "legacy:r", "legacy:z")
    assert (made.info.kind, made.info.field_px, made.info.pixel_scale_arcsec) == ("flux", 152, 0.262)
    assert made.ids == [f"9010-330368-{n}" for n in range(5)]
    assert np.allclose([c.flux for c in made.read(made.ids)], images(5, 3, 152), rtol=2**-11, atol=1e-6)
    row = made.objects.slice(2, 1).to_pylist()[0]
    assert [row[f"flux_{band}"] for band in "grz"] == [30, 60, 90]
    assert (row["nobs_g"], row["maskbits"], row["source_type"], row["inds"]) == (4, 0, "EXP", 2)
    assert row["ebv"] == pytest.approx(0.105)
    assert row["ra_deg"] == 155


def test_unknown_redshifts_of_every_kind_are_null(tmp_path):
    made = import_survey(plan([stein(tmp_path / "a.h5", 3, side=32)], INFO), tmp_path)
    for name in ("z_spec", "z_training", "z_phot_median"):
        assert made.objects.column(name).to_pylist() == [pytest.approx(0.1), None, pytest.approx(0.3)]


def test_fields_of_another_length_are_left_out_and_said(tmp_path):
    file = stein(
        tmp_path / "a.h5", 3, side=32, z_spec=np.zeros(2, np.float32), flux=np.zeros((4, 3), np.float32)
    )
    job = plan([file], INFO, limit=2)
    assert any(note == "Left out, not one value per object: flux, z_spec." for note in job.rows.notes)
    made = import_survey(job, tmp_path)
    assert made.objects.column("z_spec").null_count == 2
    assert "flux_g" not in made.objects.column_names


def test_files_follow_one_another_and_overlaps_are_left_out(tmp_path):
    files = [stein(tmp_path / f"{n}.h5", 3, side=32, first=2 * n) for n in range(2)]
    job = plan(files, INFO)
    made = import_survey(job, tmp_path)
    assert made.ids == [f"9010-330368-{n}" for n in range(5)]
    assert [r.reason for r in job.rejected] == ["the id occurs twice, first in row 3"]
    expected = images(3, 3, 32)[[0, 1, 2, 1, 2]]
    assert np.allclose([c.flux for c in made.read(made.ids)], expected, rtol=2**-11, atol=1e-6)


def test_a_column_that_one_file_lacks_is_null_there(tmp_path):
    files = [
        stein(tmp_path / "0.h5", 2, side=32, z_training=None),
        stein(tmp_path / "1.h5", 2, side=32, first=10, ra=np.array([1, 2], np.float32)),
    ]
    made = import_survey(plan(files, INFO), tmp_path)
    assert made.objects.column("z_training").to_pylist() == [None, None, pytest.approx(0.1), None]
    assert made.objects.column("ra_deg").to_pylist() == [150, 160, 1, 2]


def test_files_of_several_sizes_and_none_at_all_are_refused(tmp_path):
    files = [stein(tmp_path / f"{side}.h5", 2, side=side) for side in (32, 40)]
    with pytest.raises(UnreadableSet, match="images have 32 to 40 px; a survey has one size"):
        plan(files, INFO)
    with pytest.raises(UnreadableSet, match=r"shape \(2, 5, 32, 32\); this format has \(N, 3, S, S\)"):
        plan([stein(tmp_path / "a.h5", 2, side=32, images=images(2, 5, 32))], INFO)
