"""Large pictures are averaged down, small ones left alone."""

import numpy as np
import pytest

from survey.bands import BAND_SETS
from survey.cutout import Cutout
from survey.ingest import IngestReport, Understood
from survey.shrinking import MAX_DISPLAY_SIDE, shrink_display


def picture(height, width, scale=None):
    flux = np.arange(3 * height * width, dtype=np.float32).reshape(3, height, width) % 256
    return Understood(
        Cutout(flux, BAND_SETS["display-rgb"], pixel_scale_arcsec=scale), IngestReport("display")
    )


def test_a_small_picture_is_left_alone():
    sent = picture(MAX_DISPLAY_SIDE, 40)
    assert shrink_display(sent) is sent


@pytest.mark.parametrize(("height", "width", "block"), [(2048, 2048, 2), (1500, 2500, 3), (40, 1025, 2)])
def test_a_large_picture_keeps_its_mean_its_shape_and_its_angular_size(height, width, block):
    sent = picture(height, width, scale=0.4)
    got = shrink_display(sent).cutout
    assert got.shape == (height // block, width // block)
    assert got.pixel_scale_arcsec == 0.4 * block
    # What is cut off are fewer rows and columns than a block.
    assert float(got.flux.mean()) == pytest.approx(float(sent.cutout.flux.mean()), abs=0.5)
