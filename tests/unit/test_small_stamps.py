"""A stamp smaller than the model's field lands beside the galaxy it shows."""

import numpy as np
import pytest
from support.round_galaxies import smooth_galaxies

from survey.bands import BAND_SETS
from survey.contract import InputContract
from survey.cutout import Cutout
from training.graphs import embed
from training.pca import principal_axes
from training.polar import PolarModuli

BANDS = BAND_SETS["sdss-ugriz"]
NOISE = 0.02
CONTRACT = InputContract(BANDS, 0.396, 84, 64, "asinh", (NOISE,) * 5)


def calibrated(planes, offset=0.0):
    cutouts = (
        Cutout(p, BANDS, pixel_scale_arcsec=0.396, ebv=0.0, offset_px=(offset, offset)) for p in planes
    )
    return CONTRACT.finish(np.stack([CONTRACT.calibrate(c).field for c in cutouts]))


def galaxies():
    small = smooth_galaxies(np.linspace(0, 9, 40), side=34, n_bands=5)
    images = np.pad(small, ((0, 0), (0, 0), (25, 25), (25, 25)))
    return images + np.random.default_rng(1).normal(0, NOISE, images.shape).astype(np.float32)


@pytest.mark.parametrize("side", [51, 52])
def test_the_middle_of_a_field_embeds_close_to_the_whole(side):
    images = galaxies()
    description = PolarModuli(n_bands=5, input_px=64, radius_px=31.0)
    whole = description.describe(calibrated(images))
    principal = principal_axes(whole, n_axes=16, rng=np.random.default_rng(0))
    start = (84 - side) // 2
    # The galaxy lies where four pixels meet: in a stamp of odd side half a pixel from the middle.
    stamps = images[..., start : start + side, start : start + side]
    cut = description.describe(calibrated(stamps, offset=(84 - side) / 2 - start))
    similarity = embed(cut, principal) @ embed(whole, principal).T
    # All that the cut lacks is sky noise beyond 25 px.
    assert np.diag(similarity).min() > 0.99
    assert similarity.argmax(axis=1).tolist() == list(range(len(images)))
