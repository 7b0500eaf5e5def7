"""FITS cutouts meet their table and become a survey in nanomaggies."""

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from support.fits_files import DEC, RA, SCALE, SIDE, file_of, galaxy, tan_header

from survey.archive import SurveyInfo
from survey.bands import BandSet
from survey.cutout import Cutout
from survey.fits.writer import write_fits
from survey.ingest import CutoutRejected
from survey.photometry import aperture_flux
from survey.sources.fits_decoder import to_grid
from survey.sources.fits_folder import Choices, plan
from survey.sources.importing import import_survey
from survey.sources.matching import ids_in_name
from survey.sources.table_files import UnreadableTable

INFO = SurveyInfo("mine", "Mine", "flux")


def cube(path, seed=0, *, bands="gr", side=SIDE, ivar=True, header=None, **cards):
    header = header or tan_header(side)
    header["SURVEY"], header["BANDS"], header["BUNIT"] = "SDSS", bands, "nanomaggy"
    for key, value in cards.items():
        header[key] = value
    data = galaxy(len(bands), side=side, seed=seed)
    hdus = [fits.PrimaryHDU(data, header)]
    if ivar:
        hdus.append(fits.ImageHDU(np.full(data.shape, 1e4, np.float32), name="IVAR"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file_of(*hdus))
    return data


def table(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return path


def test_cubes_meet_their_rows_and_keep_every_pixel(tmp_path):
    data = {
        name: cube(tmp_path / "cutouts" / f"cutout_{name}.fits", n) for n, name in enumerate(["NGC1", "NGC2"])
    }
    catalogue = table(
        tmp_path / "t.csv",
        "Name,RAJ2000,DEJ2000,zsp,Remark",
        f"NGC2,{RA},{DEC},0.2,x",
        f"NGC1,{RA},{DEC},0.1,y",
    )
    made = import_survey(plan([tmp_path / "cutouts"], INFO, table=catalogue), tmp_path)
    assert made.ids == ["NGC2", "NGC1"]
    assert (made.info.kind, made.info.bands.ids, made.info.field_px) == ("flux", ("sdss:g", "sdss:r"), SIDE)
    assert made.info.pixel_scale_arcsec == pytest.approx(SCALE, rel=1e-5)
    cutout = made.read(["NGC1"])[0]
    # Pixels are stored as float16: 11 bits.
    assert np.allclose(cutout.flux, data["NGC1"], rtol=2**-11, atol=1e-6)
    assert np.allclose(cutout.ivar, 1e4)
    row = made.objects.slice(1, 1).to_pylist()[0]
    assert (row["z_spec"], row["Remark"], row["ebv_src"]) == (0.1, "y", "sfd-lowres")


def test_fluxes_are_measured_where_the_table_has_none(tmp_path):
    cube(tmp_path / "c" / "a.fits")
    made = import_survey(plan([tmp_path / "c"], INFO, choices=Choices(aperture_arcsec=5)), tmp_path)
    # A Gaussian of peak 5 and sigma 3 px inside 12.5 px: 2 pi sigma^2 peak (1 - exp(-r^2 / 2 sigma^2)).
    expected = 2 * np.pi * 9 * 5 * (1 - np.exp(-(12.5**2) / 18))
    assert made.objects.column("flux_g")[0].as_py() == pytest.approx(expected, rel=0.01)
    # Pixels of the rim count by less than one, so the noise is a little smaller than the area says.
    assert made.objects.column("flux_ivar_g")[0].as_py() == pytest.approx(1e4 / (np.pi * 12.5**2), rel=0.05)


def test_one_file_per_band_is_one_object(tmp_path):
    (tmp_path / "c").mkdir()
    for n, band in enumerate("ugr"):
        header = tan_header(BAND=band, RUN=1, CAMCOL=1, BUNIT="nanomaggy")
        (tmp_path / "c" / f"stamp-{band}-187.55-12.04.fits").write_bytes(
            file_of(fits.PrimaryHDU(galaxy(seed=n), header))
        )
    job = plan([tmp_path / "c"], INFO)
    assert job.rows.columns.column("object_id").to_pylist() == ["stamp-187.55-12.04"]
    assert job.info.bands.names == ("u", "g", "r")
    catalogue = table(tmp_path / "t.csv", "id,ra,dec", f"187.55-12.04,{RA},{DEC}")
    assert len(import_survey(plan([tmp_path / "c"], INFO, table=catalogue), tmp_path)) == 1


def test_positions_come_from_the_files_where_the_table_has_none(tmp_path):
    cube(tmp_path / "c" / "a.fits")
    made = import_survey(
        plan([tmp_path / "c"], INFO, table=table(tmp_path / "t.csv", "id,z", "a,0.1")), tmp_path
    )
    row = made.objects.to_pylist()[0]
    assert (row["ra_deg"], row["dec_deg"]) == (RA, DEC)
    assert row["hpx29"] is not None


def test_the_tables_position_says_which_galaxy_is_meant(tmp_path):
    cube(tmp_path / "c" / "a.fits")
    north = DEC + 4 * SCALE / 3600
    catalogue = table(tmp_path / "t.csv", "id,ra,dec", f"a,{RA},{north}", f"b,{RA},{DEC + 1}")
    (tmp_path / "c" / "b.fits").write_bytes((tmp_path / "c" / "a.fits").read_bytes())
    job = plan([tmp_path / "c"], INFO, table=catalogue)
    made = import_survey(job, tmp_path)
    flux = made.read(["a"])[0].flux[0]
    # Four pixels north is up in FITS: the galaxy now lies four rows below the middle.
    row, _ = np.unravel_index(np.nanargmax(flux), flux.shape)
    assert row in (15, 16)
    assert [r.what for r in job.rejected] == ["b"]
    assert "fits.outside" in job.rejected[0].reason


def test_masked_pixels_are_stored_as_unknown(tmp_path):
    mask = np.zeros((1, SIDE, SIDE), bool)
    mask[0, 5, 6] = True
    flux = galaxy(1, noise=1.0)
    cutout = Cutout(flux, BandSet.parse("sdss:r"), ivar=np.ones_like(flux), mask=mask, pixel_scale_arcsec=0.4)
    (tmp_path / "a.fits").write_bytes(write_fits(cutout))
    made = import_survey(plan([tmp_path / "a.fits"], INFO), tmp_path)
    stored = made.read(["a"])[0]
    assert np.isnan(stored.flux[0, 5, 6])
    assert stored.ivar[0, 5, 6] == 0
    assert stored.good().sum() == SIDE**2 - 1


def test_noise_missing_in_some_files_is_estimated_from_their_sky(tmp_path):
    cube(tmp_path / "c" / "a.fits", ivar=True)
    cube(tmp_path / "c" / "b.fits", ivar=False)
    made = import_survey(plan([tmp_path / "c"], INFO), tmp_path)
    # The sky of the synthetic galaxy scatters by 0.01.
    assert np.median(made.read(["b"])[0].ivar) == pytest.approx(1e4, rel=0.3)


def test_pixel_scales_that_differ_need_a_choice_and_are_resampled(tmp_path):
    cube(tmp_path / "c" / "a.fits", side=40)
    cube(tmp_path / "c" / "b.fits", side=80, header=tan_header(80, scale=SCALE / 2))
    with pytest.raises(UnreadableTable, match=r"--pixel-scale 0\.4"):
        plan([tmp_path / "c"], INFO)
    made = import_survey(plan([tmp_path / "c"], INFO, choices=Choices(pixel_scale_arcsec=SCALE)), tmp_path)
    assert made.info.field_px == 40
    # Flux is conserved: a Gaussian of sigma 3 px and peak 5 in both.
    total = [np.nansum(c.flux[0]) for c in made.read(["a", "b"])]
    assert total[0] == pytest.approx(2 * np.pi * 9 * 5, rel=0.02)
    assert total[1] == pytest.approx(total[0], rel=0.02)


def test_sizes_that_differ_need_a_choice_and_are_cut_or_surrounded(tmp_path):
    large = cube(tmp_path / "c" / "a.fits", side=44)
    small = cube(tmp_path / "c" / "b.fits", side=32, ivar=True)
    with pytest.raises(UnreadableTable, match="--field-px 32"):
        plan([tmp_path / "c"], INFO)
    made = import_survey(plan([tmp_path / "c"], INFO, choices=Choices(field_px=40)), tmp_path)
    a, b = made.read(["a", "b"])
    assert np.allclose(a.flux, large[:, 2:42, 2:42], rtol=2**-11, atol=1e-6)
    assert np.allclose(b.flux[:, 4:36, 4:36], small, rtol=2**-11, atol=1e-6)
    assert np.isnan(b.flux[:, :4]).all()
    assert (b.ivar[:, :4] == 0).all()


def test_cutouts_without_scale_take_the_surveys(tmp_path):
    header = fits.Header({"SURVEY": "KiDS"})
    cube(tmp_path / "c" / "a.fits", header=header)
    unknown = plan([tmp_path / "c"], INFO)
    assert unknown.info.pixel_scale_arcsec is None
    assert not any(line.startswith("flux_") for line in unknown.lines)
    assert (
        plan([tmp_path / "c"], INFO, choices=Choices(pixel_scale_arcsec=0.339)).info.pixel_scale_arcsec
        == 0.339
    )
    stated = table(tmp_path / "t.csv", "id,pixscale", "a,0.3")
    assert plan([tmp_path / "c"], INFO, table=stated).info.pixel_scale_arcsec == 0.3


def test_other_bands_are_left_out_by_name(tmp_path):
    cube(tmp_path / "c" / "a.fits", bands="gr")
    cube(tmp_path / "c" / "b.fits", bands="rg")
    cube(tmp_path / "c" / "c.fits", bands="gi")
    job = plan([tmp_path / "c"], INFO)
    made = import_survey(job, tmp_path)
    assert made.ids == ["a", "b"]
    assert (
        job.rejected[0].reason
        == "fits.band_missing: Bands sdss:r are missing; the cutout has sdss:g, sdss:i."
    )


def test_counts_without_zero_point_are_refused_until_told(tmp_path):
    cube(tmp_path / "c" / "a.fits")
    with fits.open(tmp_path / "c" / "a.fits", mode="update") as hdus:
        hdus[0].header["BUNIT"] = "adu"
    with pytest.raises(CutoutRejected, match="--zeropoint"):
        plan([tmp_path / "c"], INFO)
    made = import_survey(plan([tmp_path / "c"], INFO, choices=Choices(zeropoint=25.0)), tmp_path)
    assert np.allclose(made.read(["a"])[0].flux, 0.1 * galaxy(2, seed=0), rtol=2**-10, atol=1e-5)


def test_a_list_of_files_and_a_file_name_column_are_followed(tmp_path):
    for n in range(2):
        cube(tmp_path / "deep" / f"x{n}.fits", n)
    (tmp_path / "list.txt").write_text("# my files\ndeep/x0.fits\n\ndeep/x1.fits\n")
    catalogue = table(tmp_path / "t.csv", "objid,filename", "one,x1.fits", "two,x0", "three,nothing.fits")
    job = plan([tmp_path / "list.txt"], INFO, table=catalogue)
    assert job.rows.columns.column("object_id").to_pylist() == ["one", "two"]
    assert [(r.what, r.reason) for r in job.rejected] == [("three", "no file")]
    assert np.allclose(job.decoder(0).flux, galaxy(2, seed=1))


def test_a_damaged_file_is_left_out_and_listed(tmp_path):
    cube(tmp_path / "c" / "a.fits")
    (tmp_path / "c" / "b.fits").write_bytes((tmp_path / "c" / "a.fits").read_bytes()[:4000])
    made = import_survey(plan([tmp_path / "c"], INFO), tmp_path)
    assert made.ids == ["a"]
    assert pq.read_table(made.path / "rejected.parquet").column("what").to_pylist() == ["b"]


def test_a_file_that_vanishes_is_left_out(tmp_path):
    cube(tmp_path / "c" / "a.fits")
    job = plan([tmp_path / "c"], INFO)
    gone = replace(job.decoder, files=(("nowhere.fits",),))
    with pytest.raises(CutoutRejected) as caught:
        gone(0)
    assert caught.value.code == "fits.missing"


def test_turned_images_are_stored_north_up(tmp_path):
    turn, side = np.deg2rad(90), SCALE / 3600
    header = tan_header(
        CD1_1=-side * np.cos(turn),
        CD1_2=-side * np.sin(turn),
        CD2_1=-side * np.sin(turn),
        CD2_2=side * np.cos(turn),
    )
    data = cube(tmp_path / "c" / "a.fits", header=header)
    made = import_survey(plan([tmp_path / "c"], INFO), tmp_path)
    assert "north_angle_deg" not in made.objects.column_names
    # North was to the left, counterclockwise from up; np.rot90 turns clockwise where y points up.
    assert np.allclose(made.read(["a"])[0].flux, np.rot90(data, 1, axes=(1, 2)), rtol=1e-3, atol=1e-4)


def test_nothing_that_fits_is_refused_with_an_example(tmp_path):
    cube(tmp_path / "c" / "a.fits")
    with pytest.raises(UnreadableTable, match=r"first file is 'a\.fits', the first id 'zzz'"):
        plan([tmp_path / "c"], INFO, table=table(tmp_path / "t.csv", "id", "zzz"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnreadableTable, match="no FITS file in empty"):
        plan([tmp_path / "empty"], INFO)
    with pytest.raises(UnreadableTable, match=r"no file gone\.fits"):
        plan([tmp_path / "gone.fits"], INFO)


def test_cutouts_that_cannot_be_read_at_all_say_why(tmp_path):
    (tmp_path / "a.fits").write_bytes(b"nonsense")
    with pytest.raises(CutoutRejected) as caught:
        plan([tmp_path / "a.fits"], INFO)
    assert caught.value.code == "fits.unreadable"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("cube_KV0007.fits", "KV0007"),
        ("stamp-u-187.5469-12.0381.fits", "187.5469-12.0381"),
        ("cutout_+12.5.fits.gz", "+12.5"),
        ("SDSS_J1234+0123_g.fit", "J1234+0123"),
    ],
)
def test_ids_are_found_between_other_characters(name, wanted):
    assert wanted in ids_in_name(name)
    assert "V0007" not in ids_in_name(name)


def test_resampling_carries_flux_and_variance():
    flux = np.full((1, 40, 40), 1.0, np.float32)
    cutout = Cutout(flux, BandSet.parse("sdss:r"), ivar=np.full_like(flux, 4.0), pixel_scale_arcsec=0.2)
    pixels, ivar = to_grid(cutout, 0.4, 16)
    # Four pixels in one: four times the flux, four times the variance.
    assert np.allclose(pixels, 4.0)
    assert np.allclose(ivar, 1.0)


@pytest.mark.parametrize(("height", "side"), [(15, 24), (24, 15), (25, 16), (16, 25)])
@pytest.mark.parametrize("offset", [0.46, -0.5])
def test_pixels_of_the_same_scale_are_placed_untouched_and_measured_around_the_target(height, side, offset):
    # Whole pixels bring what lies about half a pixel from the middle to the middle of a side of the other parity.
    cutout = _round_galaxy(height, offset)
    pixels, _ = to_grid(cutout, 0.4, side)
    known = pixels[np.isfinite(pixels)]
    assert known.max() == cutout.flux.max()
    assert np.isin(known, cutout.flux).all()
    left = {0.46: -0.04, -0.5: 0.0}[offset]
    stored = Cutout(pixels, cutout.bands, pixel_scale_arcsec=0.4)
    expected = aperture_flux(cutout, 2.0, offset_px=cutout.offset_px)[0]
    np.testing.assert_allclose(aperture_flux(stored, 2.0, offset_px=(left, left))[0], expected, rtol=1e-6)


@pytest.mark.parametrize(("height", "side"), [(15, 24), (24, 15), (30, 20), (20, 30)])
def test_a_target_off_the_middle_is_stored_in_the_middle(height, side):
    offset = 0.0 if (height - side) % 2 else 0.3
    pixels, ivar = to_grid(_round_galaxy(height, offset, ivar=True), 0.4, side)
    plane = np.nan_to_num(pixels[0])
    y, x = np.indices(plane.shape) - (side - 1) / 2
    light = plane * (np.hypot(x, y) < 6)
    assert np.abs([(light * x).sum(), (light * y).sum()]).max() / light.sum() < 0.02
    assert light.sum() == pytest.approx(100 * 4 * np.pi, rel=0.01)
    assert set(np.unique(ivar)) <= {0.0, 1.0}
    assert np.array_equal(ivar > 0, np.isfinite(pixels))


def _round_galaxy(side, offset, *, ivar=False):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side] - (side - 1) / 2 - offset
    flux = (100 * np.exp(-(x**2 + y**2) / 4) + rng.normal(0, 0.1, (side, side))).astype(np.float32)[None]
    noise = np.ones_like(flux) if ivar else None
    return Cutout(
        flux, BandSet.parse("sdss:r"), ivar=noise, pixel_scale_arcsec=0.4, offset_px=(offset, offset)
    )


@pytest.mark.realdata
def test_the_real_kids_cubes_meet_their_table(shared_data, tmp_path):
    folder = shared_data / "kids_viking_9band"
    choices = Choices(pixel_scale_arcsec=0.339, aperture_arcsec=8 * 0.339)
    job = plan(sorted(folder.glob("cube_*.fits")), INFO, table=folder / "stamps.parquet", choices=choices)
    made = import_survey(job, tmp_path)
    assert len(made) == 12
    assert made.info.bands.ids == ("kids:u", "kids:g", "kids:r", "kids:i", "viking:Z")
    # The table has magnitudes in the same aperture, 16 px wide, measured by others on the same field.
    ours = 22.5 - 2.5 * np.log10(made.objects.column("flux_r").to_numpy())
    theirs = made.objects.column("mag_ap16px_r").to_numpy()
    assert abs(np.median(ours - theirs)) < 0.03


@pytest.mark.realdata
def test_the_real_sdss_stamps_become_a_survey(shared_data, tmp_path):
    job = plan([shared_data / "sdss_ugriz_stamps" / "raw_fits"], INFO)
    made = import_survey(job, tmp_path)
    assert len(made) == 4
    assert made.info.bands.ids == ("sdss:u", "sdss:g", "sdss:r", "sdss:i", "sdss:z")
    assert made.read(made.ids[:1])[0].ivar is not None
