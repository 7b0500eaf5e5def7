"""GalaxiesML becomes a survey in nanomaggies."""

import numpy as np
import pytest
from support.public_sets import galaxiesml, images

from survey.archive import SurveyInfo
from survey.sources.galaxiesml import HSC_NANOMAGGIES, plan
from survey.sources.hdf5 import UnreadableSet
from survey.sources.importing import import_survey

INFO = SurveyInfo("mine", "mine", "flux")


def test_a_count_of_hsc_is_sixteen_thousandths_of_a_nanomaggy():
    # 27.0 - 22.5 = 4.5 mag; and by FLUXMAG0 of the headers: 1e9 nanomaggies are 63095734448.0194 counts.
    assert pytest.approx(1e9 / 63095734448.0194, rel=1e-9) == HSC_NANOMAGGIES


@pytest.mark.parametrize("side", [127, 64])
def test_pixels_bands_ids_and_redshifts_come_back_in_nanomaggies(tmp_path, side):
    file = galaxiesml(tmp_path / f"5x{side}x{side}_testing_with_morphology.hdf5", 4, side=side)
    made = import_survey(plan([file], INFO), tmp_path)
    assert made.info.bands.ids == ("hsc:g", "hsc:r", "hsc:i", "hsc:z", "hsc:y")
    assert (made.info.kind, made.info.field_px, made.info.pixel_scale_arcsec) == ("flux", side, 0.168)
    assert made.ids == [str(36407037182816256 + n) for n in range(4)]
    expected = images(4, 5, side) * 10 ** (-0.4 * 4.5)
    assert np.allclose([c.flux for c in made.read(made.ids)], expected, rtol=2**-10, atol=1e-6)
    row = made.objects.slice(3, 1).to_pylist()[0]
    assert (row["z_spec"], row["r_cmodel_mag"], row["g_sersic_index"]) == (3.5, 23.0, 1.5)
    # Magnitude 23 is 0.5 mag below one nanomaggy.
    assert row["flux_r"] == pytest.approx(10 ** (-0.4 * 0.5))
    assert (row["specz_flag_homogeneous"], row["ra_deg"], row["ebv"]) == (True, None, None)


def test_positions_are_kept_where_there_are_any_and_bring_dust(tmp_path):
    file = galaxiesml(tmp_path / "a.hdf5", 2, side=32, ra=np.array([150.0, 151]), dec=np.array([2.0, 2.5]))
    made = import_survey(plan([file], INFO), tmp_path)
    assert made.objects.column("dec_deg").to_pylist() == [2.0, 2.5]
    assert made.objects.column("ebv_src").to_pylist() == ["sfd-lowres"] * 2


def test_unknown_magnitudes_have_no_flux(tmp_path):
    mags = np.array([22.5, np.nan, 99.0])
    made = import_survey(
        plan([galaxiesml(tmp_path / "a.hdf5", 3, side=32, i_cmodel_mag=mags)], INFO), tmp_path
    )
    assert made.objects.column("flux_i").to_pylist() == [pytest.approx(1.0), None, None]
    assert made.objects.column("i_cmodel_mag").to_pylist() == [22.5, None, None]


def test_another_format_is_refused(tmp_path):
    with pytest.raises(UnreadableSet, match="has no dataset 'image' at its root"):
        plan([galaxiesml(tmp_path / "a.hdf5", 2, side=32, image=None, images=images(2, 5, 32))], INFO)
