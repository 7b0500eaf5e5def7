from survey.archive import SurveyInfo, UnknownObject
from survey.bands import BAND_SETS


def test_survey_info_survives_json():
    info = SurveyInfo(
        "demo", "Demo", "flux", BAND_SETS["sdss-ugriz"], 0.396, 84, citation="x", extra={"seed": 3}
    )
    assert SurveyInfo.from_json(info.to_json() | {"files": {}, "format": 1}) == info


def test_catalogue_info_has_no_bands():
    info = SurveyInfo("dr7", "DR7", "catalogue")
    assert SurveyInfo.from_json(info.to_json()).bands is None


def test_unknown_object_reads_as_a_sentence():
    assert str(UnknownObject("no object '7' in survey demo")) == "no object '7' in survey demo"
