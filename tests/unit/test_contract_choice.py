"""Every kind of survey gets a contract that fits it."""

import pytest

from survey.archive import SurveyInfo
from survey.bands import BAND_SETS, BandSet
from survey.contract import InputContract
from training.fixed import NotFittable, default_contract


def info(bands, field_px, scale, kind="flux"):
    return SurveyInfo(
        name="s", title="S", kind=kind, bands=bands, pixel_scale_arcsec=scale, field_px=field_px
    )


RGB, UGRIZ = BAND_SETS["display-rgb"], BAND_SETS["sdss-ugriz"]


def test_sdss_ugriz_gets_the_house_field_and_the_noise_of_its_sky():
    contract = default_contract("polar48", info(UGRIZ, 84, 0.396))
    assert (contract.field_px, contract.input_px, contract.shrink) == (84, 64, False)
    assert contract.softening == (0.051, 0.019, 0.029, 0.046, 0.171)


@pytest.mark.parametrize(
    ("what", "field_px", "input_px"),
    [
        (info(RGB, 128, 0.4, "display"), 128, 64),
        (info(RGB, 128, None, "display"), 128, 64),
        (info(RGB, 424, 0.396, "display"), 420, 70),
        (info(RGB, 48, None, "display"), 48, 48),
        (info(UGRIZ, 51, 0.396), 51, 51),
        (info(BAND_SETS["kids-viking"], 64, 0.3), 64, 64),
        # 24 arcsec are 92 px of 0.262 arcsec: 186 px, in twos.
        (info(BAND_SETS["legacy-grz"], 256, 0.262), 186, 93),
    ],
)
def test_field_and_input_fit_what_is_stored(what, field_px, input_px):
    contract = default_contract("polar48", what, noise=[0.1] * len(what.bands))
    assert (contract.field_px, contract.input_px) == (field_px, input_px)
    assert contract.pixel_scale_arcsec == what.pixel_scale_arcsec
    assert InputContract.from_json(contract.to_json()) == contract


def test_a_flux_survey_can_be_rendered_to_colour():
    contract = default_contract("pca48", info(UGRIZ, 84, 0.396), display=True)
    assert contract.is_display
    assert (contract.field_px, contract.stretch) == (84, "unit")


def test_unknown_noise_is_asked_for():
    with pytest.raises(NotFittable, match="no standard sky noise"):
        default_contract("polar48", info(BAND_SETS["kids-viking"], 64, 0.3))


def test_a_catalogue_has_no_contract():
    with pytest.raises(NotFittable, match="without images"):
        default_contract("polar48", info(None, 0, None, "catalogue"))


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="unknown method 'resnet'; known: pca48, polar48"):
        default_contract("resnet", info(BandSet(RGB.bands), 64, None, "display"))
