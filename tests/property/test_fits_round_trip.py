"""What is written as FITS is read back the same, whatever is known of the cutout."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from survey.bands import BANDS, BandSet
from survey.cutout import Cutout
from survey.fits.reader import read_fits
from survey.fits.writer import write_fits

bands = st.lists(st.sampled_from(sorted(BANDS)), min_size=1, max_size=9, unique=True).filter(
    # A file mixes display channels and filters only by mistake.
    lambda ids: len({i.startswith("display") for i in ids}) == 1
)


@st.composite
def cutouts(draw) -> Cutout:
    ids = draw(bands)
    shape = (len(ids), draw(st.integers(16, 24)), draw(st.integers(16, 24)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    # Header numbers hold 15 digits; nobody knows a position to better than 1e-9 degrees.
    ra, dec = round(draw(st.floats(0, 359.999)), 9), round(draw(st.floats(-89.9, 89.9)), 9)
    has_position = draw(st.booleans())
    flux = rng.normal(size=shape).astype(np.float32)
    mask = rng.random(shape) < 0.2 if draw(st.booleans()) else None
    if mask is not None:
        flux[mask] = np.nan
    offset = draw(st.tuples(st.floats(-0.49, 0.49), st.floats(-0.49, 0.49)))
    return Cutout(
        offset_px=offset,
        flux=flux,
        bands=BandSet.from_ids(ids),
        ivar=rng.random(shape).astype(np.float32) + 0.1 if draw(st.booleans()) else None,
        mask=mask,
        ra_deg=ra if has_position else None,
        dec_deg=dec if has_position else None,
        pixel_scale_arcsec=draw(st.none() | st.floats(0.03, 5)),
        ebv=draw(st.none() | st.floats(0, 2).map(lambda ebv: round(ebv, 6))),
        is_calibrated=not ids[0].startswith("display") and draw(st.booleans()),
    )


@settings(max_examples=60, deadline=None)
@given(cutouts())
@example(
    Cutout(
        flux=np.arange(256, dtype=np.float32).reshape(1, 16, 16),
        bands=BandSet.from_ids(["display:R"]),
        ra_deg=359.999,
        dec_deg=-89.9,
        pixel_scale_arcsec=0.03,
        is_calibrated=False,
    )
)
def test_written_then_read_is_the_same_cutout(cutout):
    back = read_fits([("x.fits", write_fits(cutout))]).cutout
    assert back.bands == cutout.bands
    assert np.array_equal(back.flux, cutout.flux, equal_nan=True)
    for plane in ("ivar", "mask"):
        before, after = getattr(cutout, plane), getattr(back, plane)
        if before is None or not before.any():
            assert after is None or not after.any()
        else:
            assert np.array_equal(before, after)
    assert (back.ra_deg, back.dec_deg, back.ebv) == (cutout.ra_deg, cutout.dec_deg, cutout.ebv)
    assert back.is_calibrated == cutout.is_calibrated
    if cutout.pixel_scale_arcsec is None:
        assert back.pixel_scale_arcsec is None
    else:
        assert abs(back.pixel_scale_arcsec / cutout.pixel_scale_arcsec - 1) < 1e-4
    # Only a WCS tells a fraction of a pixel.
    has_wcs = cutout.pixel_scale_arcsec is not None and cutout.ra_deg is not None
    np.testing.assert_allclose(back.offset_px, cutout.offset_px if has_wcs else (0, 0), atol=1e-4)


@settings(max_examples=20, deadline=None)
@given(cutouts())
def test_the_same_cutout_is_written_as_the_same_bytes(cutout):
    assert write_fits(cutout) == write_fits(cutout)
