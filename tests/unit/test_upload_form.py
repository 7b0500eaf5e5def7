"""The fields of the upload form: what counts as said, what is only shown, what a refusal asks for."""

import numpy as np
import pytest

from service.operations.refusals import InvalidFilter
from service.web.upload_form import fields_to_mend, form_of, overrides_of, said
from survey.bands import BAND_SETS
from survey.cutout import Cutout
from survey.ingest import CutoutRejected, Overrides


def grz(**more):
    return Cutout(np.zeros((3, 4, 4), np.float32), BAND_SETS["legacy-grz"], **more)


def fields_of(form):
    """The form as a browser sends it back."""
    return {**form.values, **{f"was_{name}": text for name, text in form.understood.items()}}


def test_what_was_only_understood_is_not_sent_back_as_said():
    form = form_of(
        {}, cutout=grz(pixel_scale_arcsec=0.262, ra_deg=150.123456789, dec_deg=-0.5), survey="demo"
    )
    assert form.values["bands"] == "legacy:g,legacy:r,legacy:z"
    assert form.values["pixscale"] == "0.262"
    assert form.values["dec"] == "-0.500000"
    assert said(fields_of(form)) == {}
    assert overrides_of(said(fields_of(form))) == Overrides()


def test_one_edit_is_all_that_is_said_and_stays_said():
    form = form_of({}, cutout=grz(pixel_scale_arcsec=0.262))
    edited = {**fields_of(form), "pixscale": "0.5"}
    assert said(edited) == {"pixscale": "0.5"}
    again = form_of(edited, cutout=grz(pixel_scale_arcsec=0.5))
    assert said(fields_of(again)) == {"pixscale": "0.5"}


def test_the_bands_are_shown_in_the_order_in_which_they_were_sent():
    form = form_of({}, cutout=grz(provenance={"bands_as_sent": "legacy:z,legacy:g,legacy:r"}))
    assert form.values["bands"] == "legacy:z,legacy:g,legacy:r"


def test_a_refusal_by_the_reader_loses_nothing_that_was_typed():
    typed = {"bands": "gr", "zeropoint": "25", "was_bands": "g", "pixscale": "0.4", "was_pixscale": "0.4"}
    form = form_of(typed, mend=("bands",))
    assert {name: form.values[name] for name in ("bands", "zeropoint", "pixscale")} == {
        "bands": "gr",
        "zeropoint": "25",
        "pixscale": "0.4",
    }
    assert said(fields_of(form)) == {"bands": "gr", "zeropoint": "25"}


def test_zero_points_may_be_several():
    assert overrides_of({"zeropoint": " 22.5 "}).zeropoints() == (22.5,)
    assert overrides_of({"zeropoint": "22.5, 25 27"}).zeropoints() == (22.5, 25.0, 27.0)


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"pixscale": "0"}, "pixscale"),
        ({"pixscale": "nan"}, "pixscale"),
        ({"hdu": "1.5"}, "hdu"),
        ({"hdu": "-1"}, "hdu"),
        ({"zeropoint": "25,x"}, "zeropoint"),
        ({"ra": "400", "dec": "0"}, "ra"),
        ({"ra": "10"}, "dec"),
        ({"dec": "10"}, "ra"),
    ],
)
def test_a_value_out_of_range_is_refused_and_its_field_is_pointed_at(words, field):
    with pytest.raises((InvalidFilter, CutoutRejected)) as refused:
        overrides_of(words)
    assert fields_to_mend("filter.invalid", str(refused.value))[0] == field


def test_more_zero_points_than_bands_can_be_is_refused():
    with pytest.raises(CutoutRejected) as refused:
        overrides_of({"zeropoint": " ".join(["25"] * 40)})
    assert refused.value.code == "request.invalid"
    assert fields_to_mend(refused.value.code, str(refused.value)) == ("zeropoint",)


@pytest.mark.parametrize(
    ("code", "detail", "fields"),
    [
        ("fits.band_unknown", "This cube has 3 planes. Tell me the order, e.g. `bands=grz`.", ("bands",)),
        ("fits.no_image", "No image to use; image HDUs are 1 (table). Pick one with `hdu=`.", ("hdu",)),
        ("fits.no_wcs", "No celestial WCS. Give `pixscale=` in arcsec.", ("pixscale",)),
        ("fits.outside", "Position (1.0, 2.0) is 42 arcsec outside the image.", ("ra", "dec")),
        ("upload.type", "This type of file is not read.", ()),
    ],
)
def test_the_field_that_the_remedy_names_is_found(code, detail, fields):
    assert fields_to_mend(code, detail) == fields
