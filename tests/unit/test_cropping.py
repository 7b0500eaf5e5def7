"""Large images lose what no model looks at, and nothing else."""

import numpy as np
import pytest

from survey.bands import BAND_SETS
from survey.contract import InputContract
from survey.cropping import crop_to_field
from survey.cutout import Cutout
from survey.ingest import IngestReport, Understood

GRZ = BAND_SETS["legacy-grz"]
CONTRACT = InputContract(GRZ, 0.4, 64, 64, "asinh", (0.1, 0.1, 0.1))
FIELD_ARCSEC = 64 * 0.4


def sent(height, width, scale):
    rng = np.random.default_rng(height + width)
    flux = rng.normal(5, 1, (3, height, width)).astype(np.float32)
    mask = rng.random(flux.shape) < 0.01
    cutout = Cutout(flux, GRZ, np.ones_like(flux), mask, pixel_scale_arcsec=scale, ebv=0.0)
    return Understood(cutout, IngestReport())


@pytest.mark.parametrize("scale", [0.05, 0.2, 0.262, 0.399, 0.4, 0.8])
@pytest.mark.parametrize(("height", "width"), [(600, 601), (901, 700)])
def test_a_model_sees_the_same_in_a_cropped_image(height, width, scale):
    whole = sent(height, width, scale)
    small = crop_to_field(whole, FIELD_ARCSEC)
    assert small.cutout.flux.size < whole.cutout.flux.size
    expected, got = CONTRACT.calibrate(whole.cutout), CONTRACT.calibrate(small.cutout)
    # Sums over fewer zeros may round otherwise.
    np.testing.assert_allclose(got.field, expected.field, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(got.known, expected.known)
    assert got.flags == expected.flags


def test_what_was_cut_off_is_said():
    small = crop_to_field(sent(1000, 800, 0.4), FIELD_ARCSEC)
    assert small.cutout.shape == (128, 128)
    assert any("Cropped from 800x1000 to 128x128 px" in text for _, text in small.report.steps)


def test_an_image_without_a_scale_or_as_large_as_the_field_is_left_alone():
    for one in (sent(600, 600, None), sent(96, 96, 0.4)):
        assert crop_to_field(one, FIELD_ARCSEC) is one
