"""What is stored of an upload gives the same cutout back, bit for bit."""

from __future__ import annotations

import numpy as np
import orjson
import pytest

from service.stored_pixels import FITS, PNG, decode, encode, sent_of
from survey.bands import BAND_SETS, BandSet
from survey.cutout import Cutout
from survey.ingest import IngestReport, Overrides, Understood
from survey.manifests import CorruptFolder

PLACE = {
    "ra_deg": 150.123456789012,
    "dec_deg": -0.1,
    "pixel_scale_arcsec": 0.2,
    "ebv": 0.0312345678901,
    "offset_px": (0.123456789, -0.5),
}


def understood(*, planes=True, display=False, **more):
    rng = np.random.default_rng(4)
    report = IngestReport("cube", [("units", "Nanomaggies, said “so”.")], ["masked"])
    if display:
        flux = rng.integers(0, 256, (3, 20, 31)).astype(np.float32)
        bands, more = BAND_SETS["display-rgb"], {"is_calibrated": False, **more}
    else:
        flux = (rng.normal(size=(2, 20, 31)) * 10.0 ** rng.uniform(-20, 14, (2, 20, 31))).astype(np.float32)
        flux[0, 0, :3] = [np.nan, -0.0, np.finfo(np.float32).tiny]
        bands = BandSet.from_ids(["sdss:r", "sdss:g"])
    if planes:
        more |= {"ivar": np.abs(flux), "mask": flux > 0}
    return Understood(Cutout(flux=flux, bands=bands, **more), report)


def back(one):
    stored = encode(one)
    # As the database and the folder give it back.
    return decode(orjson.loads(orjson.dumps(stored.about)), stored.files)


@pytest.mark.parametrize("planes", [True, False])
@pytest.mark.parametrize("place", [{}, PLACE, {"is_calibrated": False, "pixel_scale_arcsec": 0.262}])
def test_measured_pixels_come_back_bit_for_bit(planes, place):
    one = understood(planes=planes, provenance={"survey": "SDSS", "north_angle_deg": "12.5"}, **place)
    again = back(one)
    for name in ("flux", "ivar", "mask"):
        a, b = getattr(one.cutout, name), getattr(again.cutout, name)
        assert (a is None) == (b is None)
        if a is not None:
            assert (a.dtype, a.tobytes()) == (b.dtype, b.tobytes())
    for name in (
        "ra_deg",
        "dec_deg",
        "pixel_scale_arcsec",
        "ebv",
        "is_calibrated",
        "provenance",
        "offset_px",
    ):
        assert getattr(one.cutout, name) == getattr(again.cutout, name), name
    assert again.cutout.bands.ids == one.cutout.bands.ids
    assert again.report.to_json() == one.report.to_json()


def test_an_upload_kept_before_offsets_has_none():
    stored = encode(understood(**PLACE))
    about = {key: value for key, value in stored.about.items() if key != "offset_px"}
    assert decode(about, stored.files).cutout.offset_px == (0.0, 0.0)


def test_pictures_come_back_bit_for_bit():
    one = understood(display=True, planes=False)
    again = back(one)
    np.testing.assert_array_equal(again.cutout.flux, one.cutout.flux)
    assert again.cutout.bands.is_display
    assert set(encode(one).files) == {PNG, "report.json"}


def test_text_that_no_database_takes_is_not_stored():
    one = understood(provenance={"object_id": "a\x00b\ud800c\n"})
    assert back(one).cutout.provenance == {"object_id": "abc"}


def test_what_is_stored_follows_from_the_pixels_alone():
    assert encode(understood()).files == encode(understood()).files


def test_the_order_and_names_of_files_do_not_make_another_upload_and_all_else_does():
    stored, words = encode(understood()), Overrides(zeropoint=22.5)
    a, b = ("a.fits", b"1"), ("b.fits", b"2")
    digest = sent_of([a, b], words).digest(stored)
    assert sent_of([("c.fits", b"2"), a], words).digest(stored) == digest
    others = [
        sent_of([a], words).digest(stored),
        sent_of([a, b], Overrides()).digest(stored),
        sent_of([a, b], words).digest(encode(understood(planes=False))),
    ]
    assert len({digest, *others}) == 4


@pytest.mark.parametrize("spoil", [{}, {FITS: b""}, {FITS: b"no FITS", "report.json": b"{}"}])
def test_what_was_not_written_here_is_called_corrupt(spoil):
    with pytest.raises(CorruptFolder):
        decode(encode(understood()).about, spoil)
