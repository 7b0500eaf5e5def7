"""For which uploads there is no redshift, and with which reason."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from service.operations.uploads import Prepared
from service.operations.withheld import why_no_redshift
from survey.bands import BAND_SETS
from survey.cutout import Cutout
from survey.ingest import IngestReport, Understood


def reason(*flags, readings=("a reading",), domain="a domain", unavailable=None, **cutout):
    image = Cutout(np.zeros((5, 2, 2), np.float32), BAND_SETS["sdss-ugriz"], **cutout)
    release = SimpleNamespace(domain=domain, photoz=SimpleNamespace(unavailable=unavailable))
    understood = Understood(image, IngestReport(flags=list(flags)))
    return why_no_redshift(Prepared(SimpleNamespace(release=release), understood, None, readings))


def test_a_measured_galaxy_without_flags_has_one():
    assert reason() is None
    assert reason(unavailable="Too few redshifts.") == "Too few redshifts."


def test_a_galaxy_of_which_nothing_could_be_measured_has_none():
    assert "measured" in reason(readings=())
    # Older releases measure nothing.
    assert reason(readings=(), domain=None) is None


@pytest.mark.parametrize(
    ("flag", "word"),
    [
        ("band_missing", "bands"),
        ("colours_unlikely", "`bands=`"),
        ("brightness_unlikely", "`zeropoint=`"),
        ("scale_conflict", "`pixscale=`"),
    ],
)
def test_a_reservation_about_bands_colours_brightness_or_scale_withholds_it(flag, word):
    assert word in reason(flag)


def test_an_unlikely_size_and_sharpness_withhold_it_only_together():
    assert "pixel scale" in reason("size_unlikely", "sharper_than_trained")
    assert reason("size_unlikely") is None
    assert reason("sharper_than_trained", "sky_unlikely") is None
