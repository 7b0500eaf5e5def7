"""Which release answers for a cutout's bands."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from service.operations.fitting import choose
from survey.bands import BAND_SETS, Band, BandSet
from survey.contract import ContractViolation
from survey.cutout import Cutout
from survey.ingest import IngestReport, Understood

UGRIZ = BAND_SETS["sdss-ugriz"]


def served(name, bands, *, domain=True):
    contract = SimpleNamespace(bands=bands, is_display=bands.is_display)
    return SimpleNamespace(
        block={"id": name},
        model=SimpleNamespace(contract=contract),
        release=SimpleNamespace(domain=object() if domain else None),
    )


def upload(*bands, **more):
    """A cutout whose plane n is n + 1 everywhere."""
    bands = BandSet(tuple(bands))
    flux = (
        np.ones((len(bands), 4, 4), np.float32)
        * np.arange(1, len(bands) + 1, dtype=np.float32)[:, None, None]
    )
    return Understood(Cutout(flux=flux, bands=bands, pixel_scale_arcsec=0.4, **more), IngestReport())


def ids(*names):
    return BandSet.from_ids(list(names)).bands


def values(cutout):
    return [None if np.isnan(plane).all() else float(plane[0, 0]) for plane in cutout.flux]


def test_the_same_filters_come_before_near_ones_and_near_ones_before_gaps():
    near, gaps, same = (
        served("near", BAND_SETS["legacy-grz"]),
        served("gaps", UGRIZ),
        served("same", BandSet(ids("sdss:g", "sdss:r", "sdss:z"))),
    )
    sent = upload(*ids("sdss:g", "sdss:r", "sdss:z"))
    assert choose([gaps, near, same], sent)[0] is same
    assert choose([gaps, near], sent)[0] is near
    assert choose([gaps], sent)[0] is gaps


def test_bands_that_were_not_sent_are_masked_and_have_no_value():
    understood = upload(*ids("sdss:i", "sdss:g"), ivar=np.ones((2, 4, 4), np.float32))
    _, cutout = choose([served("all", UGRIZ)], understood)
    assert cutout.bands == UGRIZ
    assert values(cutout) == [None, 2, None, 1, None]
    assert cutout.good().any(axis=(1, 2)).tolist() == [False, True, False, True, False]
    assert understood.report.flags == []


def test_a_mask_of_a_sent_band_stays():
    mask = np.zeros((2, 4, 4), bool)
    mask[1, 0] = True
    _, cutout = choose([served("all", UGRIZ)], upload(*ids("sdss:i", "sdss:g"), mask=mask))
    assert cutout.mask[1].sum() == 4
    assert not cutout.mask[3].any()


def test_the_release_that_can_use_most_bands_answers():
    few, many = served("few", BandSet(ids("sdss:u", "sdss:g"))), served("many", BAND_SETS["kids-viking"])
    assert choose([few, many], upload(*ids("sdss:g", "sdss:r", "sdss:i")))[0] is many


def test_of_equal_ones_the_first_answers():
    first, second = served("first", UGRIZ), served("second", UGRIZ)
    assert choose([first, second], upload(*ids("sdss:r")))[0] is first


def test_f814w_serves_as_the_nearest_wanted_band():
    f814w = Band("hst", "F814W", 805, 1.526)
    understood = upload(f814w)
    _, cutout = choose([served("all", UGRIZ)], understood)
    assert values(cutout) == [None, None, None, 1, None]
    assert "hst:F814W for sdss:i" in understood.report.steps[0][1]
    assert understood.report.flags == ["other_filters"]


def test_a_sent_band_serves_once_and_the_nearest_pair_is_made_first():
    f814w = Band("hst", "F814W", 805, 1.526)
    _, cutout = choose([served("all", UGRIZ)], upload(f814w, *ids("sdss:i")))
    # i is itself; F814W is then within 15 % of z.
    assert values(cutout) == [None, None, None, 2, 1]


@pytest.mark.parametrize(
    "bands",
    [
        ids("viking:J", "viking:Ks"),
        (Band("wise", "W1", 3368, 0.2),),
        (Band("vla", "L", 2.1e8, 0.0),),
        (Band("unknown", "Halpha", 0, 0.0),),
    ],
)
def test_bands_far_from_every_wanted_one_are_refused(bands):
    with pytest.raises(ContractViolation, match="needs the bands sdss:u, sdss:g") as refusal:
        choose([served("all", UGRIZ)], upload(*bands))
    assert refusal.value.code == "fits.band_missing"


def test_a_release_that_cannot_make_up_a_band_refuses():
    with pytest.raises(ContractViolation, match="Add u") as refusal:
        choose([served("old", UGRIZ, domain=False)], upload(*ids("sdss:g", "sdss:r", "sdss:i", "sdss:z")))
    assert refusal.value.code == "fits.band_missing"


def test_a_picture_gets_no_stand_ins():
    with pytest.raises(ContractViolation) as refusal:
        choose([served("all", UGRIZ)], upload(*BAND_SETS["display-rgb"]))
    assert refusal.value.code == "upload.no_release"


@pytest.mark.parametrize(("unknown", "is_calibrated"), [("sdss:g", False), ("viking:J", True), ("", False)])
@pytest.mark.parametrize("have", [("sdss:u", "sdss:g", "sdss:r", "sdss:i", "sdss:z"), ("sdss:g", "sdss:r")])
def test_only_bands_that_are_used_need_a_unit(have, unknown, is_calibrated):
    provenance = {"uncalibrated": unknown} if unknown else {}
    sent = upload(*ids(*have, "viking:J"), is_calibrated=False, provenance=provenance)
    assert choose([served("all", UGRIZ)], sent)[1].is_calibrated is is_calibrated
