"""Real images: those that stand on a sky lose it, honest ones are left alone."""

import io

import numpy as np
import pytest
from astropy.io import fits
from astropy.stats import sigma_clipped_stats

from survey.fits.reader import read_fits

pytestmark = pytest.mark.realdata


def stamps(shared_data, kind, place):
    files = sorted((shared_data / "fits_zoo" / "files").glob(f"DESI-MCMC__{kind}_stamp-*-{place}.fits"))
    assert len(files) == 5
    return [(path.name, path.read_bytes()) for path in files]


def test_images_with_their_sky_lose_it(shared_data):
    # GAMA mosaics before background subtraction; the level again, by astropy's clipped median of the border.
    paths = sorted((shared_data / "fits_zoo" / "files").glob("galfitm-tests__t10_5.34_t10_5.34_[ugriz].fits"))
    found = read_fits([(path.name, path.read_bytes()) for path in paths])
    assert "sky_subtracted" in found.report.flags
    for band, plane in zip(found.cutout.bands.names, found.cutout.flux, strict=True):
        path = next(p for p in paths if p.stem.endswith(band))
        data = fits.getdata(path).astype(float)
        _, level, sigma = sigma_clipped_stats(data[:8], sigma=3)
        assert abs(np.median(data - plane) - level) < sigma, band


@pytest.mark.parametrize(
    "place", ["187.5659-12.0679", "187.6575-11.9026", "187.6108-12.0285", "187.7025-12.0452"]
)
def test_sdss_stamps_are_left_alone(shared_data, place):
    found = read_fits(stamps(shared_data, "galaxy_stamps", place))
    assert not {"sky_subtracted", "noise_mismatch", "negative", "saturated", "trail", "no_source"} & set(
        found.report.flags
    )
    assert found.cutout.ivar is not None


def test_the_wings_of_a_saturated_star_are_not_taken_for_sky(shared_data):
    found = read_fits(stamps(shared_data, "stamp_catalog", "201.7883-53.4194"))
    assert "sky_subtracted" not in found.report.flags


def test_variances_in_the_place_of_inverse_variances_are_turned_round(shared_data):
    files = stamps(shared_data, "galaxy_stamps", "187.6108-12.0285")
    right = read_fits(files).cutout.ivar
    found = read_fits([(name, _with_variance(data)) for name, data in files])
    assert "noise_mismatch" in found.report.flags
    np.testing.assert_allclose(found.cutout.ivar, right, rtol=1e-4)


def _with_variance(data: bytes) -> bytes:
    with fits.open(io.BytesIO(data)) as hdus:
        with np.errstate(divide="ignore"):
            hdus[1].data = np.where(hdus[1].data > 0, 1 / hdus[1].data, 0)
        stream = io.BytesIO()
        hdus.writeto(stream, output_verify="silentfix")
    return stream.getvalue()
