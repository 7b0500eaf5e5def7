"""The picture of a field with the model's box, the cross, the bar and the compass."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from support.tiny_survey import tiny_contract

from service.web.preview import field_preview, file_preview
from survey.bands import BAND_SETS
from survey.contract import Calibrated
from survey.cutout import Cutout


def cutout(side=48, **more):
    given = {"ra_deg": 150.0, "dec_deg": 2.0, "pixel_scale_arcsec": 0.396, **more}
    return Cutout(np.ones((5, side, side), np.float32), BAND_SETS["sdss-ugriz"], **given)


def calibrated(known):
    return Calibrated(np.ones((5, 48, 48), np.float32), known, (), ())


def picture_of(preview):
    data = base64.b64decode(re.search(r"base64,([^\"]+)", preview.svg)[1])
    return np.asarray(Image.open(io.BytesIO(data)).convert("L"))


def test_the_box_is_the_networks_share_of_the_field():
    preview = field_preview(tiny_contract(), calibrated(np.ones((5, 48, 48), bool)), cutout())
    x, width = map(float, re.search(r'box" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', preview.svg).groups())
    assert width == pytest.approx(200 * 40 / 48, abs=0.01)
    assert 2 * x + width == pytest.approx(200, abs=0.02)


def test_the_bar_has_the_length_that_it_says():
    preview = field_preview(tiny_contract(), calibrated(np.ones((5, 48, 48), bool)), cutout())
    arcsec = float(re.search(r">([\d.]+)″<", preview.svg)[1])
    x1, x2 = map(float, re.search(r'bar" x1="([\d.]+)" x2="([\d.]+)"', preview.svg).groups())
    assert x2 - x1 == pytest.approx(arcsec / (48 * 0.396) * 200, abs=0.01)


def test_what_was_not_observed_is_black_and_the_first_row_is_the_lowest():
    known = np.ones((5, 48, 48), bool)
    known[:, :10] = False
    shown = picture_of(field_preview(tiny_contract(), calibrated(known), cutout()))
    assert not shown[-10:].any()
    assert shown[:-10].all()


def test_north_is_drawn_only_where_it_is_known():
    drawn = field_preview(tiny_contract(), calibrated(np.ones((5, 48, 48), bool)), cutout())
    assert "north up, east left" in drawn.caption
    assert ">N<" in drawn.svg
    for unknown in (cutout(ra_deg=None, dec_deg=None), cutout(provenance={"north": "unknown"})):
        preview = file_preview(unknown)
        assert "north unknown" in preview.caption
        assert ">N<" not in preview.svg


def test_a_turned_image_shows_its_own_north():
    svg = file_preview(cutout(provenance={"north_angle_deg": "90"})).svg
    arm = re.search(r'<line class="mark" ([^>]+)/><text class="arm"[^>]*>N<', svg)[1]
    x1, y1, x2, y2 = (float(re.search(rf'{name}="([\d.]+)"', arm)[1]) for name in ("x1", "y1", "x2", "y2"))
    assert x2 == pytest.approx(x1 - 18, abs=0.02)
    assert y2 == pytest.approx(y1, abs=0.02)


def test_an_image_that_is_not_square_keeps_its_shape():
    flux = np.ones((5, 20, 40), np.float32)
    svg = file_preview(Cutout(flux, BAND_SETS["sdss-ugriz"])).svg
    assert 'viewBox="0 0 200 100"' in svg
