"""Real FITS files of many surveys: what is a galaxy is understood, all else refused by name."""

import csv
import io
import random

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import fits

from survey.fits.reader import read_fits
from survey.ingest import CutoutRejected, Overrides

pytestmark = pytest.mark.realdata


def read(*paths, **overrides):
    return read_fits([(path.name, path.read_bytes()) for path in paths], overrides=Overrides(**overrides))


def test_five_sdss_files_in_any_order_are_the_published_nanomaggies(shared_data):
    folder = shared_data / "sdss_ugriz_stamps"
    paths = sorted((folder / "raw_fits").glob("stamp-*-187.5469-12.0381.fits"))
    random.Random(0).shuffle(paths)
    found = read(*paths)
    assert found.cutout.bands.ids == ("sdss:u", "sdss:g", "sdss:r", "sdss:i", "sdss:z")
    assert found.cutout.pixel_scale_arcsec == pytest.approx(0.396, rel=1e-4)
    assert "first_exposure" in found.report.flags
    published = np.load(folder / "stamps.npz")
    expected = published["image"][0] * published["scale_nanomaggy"][0][:, None, None]
    # The published arrays are quantised to a sixteenth of the noise.
    assert np.allclose(found.cutout.flux, expected, atol=published["scale_nanomaggy"][0].max())
    assert np.allclose(found.cutout.ivar, published["ivar"][0].astype(np.float32), rtol=2e-3)


def test_a_resampled_legacy_cutout_has_the_magnitudes_that_sdss_measured(shared_data):
    cutout = read(shared_data / "decals_grz" / "decals_example_d.fits.fz").cutout
    y, x = np.indices(cutout.shape) - (np.array(cutout.shape)[:, None, None] - 1) / 2
    inside = np.hypot(x, y) * cutout.pixel_scale_arcsec < 15
    g, r = (22.5 - 2.5 * np.log10(plane[inside].sum()) for plane in cutout.flux[:2])
    catalogue = pq.read_table(
        shared_data / "sdss_dr7_strip_24k" / "catalog.parquet",
        columns=["mag_g", "mag_r"],
        filters=[("dr7_objid", "=", "587727942422233221")],
    ).to_pylist()
    # Model magnitudes and an aperture, and two filter systems.
    assert (g, r) == pytest.approx((catalogue[0]["mag_g"], catalogue[0]["mag_r"]), abs=0.1)


def test_kids_cubes_have_five_bands_and_need_a_scale(shared_data):
    for path in sorted((shared_data / "kids_viking_9band").glob("cube_*.fits")):
        found = read(path)
        assert found.cutout.bands.ids == ("kids:u", "kids:g", "kids:r", "kids:i", "viking:Z")
        assert found.cutout.is_calibrated
        assert "no_pixel_scale" in found.report.flags
    assert read(path, pixel_scale_arcsec=0.339).cutout.pixel_scale_arcsec == 0.339


def test_legacy_cutouts_are_understood_without_help(shared_data):
    paths = sorted((shared_data / "decals_grz").glob("*.fits.fz"))
    assert len(paths) == 5
    for path in paths:
        found = read(path)
        assert found.cutout.bands.ids == ("legacy:g", "legacy:r", "legacy:z")
        assert found.cutout.is_calibrated
        assert found.report.flags == []
        assert 0.09 < found.cutout.pixel_scale_arcsec < 0.27


def test_the_hsc_cube_asks_for_its_bands_and_then_works(shared_data):
    path = shared_data / "hsc_grizy" / "Cut_HSC.fits"
    with pytest.raises(CutoutRejected, match="bands=grizy"):
        read(path)
    cutout = read(path, bands="hsc-grizy", zeropoint=27.0).cutout
    assert cutout.bands.names == ("g", "r", "i", "z", "y")
    assert cutout.pixel_scale_arcsec == pytest.approx(0.168, rel=1e-3)


def test_the_zoo_agrees_with_its_keepers_and_nothing_escapes(shared_data):
    """Rejected files are refused, galaxies with a named band read; nothing but CutoutRejected is raised."""
    zoo = shared_data / "fits_zoo"
    outcome = {}
    with (zoo / "manifest.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        try:
            read(zoo / "files" / row["file"])
        except CutoutRejected as error:
            outcome[row["file"]] = error.code
        else:
            outcome[row["file"]] = "read"
    verdicts = {
        v: [outcome[r["file"]] for r in rows if r["verdict"] == v] for v in ("accept", "partial", "reject")
    }
    # One cube of five planes has no band keyword: the sender must name them (see the HSC test above).
    assert sorted(set(verdicts["accept"])) == ["fits.band_unknown", "read"]
    assert verdicts["accept"].count("read") == len(verdicts["accept"]) - 1
    assert set(verdicts["reject"]) <= {"fits.no_image", "fits.too_large", "fits.unreadable"}
    # A galaxy in one band is read when a band is named in the file, else the band is asked for; one of
    # them is an LSST test image that is constant.
    assert set(verdicts["partial"]) <= {"read", "fits.band_unknown", "fits.blank"}


def test_sets_of_single_band_files_in_the_zoo_become_one_cutout(shared_data):
    files = shared_data / "fits_zoo" / "files"
    gama = read(*(files / f"galfitm-tests__t10_5.34_t10_5.34_{band}.fits" for band in "zigru"))
    assert gama.cutout.bands.names == ("u", "g", "r", "i", "z")
    assert "uncalibrated" in gama.report.flags
    sdss = read(*(files / f"SDSS_{band}_2010H_crop.fits" for band in "izur"), ra_deg=121.60, dec_deg=1.036)
    assert sdss.cutout.bands.names == ("u", "r", "i", "z")
    assert sdss.cutout.is_calibrated
    # The frames are turned by 86 degrees against north, and each band has pixels of its own.
    assert {"turned", "regridded"} <= set(sdss.report.flags)
    assert ("grid", "Turned by 86 deg: north is up.") in sdss.report.steps


def peak_offset(one, other):
    """Return how far two images lie apart (y, x): the peak of their cross-correlation, between pixels by a parabola."""

    def light(image):
        image = np.nan_to_num(image - np.nanmedian(image))
        # Saturated cores of stars bleed in one band and not in another.
        return np.fft.rfft2(np.clip(image, 0, np.percentile(image, 99)))

    surface = np.fft.fftshift(np.fft.irfft2(light(one) * light(other).conj(), s=one.shape))
    y, x = np.unravel_index(surface.argmax(), surface.shape)

    def vertex(low, top, high):
        return 0.5 * (low - high) / (low - 2 * top + high)

    return np.array(
        [
            y - one.shape[0] // 2 + vertex(*surface[y - 1 : y + 2, x]),
            x - one.shape[1] // 2 + vertex(*surface[y, x - 1 : x + 2]),
        ]
    )


@pytest.mark.parametrize("pair", ["ri", "iz"])
def test_bands_of_real_frames_with_pixels_of_their_own_line_up(shared_data, pair):
    paths = [shared_data / "fits_zoo" / "files" / f"SDSS_{band}_2010H_crop.fits" for band in pair]
    found = read(*paths, ra_deg=121.60, dec_deg=1.036)
    assert np.abs(peak_offset(*found.cutout.flux)).max() < 0.2
    # As they lie in their files, they do not.
    assert np.abs(peak_offset(*(fits.getdata(path).astype(float) for path in paths))).max() > 0.5


@pytest.mark.parametrize("angle", [0, 30, 90])
@pytest.mark.parametrize("stamp", ["187.5469-12.0381", "187.5502-11.9079", "187.5579-11.9396"])
def test_bands_of_real_stamps_line_up_however_they_are_turned(shared_data, stamp, angle):
    turn, files = np.deg2rad(angle), []
    for band in "ri":
        with fits.open(shared_data / "sdss_ugriz_stamps" / "raw_fits" / f"stamp-{band}-{stamp}.fits") as hdus:
            for hdu in hdus:
                # Only the header is turned: its pixels are then turned by the reader.
                if "CD1_1" in hdu.header:
                    hdu.header["CD1_1"], hdu.header["CD1_2"] = -1.1e-4 * np.cos(turn), -1.1e-4 * np.sin(turn)
                    hdu.header["CD2_1"], hdu.header["CD2_2"] = -1.1e-4 * np.sin(turn), 1.1e-4 * np.cos(turn)
            stream = io.BytesIO()
            hdus.writeto(stream)
        files.append((f"{band}.fits", stream.getvalue()))
    found = read_fits(files)
    assert ("regridded" in found.report.flags) == (angle == 30)
    assert np.abs(peak_offset(*found.cutout.flux)).max() < 0.2
