"""Galaxy10 becomes a survey of display images."""

import numpy as np
import pytest
from support.public_sets import galaxy10_decals, galaxy10_sdss, pictures

from survey.archive import SurveyInfo
from survey.rendering import to_rgb
from survey.sources.galaxy10 import plan
from survey.sources.hdf5 import UnreadableSet
from survey.sources.importing import import_survey

INFO = SurveyInfo("mine", "mine", "display")


def test_decals_pictures_come_back_to_the_last_count(tmp_path):
    file = galaxy10_decals(tmp_path / "Galaxy10_DECals.h5", 4)
    made = import_survey(plan([file], INFO), tmp_path)
    assert (made.info.kind, made.info.bands.ids) == ("display", ("display:R", "display:G", "display:B"))
    assert (made.info.field_px, made.info.pixel_scale_arcsec) == (256, 0.262)
    assert made.ids == [f"Galaxy10_DECals-000000{n}" for n in range(4)]
    cutouts = made.read(made.ids)
    assert np.array_equal([c.flux for c in cutouts], pictures(4, 256).transpose(0, 3, 1, 2))
    # Shown, each is the picture it was: red is red, and up is up.
    assert np.array_equal(to_rgb(cutouts[2]), pictures(4, 256)[2])


def test_classes_have_their_names_and_unknown_redshifts_are_null(tmp_path):
    made = import_survey(plan([galaxy10_decals(tmp_path / "a.h5", 10)], INFO), tmp_path)
    labels = made.objects.column("label").to_pylist()
    assert (labels[0], labels[5], labels[9]) == ("Disturbed", "Barred Spiral", "Edge-on with Bulge")
    assert made.objects.column("ans").to_pylist() == list(range(10))
    assert made.objects.column("z_spec").to_pylist()[:3] == [
        pytest.approx(0.02),
        None,
        pytest.approx(0.02 + 0.08 * 2 / 9),
    ]
    assert made.objects.column("ra_deg").to_pylist()[9] == 160


def test_pictures_of_several_scales_have_no_common_one(tmp_path):
    file = galaxy10_decals(tmp_path / "a.h5", 2, pxscale=np.array([0.262, 0.524]))
    made = import_survey(plan([file], INFO, field_px=64), tmp_path)
    assert made.info.pixel_scale_arcsec is None
    assert made.objects.column("pxscale").to_pylist() == [0.262, 0.524]
    assert np.array_equal(made.read(made.ids)[1].flux, pictures(2, 256)[1, 96:160, 96:160].transpose(2, 0, 1))


def test_sdss_pictures_have_other_classes_and_no_scale(tmp_path):
    made = import_survey(plan([galaxy10_sdss(tmp_path / "Galaxy10.h5", 8)], INFO), tmp_path)
    assert (made.info.title, made.info.field_px, made.info.pixel_scale_arcsec) == ("Galaxy10 SDSS", 69, None)
    labels = made.objects.column("label").to_pylist()
    assert (labels[0], labels[7]) == ("Disk, Face-on, No Spiral", "Disk, Face-on, Tight Spiral")
    assert made.objects.column("ra_deg").null_count == 8
    assert np.array_equal(made.read(made.ids)[7].flux, pictures(8, 69)[7].transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"ans": np.array([3, 10], np.uint8)}, r"'ans' holds 10; classes are 0 to 9"),
        ({"ans": np.array([0.5, 1])}, "'ans' holds double; classes are integers from 0 to 9"),
        ({"ans": None}, "has no classes 'ans'"),
        ({"images": pictures(2, 64)}, "pictures have 64 px; Galaxy10 DECaLS has 256, Galaxy10 SDSS 69"),
        ({"images": pictures(2, 256).astype(np.float32)}, "holds float32; this format holds uint8 counts"),
        ({"images": pictures(2, 256).transpose(0, 3, 1, 2)}, r"this format has \(N, S, S, 3\)"),
    ],
)
def test_what_is_not_this_format_is_refused(tmp_path, changed, message):
    with pytest.raises(UnreadableSet, match=message):
        plan([galaxy10_decals(tmp_path / "a.h5", 2, **changed)], INFO)
