"""The layouts of the field, read from bytes into one calibrated cutout."""

import bz2
import gzip

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from support.fits_files import DEC, RA, SCALE, SIDE, cube, file_of, galaxy, single, tan_header

from survey.fits.reader import read_fits
from survey.ingest import CutoutRejected, Overrides


def read(*datas, names=None, **overrides):
    files = list(zip(names or [f"file{n}.fits" for n in range(len(datas))], datas, strict=True))
    return read_fits(files, overrides=Overrides(**overrides))


def rejected(*datas, names=None, **overrides) -> CutoutRejected:
    with pytest.raises(CutoutRejected) as caught:
        read(*datas, names=names, **overrides)
    return caught.value


def sdss(band: str, **more) -> bytes:
    return single(band, RUN=756, CAMCOL=2, BUNIT="nanomaggy", **more)


# Layouts


def test_a_cube_with_bands_is_read_plane_by_plane():
    found = read(cube("grz"))
    assert found.cutout.bands.ids == ("legacy:g", "legacy:r", "legacy:z")
    assert np.array_equal(found.cutout.flux, galaxy(3))
    assert found.report.layout == "cube"
    assert found.report.flags == []


def test_one_hdu_per_band_is_read_from_blue_to_red():
    header = tan_header(SURVEY="SDSS", BUNIT="nanomaggy")
    hdus = [fits.PrimaryHDU(), *(fits.ImageHDU(galaxy(seed=n), header, name=b) for n, b in enumerate("zgr"))]
    found = read(file_of(*hdus))
    assert found.cutout.bands.names == ("g", "r", "z")
    assert np.array_equal(found.cutout.flux[2], galaxy(seed=0))
    assert found.report.layout == "hdu-per-band"


def test_files_in_any_order_give_the_same_cutout():
    files = {b: sdss(b, data=galaxy(seed=n)) for n, b in enumerate("ugriz")}
    forward = read(*(files[b] for b in "ugriz")).cutout
    backward = read(*(files[b] for b in "zrgiu")).cutout
    assert forward.bands == backward.bands
    assert np.array_equal(forward.flux, backward.flux)


def test_file_names_give_the_bands_that_headers_lack():
    datas = [single(None, BUNIT="nanomaggy") for _ in "gr"]
    found = read(*datas, names=["sdss-r-12.fits", "sdss-g-12.fits"])
    assert found.cutout.bands.ids == ("sdss:g", "sdss:r")


def test_repeated_exposures_give_the_first_pair_and_say_so():
    ivar = np.full((SIDE, SIDE), 4.0, np.float32)
    header = tan_header(BAND="r", RUN=1, CAMCOL=2, NMGY=0.005)
    data = file_of(
        fits.PrimaryHDU(galaxy(seed=1), header),
        ivar,
        fits.ImageHDU(galaxy(seed=2), header),
        fits.ImageHDU(2 * ivar),
    )
    found = read(data)
    assert np.array_equal(found.cutout.flux[0], galaxy(seed=1))
    assert np.array_equal(found.cutout.ivar[0], ivar)
    assert "first_exposure" in found.report.flags


@pytest.mark.parametrize("compression", ["RICE_1", "GZIP_1", "GZIP_2"])
def test_tile_compressed_images_behind_an_empty_primary_are_found(compression):
    # Integers are compressed without loss.
    counts = (1000 * galaxy()).astype(np.int32)
    compressed = fits.CompImageHDU(
        counts, tan_header(FILTER="r", SURVEY="SDSS"), compression_type=compression
    )
    found = read(file_of(fits.PrimaryHDU(), compressed))
    assert np.array_equal(found.cutout.flux[0], counts)


@pytest.mark.parametrize("wrap", [gzip.compress, bz2.compress])
def test_one_layer_of_compression_is_undone(wrap):
    found = read(wrap(cube()))
    assert np.array_equal(found.cutout.flux, galaxy(3))
    assert found.report.steps[0][0] == "container"


def test_keywords_of_an_empty_primary_hold_for_its_extensions():
    primary = fits.PrimaryHDU(header=fits.Header({"FILTER": "HSC-I", "FLUXMAG0": 1e9}))
    found = read(file_of(primary, fits.ImageHDU(galaxy(), tan_header(), name="IMAGE")))
    assert found.cutout.bands.ids == ("hsc:i",)
    assert found.cutout.is_calibrated


def test_integers_with_scaling_are_read_as_the_numbers_they_mean():
    hdu = fits.PrimaryHDU(np.arange(SIDE * SIDE, dtype=np.int16).reshape(SIDE, SIDE), tan_header(BAND="r"))
    hdu.scale("int16", bscale=0.5, bzero=100)
    found = read(file_of(hdu))
    assert np.allclose(found.cutout.flux[0].ravel(), np.arange(SIDE * SIDE), atol=0.3)


def test_a_leading_axis_of_one_is_dropped():
    header = tan_header(BAND="r", SURVEY="SDSS")
    assert read(file_of(fits.PrimaryHDU(galaxy()[None, None], header))).cutout.flux.shape == (1, SIDE, SIDE)


def test_the_sender_picks_an_hdu():
    hdus = [
        fits.PrimaryHDU(),
        *(fits.ImageHDU(galaxy(seed=n), tan_header(), name=f"CHIP{n}") for n in range(3)),
    ]
    found = read(file_of(*hdus), hdu=2, bands="r")
    assert np.array_equal(found.cutout.flux[0], galaxy(seed=1))


def test_the_sender_names_the_planes_of_a_cube():
    found = read(file_of(fits.PrimaryHDU(galaxy(3), tan_header())), bands="hsc:z,hsc:g,hsc:r")
    assert found.cutout.bands.ids == ("hsc:z", "hsc:g", "hsc:r")


def test_the_sender_names_one_band_of_several_exposures():
    ivar = np.ones((SIDE, SIDE), np.float32)
    data = file_of(fits.PrimaryHDU(galaxy(seed=1), tan_header()), ivar, fits.ImageHDU(galaxy(), tan_header()))
    found = read(data, bands="r")
    assert np.array_equal(found.cutout.flux[0], galaxy(seed=1))


def test_the_sender_names_one_band_per_file():
    found = read(single(None, data=galaxy(seed=1)), single(None, data=galaxy(seed=2)), bands="rg")
    assert found.cutout.bands.names == ("g", "r")
    assert np.array_equal(found.cutout.flux[1], galaxy(seed=1))


# Noise and masks


def noisy(name: str, plane, *, unit="nanomaggy", **cards):
    header = tan_header(BAND="r", SURVEY="SDSS", BUNIT=unit)
    extra = fits.ImageHDU(plane, name=name)
    for key, value in cards.items():
        extra.header[key] = value
    return read(file_of(fits.PrimaryHDU(galaxy(), header), extra)).cutout


@pytest.mark.parametrize(
    ("name", "value"),
    [("IVAR", 25.0), ("INVVAR", 25.0), ("WGT", 25.0), ("VARIANCE", 0.04), ("ERR", 0.2), ("SIGMA", 0.2)],
)
def test_every_spelling_of_noise_is_the_same_inverse_variance(name, value):
    assert np.allclose(noisy(name, np.full((SIDE, SIDE), value, np.float32)).ivar, 25.0)


def test_inverse_variance_scales_with_the_square_of_the_unit():
    # One maggy is 1e9 nanomaggies.
    assert np.allclose(noisy("IVAR", np.full((SIDE, SIDE), 1e18), unit="maggy").ivar, 1.0)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_useless_variances_become_weight_zero(bad):
    plane = np.ones((SIDE, SIDE), np.float32)
    plane[3, 4] = bad
    cutout = noisy("VARIANCE", plane)
    assert cutout.ivar[0, 3, 4] == 0
    assert not cutout.good()[0, 3, 4]


def test_a_weight_map_of_unknown_units_only_masks():
    plane = np.full((SIDE, SIDE), 5000.0, np.float32)
    plane[0] = 0
    cutout = noisy("WHT", plane)
    assert cutout.ivar is None
    assert cutout.mask[0, 0].all()
    assert not cutout.mask[0, 1:].any()


def test_a_detected_pixel_is_not_a_bad_pixel():
    plane = np.full((SIDE, SIDE), 1 << 5, np.int32)
    plane[0, 0] |= 1 << 1
    cutout = noisy("MASK", plane, **{"MP_SAT": 1, "HIERARCH MP_DETECTED": 5, "MP_BAD": 0})
    assert cutout.mask.sum() == 1
    assert cutout.mask[0, 0, 0]


def test_legacy_maskbits_mask_saturation_but_not_neighbouring_galaxies():
    plane = np.zeros((SIDE, SIDE), np.int16)
    plane[0, 0], plane[0, 1] = 1 << 3, 1 << 12
    assert noisy("MASKBITS", plane).mask.sum() == 1


def test_a_segmentation_map_is_no_mask():
    segments = np.full((SIDE, SIDE), 7, np.int32)
    header = tan_header(BAND="r", SURVEY="SDSS")
    assert read(file_of(fits.PrimaryHDU(galaxy(), header), segments)).cutout.mask is None


def test_noise_follows_its_band():
    def planes(band, value):
        header = tan_header(BAND=band, SURVEY="SDSS")
        return fits.ImageHDU(galaxy(), header), fits.ImageHDU(
            np.full((SIDE, SIDE), value), name=f"IVAR_{band}"
        )

    (g, g_ivar), (r, r_ivar) = planes("g", 2.0), planes("r", 3.0)
    cutout = read(file_of(fits.PrimaryHDU(), g, r, r_ivar, g_ivar)).cutout
    assert cutout.ivar[:, 0, 0].tolist() == [2.0, 3.0]


def test_noise_in_a_file_of_its_own_is_paired_by_name():
    weight = file_of(np.full((SIDE, SIDE), 9.0, np.float32))
    found = read(
        sdss("g"),
        sdss("r"),
        weight,
        weight,
        names=["a-g.fits", "a-r.fits", "a-r.weight.fits", "a-g.weight.fits"],
    )
    assert np.allclose(found.cutout.ivar, 9.0)


def test_noise_of_some_bands_only_is_left_aside():
    header = tan_header(BAND="r", SURVEY="SDSS")
    with_noise = file_of(fits.PrimaryHDU(galaxy(), header), fits.ImageHDU(np.ones((SIDE, SIDE)), name="IVAR"))
    found = read(sdss("g"), with_noise)
    assert found.cutout.ivar is None
    assert any("1 of 2 bands" in text for _, text in found.report.steps)


def test_pixels_that_are_not_numbers_are_masked():
    data = galaxy()
    data[:3] = np.nan
    found = read(sdss("r", data=data))
    assert found.cutout.mask[0, :3].all()
    assert found.cutout.mask.sum() == 3 * SIDE
    assert "masked" in found.report.flags


def test_numbers_beyond_float32_are_masked():
    data = galaxy().astype(np.float64)
    data[0, 0] = 1e300
    cutout = read(sdss("r", data=data)).cutout
    assert cutout.mask.sum() == 1


def test_a_blank_band_is_masked_and_named():
    found = read(sdss("g"), sdss("r", data=np.zeros((SIDE, SIDE), np.float32)))
    assert found.cutout.mask[1].all()
    assert not found.cutout.mask[0].any()
    assert any("Band r is blank" in text for _, text in found.report.steps)


# Sky and target


def test_position_and_scale_come_from_the_wcs():
    cutout = read(cube()).cutout
    assert (cutout.ra_deg, cutout.dec_deg) == (RA, DEC)
    assert cutout.pixel_scale_arcsec == pytest.approx(SCALE, rel=1e-6)


def test_the_target_lies_in_the_middle_of_the_cutout():
    # Ten pixels east (left) of the middle of the image, five north.
    ra = RA + 10 * SCALE / 3600 / np.cos(np.deg2rad(DEC))
    data = np.zeros((SIDE + 1, SIDE + 1), np.float32)
    data[20 + 5, 20 - 10] = 100
    header = tan_header(SIDE + 1, BAND="r", SURVEY="SDSS")
    found = read(single(None, header=header, data=data), ra_deg=ra, dec_deg=DEC + 5 * SCALE / 3600)
    flux = found.cutout.flux[0]
    assert flux.shape == (SIDE + 1, SIDE + 1)
    assert flux[20, 20] == 100
    assert found.cutout.ra_deg == ra
    assert found.cutout.mask.any()


def test_a_large_image_is_cut_to_a_window_around_the_position():
    data = np.random.default_rng(0).normal(size=(1200, 1100)).astype(np.float32)
    header = tan_header(1100, BAND="r", SURVEY="SDSS", crpix=(550, 600))
    found = read(single(None, header=header, data=data), ra_deg=RA, dec_deg=DEC)
    assert found.cutout.shape == (1024, 1024)


def test_a_header_target_comes_before_the_reference_pixel():
    header = tan_header(BAND="r", SURVEY="SDSS", RA_TARG=RA, DEC_TARG=DEC + 3 * SCALE / 3600)
    cutout = read(single(None, header=header)).cutout
    assert cutout.dec_deg == pytest.approx(DEC + 3 * SCALE / 3600)


def test_a_reference_far_outside_means_the_galaxy_in_the_middle():
    header = tan_header(BAND="r", SURVEY="SDSS", crpix=(5000, -3000))
    found = read(single(None, header=header))
    assert "target_assumed" in found.report.flags
    expected = WCS(header).pixel_to_world((SIDE - 1) / 2, (SIDE - 1) / 2)
    found_at = SkyCoord(found.cutout.ra_deg, found.cutout.dec_deg, unit="deg")
    assert found_at.separation(expected).arcsec < 0.01


def test_swapped_axes_give_the_same_position():
    header = tan_header(BAND="r", SURVEY="SDSS")
    for key, value in {"CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN", "CRVAL1": DEC, "CRVAL2": RA}.items():
        header[key] = value
    cutout = read(single(None, header=header), ra_deg=RA, dec_deg=DEC).cutout
    assert (cutout.ra_deg, cutout.dec_deg) == (RA, DEC)


def test_coordinates_of_b1950_are_brought_to_icrs():
    # 3C 273 in B1950 (12h26m33.248s +02d19m43.29s) and ICRS (12h29m06.6997s +02d03m08.598s).
    old = SkyCoord("12h26m33.248s +02d19m43.29s", frame="fk4")
    header = tan_header(
        BAND="r", SURVEY="SDSS", ra=old.ra.deg, dec=old.dec.deg, RADESYS="FK4", EQUINOX=1950.0
    )
    cutout = read(single(None, header=header)).cutout
    found = SkyCoord(cutout.ra_deg, cutout.dec_deg, unit="deg")
    assert found.separation(SkyCoord("12h29m06.6997s +02d03m08.598s")).arcsec < 0.5
    told = read(single(None, header=header), ra_deg=cutout.ra_deg, dec_deg=cutout.dec_deg)
    assert "0.0 px from the middle" in dict(told.report.steps)["target"]


def test_a_mirrored_image_is_turned_back():
    plain = read(single("r", SURVEY="SDSS")).cutout
    header = tan_header(BAND="r", SURVEY="SDSS", CD1_1=SCALE / 3600)
    found = read(single(None, header=header, data=galaxy()[:, ::-1].copy()))
    assert "mirrored" in found.report.flags
    assert np.array_equal(found.cutout.flux, plain.flux)


@pytest.mark.parametrize("angle", [30.0, -120.0])
def test_a_turned_image_keeps_its_angle_in_the_provenance(angle):
    turn, side = np.deg2rad(angle), SCALE / 3600
    header = tan_header(
        BAND="r", SURVEY="SDSS", CD1_1=-side * np.cos(turn), CD1_2=-side * np.sin(turn),
        CD2_1=-side * np.sin(turn), CD2_2=side * np.cos(turn),
    )  # fmt: skip
    cutout = read(single(None, header=header)).cutout
    assert float(cutout.provenance["north_angle_deg"]) == pytest.approx(angle, abs=0.01)


def test_bands_shifted_by_whole_pixels_are_aligned_on_the_target():
    base = np.random.default_rng(0).normal(size=(60, 60)).astype(np.float32)
    g = single("g", header=tan_header(SIDE, SURVEY="SDSS", crpix=(20, 20)), data=base[:SIDE, :SIDE])
    r = single(
        "r",
        header=tan_header(SIDE, SURVEY="SDSS", crpix=(17, 22)),
        data=np.roll(base, (2, -3), (0, 1))[:SIDE, :SIDE],
    )
    cutout = read(g, r, ra_deg=RA, dec_deg=DEC).cutout
    good = cutout.good().all(axis=0)
    assert good.sum() > 30 * 30
    assert np.array_equal(cutout.flux[0][good], cutout.flux[1][good])


def test_sip_distortion_is_followed():
    # A second-order term moves the scale at the edge: u' = u + 1e-4 u^2.
    header = tan_header(
        BAND="r", SURVEY="SDSS", CTYPE1="RA---TAN-SIP", CTYPE2="DEC--TAN-SIP", A_ORDER=2, B_ORDER=2
    )
    header["A_2_0"] = 1e-3
    plain = read(single(None, header=tan_header(BAND="r", SURVEY="SDSS", crpix=(-80, 20.5)))).cutout
    header["CRPIX1"] = -80
    bent = read(single(None, header=header)).cutout
    assert bent.pixel_scale_arcsec == pytest.approx(
        plain.pixel_scale_arcsec * np.sqrt(1 + 2e-3 * 100.5), rel=1e-3
    )


@pytest.mark.parametrize("order", [10_000, -1, "x"])
def test_absurd_sip_orders_leave_the_linear_part(order):
    header = tan_header(
        BAND="r", SURVEY="SDSS", CTYPE1="RA---TAN-SIP", CTYPE2="DEC--TAN-SIP", A_ORDER=order, B_ORDER=2
    )
    assert read(single(None, header=header)).cutout.pixel_scale_arcsec == pytest.approx(SCALE, rel=1e-6)


def test_a_file_without_wcs_takes_the_scale_of_the_sender():
    header = fits.Header({"BAND": "r", "SURVEY": "SDSS"})
    assert "no_pixel_scale" in read(single(None, header=header)).report.flags
    assert read(single(None, header=header), pixel_scale_arcsec=0.339).cutout.pixel_scale_arcsec == 0.339


def test_a_file_without_wcs_takes_scale_and_position_from_its_words():
    header = fits.Header({"BAND": "r", "SURVEY": "SDSS", "PIXSCALE": 0.25, "RA_OBJ": 10.0, "DEC_OBJ": -5.0})
    cutout = read(single(None, header=header)).cutout
    assert (cutout.pixel_scale_arcsec, cutout.ra_deg, cutout.dec_deg) == (0.25, 10.0, -5.0)


def test_the_senders_position_is_kept_without_wcs():
    found = read(single("r", header=fits.Header({"SURVEY": "SDSS"})), ra_deg=1.0, dec_deg=2.0)
    assert (found.cutout.ra_deg, found.cutout.dec_deg) == (1.0, 2.0)
    assert "target_assumed" in found.report.flags


@pytest.mark.parametrize("ctype", ["GLON-TAN", "HPLN-TAN", "NONSENSE"])
def test_maps_of_other_skies_have_no_position(ctype):
    header = tan_header(
        BAND="r", SURVEY="SDSS", CTYPE1=ctype, CTYPE2=ctype.replace("LN", "LT").replace("LON", "LAT")
    )
    assert read(single(None, header=header)).cutout.ra_deg is None


# Refusals


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("fits.unreadable", b""),
        ("fits.unreadable", b"not a FITS file"),
        ("fits.unreadable", b"PK\x03\x04rest"),
        ("fits.unreadable", b"\x1f\x8bnonsense"),
        ("fits.unreadable", gzip.compress(b"SIMPLE" * 999)[:40]),
        ("fits.unreadable", b"BZhnonsense"),
        ("fits.unreadable", b"SIMPLE  =                    T".ljust(2880)),
        ("fits.unreadable", cube()[:4000]),
        ("fits.no_image", file_of(fits.PrimaryHDU())),
        ("fits.no_image", file_of(fits.PrimaryHDU(), fits.BinTableHDU.from_columns([fits.Column("a", "E", array=[1.0])]))),
        ("fits.no_image", file_of(np.ones(400, np.float32))),
        ("fits.no_image", file_of(np.ones((40, 20, 20), np.float32))),
        ("fits.too_small", file_of(np.ones((10, 40), np.float32))),
        ("fits.band_unknown", file_of(galaxy(3))),
        ("fits.band_unknown", file_of(galaxy())),
        ("fits.blank", single("r", data=np.full((SIDE, SIDE), 7.0))),
        ("fits.blank", file_of(fits.PrimaryHDU(np.zeros((2, SIDE, SIDE)), tan_header(BANDS="gr")))),
        ("fits.masked", single("r", data=np.full((SIDE, SIDE), np.nan))),
        ("fits.wcs", single("r", CD1_1=1e-4, CD1_2=1e-4, CD2_1=1e-4, CD2_2=1e-4)),
    ],
)  # fmt: skip
def test_hopeless_files_are_refused_by_name(code, data):
    error = rejected(data)
    assert error.code == code
    assert str(error)[0].isupper()


def test_two_files_of_one_band_are_refused():
    assert rejected(sdss("r"), sdss("r")).code == "fits.band_repeated"


def test_a_mask_alone_is_no_image():
    error = rejected(single("r"), names=["galaxy_mask.fits"])
    assert error.code == "fits.no_image"
    assert "0 (mask)" in str(error)


def test_an_hdu_that_holds_no_image_is_refused():
    assert rejected(cube(), hdu=5).code == "fits.no_image"


def test_a_position_off_the_image_is_refused_with_the_distance():
    # 100 px of 0.4 arcsec north of the middle; the edge is 19.5 px from it.
    error = rejected(sdss("r"), ra_deg=RA, dec_deg=DEC + 100 * SCALE / 3600)
    assert error.code == "fits.outside"
    assert "32 arcsec outside" in str(error)


def test_a_position_on_the_other_side_of_the_sky_is_refused():
    assert rejected(sdss("r"), ra_deg=(RA + 180) % 360, dec_deg=-DEC).code == "fits.outside"


@pytest.mark.parametrize("change", [{"scale": 0.2}, {"CD1_1": SCALE / 3600}])
def test_bands_on_different_grids_are_refused(change):
    other = single("g", header=tan_header(RUN=1, CAMCOL=1, **change))
    assert rejected(sdss("r"), other).code == "fits.grid"


@pytest.mark.parametrize("count", [0, 10])
def test_one_to_nine_files_are_read(count):
    assert rejected(*[cube()] * count).code == "fits.files"


def test_a_bomb_is_refused_before_it_unpacks():
    assert rejected(gzip.compress(bytes(300 * 2**20), 1)).code == "fits.too_large"


def test_a_message_never_quotes_the_library():
    damaged = bytearray(cube())
    damaged[80:160] = b"BITPIX  =                   99".ljust(80)
    assert "99" not in str(rejected(bytes(damaged)))


def test_wrong_overrides_are_refused_when_made():
    for wrong in (
        {"ra_deg": 1.0},
        {"pixel_scale_arcsec": 0.0},
        {"zeropoint": float("nan")},
        {"ra_deg": 400.0, "dec_deg": 0.0},
    ):
        with pytest.raises(ValueError):
            Overrides(**wrong)
