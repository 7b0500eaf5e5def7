from dataclasses import replace

import numpy as np
import pytest

from survey.bands import BAND_SETS, BandMismatch
from survey.contract import ContractViolation, InputContract
from survey.cutout import Cutout
from survey.dust import ebv_sfd_lowres
from survey.extinction import deredden
from survey.resample import fill_holes

UGRIZ, RGB = BAND_SETS["sdss-ugriz"], BAND_SETS["display-rgb"]
SOFT = (0.05, 0.02, 0.03, 0.05, 0.2)
CONTRACT = InputContract(UGRIZ, 0.396, 84, 64, "asinh", SOFT)
DISPLAY = InputContract(RGB, None, 128, 64, "unit", shrink=True)


def cutout(side=84, *, bands=UGRIZ, scale=0.396, ebv=0.0, seed=0, **kwargs):
    flux = np.random.default_rng(seed).normal(5, 1, (len(bands), side, side)).astype(np.float32)
    return Cutout(flux, bands, pixel_scale_arcsec=scale, ebv=ebv, **kwargs)


def picture(height=128, width=128):
    counts = np.random.default_rng(0).integers(0, 256, (3, height, width)).astype(np.float32)
    return Cutout(counts, RGB)


def test_contract_survives_json():
    for contract in (CONTRACT, DISPLAY):
        assert InputContract.from_json(contract.to_json()) == contract
    with pytest.raises(TypeError):
        InputContract.from_json({**CONTRACT.to_json(), "new": 1})


@pytest.mark.parametrize(
    "change",
    [
        {"softening": (1.0,)},
        {"input_px": 85},
        {"input_px": 0},
        {"input_px": 63},
        {"shrink": True},
    ],
)
def test_impossible_contract_is_refused(change):
    with pytest.raises(ValueError, match=r"softenings|does not fit|cannot be averaged|has no middle"):
        InputContract(
            **{
                "bands": UGRIZ,
                "pixel_scale_arcsec": 0.396,
                "field_px": 84,
                "input_px": 64,
                "stretch": "asinh",
                "softening": SOFT,
                **change,
            }
        )


def test_whole_field_passes_unchanged():
    source = cutout()
    calibrated = CONTRACT.calibrate(source)
    np.testing.assert_array_equal(calibrated.field, source.flux)
    assert calibrated.flags == ()
    assert calibrated.known.all()


def test_finish_is_crop_and_asinh():
    field = cutout().flux
    expected = np.arcsinh(field[:, 10:74, 10:74] / np.array(SOFT)[:, None, None])
    np.testing.assert_allclose(CONTRACT.finish(field), expected, rtol=1e-5)


def test_display_is_averaged_and_scaled_to_one():
    field = picture().flux
    expected = field.reshape(3, 64, 2, 64, 2).mean(axis=(2, 4)) / 255
    np.testing.assert_allclose(DISPLAY.finish(DISPLAY.calibrate(picture()).field), expected, rtol=1e-5)


def test_bands_are_picked_by_name_not_by_place():
    source = cutout()
    shuffled = source.select(type(UGRIZ)(UGRIZ.bands[::-1]))
    np.testing.assert_array_equal(CONTRACT.calibrate(shuffled).field, source.flux)


def test_absent_band_is_named():
    with pytest.raises(BandMismatch, match="sdss:z"):
        CONTRACT.calibrate(cutout().select(type(UGRIZ)(UGRIZ.bands[:4])))


def test_sdss_stamp_of_51_px_is_a_partial_field():
    calibrated = CONTRACT.calibrate(cutout(51))
    assert calibrated.flags == ("partial_field",)
    # The middle of 51 px is no edge between pixels, that of the field is: the outermost are half covered.
    assert calibrated.known.sum() == 5 * 52 * 52


@pytest.mark.parametrize("how", ["nan", "zero weight", "masked"])
def test_band_without_data_counts_as_zero_and_is_flagged(how):
    source = cutout()
    flux, ivar, mask = source.flux.copy(), None, None
    if how == "nan":
        flux[1] = np.nan
    elif how == "zero weight":
        flux[1], ivar = 0, np.ones_like(flux)
        ivar[1] = 0
    else:
        mask = np.zeros(flux.shape, bool)
        mask[1] = True
    calibrated = CONTRACT.calibrate(
        Cutout(flux, UGRIZ, ivar=ivar, mask=mask, pixel_scale_arcsec=0.396, ebv=0.0)
    )
    assert calibrated.flags == ("band_missing",)
    assert not calibrated.field[1].any()
    np.testing.assert_array_equal(calibrated.field[0], source.flux[0])


def refusal(contract, source):
    with pytest.raises(ContractViolation) as caught:
        contract.calibrate(source)
    return caught.value.code


def test_cutout_without_any_pixel_is_refused():
    assert refusal(
        CONTRACT, Cutout(np.full((5, 84, 84), np.nan, np.float32), UGRIZ, pixel_scale_arcsec=0.396)
    ) == ("fits.masked")


def test_half_masked_band_is_refused_by_name():
    source = cutout()
    source.flux[2, :42] = np.nan
    with pytest.raises(ContractViolation, match="50 % of the central 40 px are masked or NaN in r"):
        CONTRACT.calibrate(source)


def test_masked_border_outside_the_centre_is_allowed():
    source = cutout()
    source.flux[:, :10] = np.nan
    assert "masked" not in CONTRACT.calibrate(source).flags


def test_few_masked_pixels_are_filled_and_flagged():
    source = cutout()
    before = source.flux.copy()
    source.flux[2, 42, 42] = np.nan
    calibrated = CONTRACT.calibrate(source)
    assert calibrated.flags == ("masked",)
    around = before[2, 40:45, 40:45].sum() - before[2, 42, 42]
    assert calibrated.field[2, 42, 42] == pytest.approx(around / 24, rel=1e-4)
    assert not calibrated.known[2, 42, 42]


def test_large_holes_stay_empty():
    good = np.ones((1, 20, 20), bool)
    good[0, 4:16, 4:16] = False
    flux, usable = fill_holes(np.ones((1, 20, 20), np.float32), good)
    assert not usable[0, 6:14, 6:14].any()
    assert not flux[0, 6:14, 6:14].any()
    np.testing.assert_allclose(flux[usable], 1, rtol=1e-5)


def test_blank_image_is_refused():
    assert (
        refusal(CONTRACT, Cutout(np.zeros((5, 84, 84), np.float32), UGRIZ, pixel_scale_arcsec=0.396))
        == "fits.blank"
    )


def test_absurd_values_count_as_masked():
    source = cutout()
    source.flux[:, :2] = [[[1e30]], [[np.inf]], [[-1e30]], [[1e13]], [[-np.inf]]]
    calibrated = CONTRACT.calibrate(source)
    assert not calibrated.known[:, :2].any()
    assert np.isfinite(calibrated.field).all()


def test_other_pixel_scale_is_resampled_and_said():
    calibrated = CONTRACT.calibrate(cutout(200, scale=0.2))
    assert calibrated.flags == ()
    assert "0.200 to 0.396" in calibrated.notes[0]
    assert calibrated.field.mean() == pytest.approx(5 * (0.396 / 0.2) ** 2, rel=0.01)


def test_almost_the_same_pixel_scale_is_not_interpolated():
    source = cutout(scale=0.3961)
    np.testing.assert_array_equal(CONTRACT.calibrate(source).field, source.flux)


def test_much_coarser_pixels_are_flagged():
    assert "upsampled" in CONTRACT.calibrate(cutout(60, scale=1.0)).flags


@pytest.mark.parametrize(
    ("scale", "code"), [(None, "fits.no_wcs"), (10.0, "fits.scale"), (0.001, "fits.scale")]
)
def test_hopeless_pixel_scale_is_refused(scale, code):
    assert refusal(CONTRACT, cutout(scale=scale)) == code


def test_unknown_dust_at_an_unknown_place_is_flagged():
    source = cutout(ebv=None)
    calibrated = CONTRACT.calibrate(source)
    assert calibrated.flags == ("no_ebv",)
    np.testing.assert_array_equal(calibrated.field, source.flux)


@pytest.mark.parametrize("ebv", [float("nan"), -0.1, float("inf")])
def test_impossible_dust_counts_as_unknown(ebv):
    assert CONTRACT.calibrate(cutout(ebv=ebv)).flags == ("no_ebv",)


@pytest.mark.parametrize("dec", [float("nan"), 95.0])
def test_impossible_place_gives_no_dust(dec):
    assert CONTRACT.calibrate(cutout(ebv=None, ra_deg=1.0, dec_deg=dec)).flags == ("no_ebv",)


def test_unknown_dust_at_a_known_place_comes_from_the_coarse_map():
    source = cutout(ebv=None, ra_deg=187.6, dec_deg=12.0)
    calibrated = CONTRACT.calibrate(source)
    assert calibrated.flags == ("ebv_sfd_lowres",)
    expected = deredden(source.flux, float(ebv_sfd_lowres(187.6, 12.0)), UGRIZ)
    np.testing.assert_allclose(calibrated.field, expected, rtol=1e-6)


def test_uncalibrated_flux_is_flagged():
    assert CONTRACT.calibrate(cutout(is_calibrated=False)).flags == ("uncalibrated",)


def test_picture_of_any_size_fills_the_display_field():
    for height, width in ((128, 128), (300, 400), (64, 64), (51, 51)):
        calibrated = DISPLAY.calibrate(picture(height, width))
        assert calibrated.flags == ()
        assert calibrated.known.all()
        # Counts stay counts at every size.
        assert calibrated.field.mean() == pytest.approx(127.5, rel=0.05)


def test_picture_of_a_few_pixels_is_refused():
    assert refusal(DISPLAY, picture(31, 31)) == "fits.too_small"


def test_picture_without_a_scale_is_assumed_to_show_the_field():
    scaled = InputContract(RGB, 0.4, 128, 64, "unit", shrink=True)
    assert scaled.calibrate(picture(200, 200)).flags == ("scale_assumed",)


def test_shrunk_display_field_needs_half_its_side():
    scaled = InputContract(RGB, 0.4, 128, 64, "unit", shrink=True)

    def shown(side):
        return Cutout(picture(side, side).flux, RGB, pixel_scale_arcsec=0.4)

    assert scaled.calibrate(shown(64)).flags == ("partial_field",)
    assert refusal(scaled, shown(62)) == "fits.too_small"


def test_dust_of_the_galactic_centre_counts_as_unknown():
    # E(B-V) of 56 is on the SFD map, at the Galactic centre; A_u would be 237 mag.
    calibrated = CONTRACT.calibrate(cutout(ebv=56.0))
    assert calibrated.flags == ("no_ebv",)
    assert np.isfinite(calibrated.field).all()


@pytest.mark.parametrize("side", [51, 71, 85])
def test_a_stamp_of_odd_side_keeps_its_pixels_where_whole_ones_bring_the_target_to_the_middle(side):
    source = cutout(side)
    calibrated = CONTRACT.calibrate(replace(source, offset_px=(0.5, 0.5)))
    kept = calibrated.field[calibrated.known]
    low, high = max(0, (side - 84 + 1) // 2), min(side, (side + 85) // 2)
    np.testing.assert_array_equal(np.sort(kept), np.sort(source.flux[:, low:high, low:high].ravel()))
    assert calibrated.notes[1:] == ()


def test_the_middle_51_px_of_a_field_come_back_to_their_place():
    # What the network is fed differs only where nothing is known.
    whole = cutout(84)
    middle = Cutout(
        whole.flux[:, 16:67, 16:67], UGRIZ, pixel_scale_arcsec=0.396, ebv=0.0, offset_px=(0.5, 0.5)
    )
    calibrated, whole_field = CONTRACT.calibrate(middle), CONTRACT.calibrate(whole).field
    np.testing.assert_array_equal(calibrated.field, np.where(calibrated.known, whole_field, 0))
    assert int(calibrated.known[0].sum()) == 51**2


@pytest.mark.parametrize(
    ("ebv", "flags"),
    [(0.5, ()), (0.51, ("high_extinction",)), (2.0, ("high_extinction",)), (2.1, ("no_ebv",))],
)
def test_high_extinction_is_flagged_and_a_hopeless_one_counts_as_unknown(ebv, flags):
    source = cutout(ebv=ebv)
    calibrated = CONTRACT.calibrate(source)
    assert calibrated.flags == flags
    is_corrected = ebv <= 2
    expected = deredden(source.flux, ebv if is_corrected else 0.0, UGRIZ)
    np.testing.assert_allclose(calibrated.field, expected, rtol=1e-5)
    if not is_corrected:
        assert calibrated.notes == (
            "E(B-V) is 2.1 mag (given; limit 2): fluxes are not corrected for Galactic dust.",
        )
