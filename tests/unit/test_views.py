"""Views are made from the middle of a field alone, and are those of the whole field."""

import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra [train]")

from survey.bands import BAND_SETS  # noqa: E402
from survey.contract import InputContract  # noqa: E402
from training.augment.display import Brighten, Grey, PictureBlur, PictureNoise, Tint  # noqa: E402
from training.augment.flux import MaskBorder, Redden, WorsenPSF  # noqa: E402
from training.augment.geometry import Flip, Geometry, Rotate, Scale, Shift  # noqa: E402
from training.augment.recipe import Views  # noqa: E402

FIELD, INPUT = 44, 28
PLACED = Geometry([Rotate(), Flip(), Shift(3), Scale(0.8, 1.25)])
PICTURE = InputContract(BAND_SETS["display-rgb"], None, FIELD, INPUT, "unit", min_coverage_px=20)
FLUX = InputContract(BAND_SETS["sdss-ugriz"], 0.396, FIELD, INPUT, "asinh", (0.1,) * 5, min_coverage_px=20)
RECIPES = {
    "display": (PICTURE, [PLACED, PictureBlur(), Brighten(), Tint(), Grey(0.5)]),
    "display, without placement": (PICTURE, [PictureBlur(), Brighten()]),
    "display, placed last": (PICTURE, [Tint(), PictureBlur(), PLACED]),
    "display, blurred twice": (PICTURE, [PLACED, PictureBlur(), PictureBlur(least_px=1.5, most_px=3.0)]),
    "flux": (FLUX, [PLACED, Redden((4.2, 3.3, 2.3, 1.7, 1.3)), WorsenPSF((1.4,) * 5), MaskBorder(16, 27)]),
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def fields(contract, n=12):
    return torch.rand(n, len(contract.bands), FIELD, FIELD, generator=generator(5)) * 200


def uncropped(contract, changes, images, draws):
    """Do to whole fields what views do to their middle."""
    for change in changes:
        images = change(images.clone(), draws)
    return contract.finish(images, torch)


@pytest.mark.parametrize("name", RECIPES)
def test_views_of_the_middle_are_those_of_the_whole_field(name):
    contract, changes = RECIPES[name]
    images = fields(contract)
    got = Views(contract, changes)(images, generator(3))
    expected = uncropped(contract, changes, images, generator(3))
    assert got.shape == (12, len(contract.bands), INPUT, INPUT)
    # Places are computed in another order: float32's rounding of a coordinate, times the steepest slope there is.
    assert torch.allclose(got, expected, atol=2e-4)


def test_less_than_the_field_is_worked_on():
    views = Views(*RECIPES["display"])
    # A placement takes from anywhere, a blur of at most 1.5 px from 5 px around, the rest from its own pixel.
    assert views.sides == [FIELD, INPUT + 10, INPUT, INPUT, INPUT, INPUT]


def test_a_contract_that_shrinks_needs_the_whole_field():
    contract = InputContract(
        BAND_SETS["display-rgb"], None, FIELD, FIELD // 2, "unit", shrink=True, min_coverage_px=20
    )
    changes = [PLACED, PictureBlur()]
    assert set(Views(contract, changes).sides) == {FIELD}
    images = fields(contract)
    expected = uncropped(contract, changes, images, generator(3))
    assert torch.allclose(Views(contract, changes)(images, generator(3)), expected, atol=2e-4)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.float32])
def test_the_loaders_fields_stay_as_they_are(dtype):
    contract, changes = RECIPES["display, without placement"]
    images = fields(contract).to(dtype)
    kept = images.clone()
    Views(contract, [*changes, PictureNoise()])(images, generator())
    assert torch.equal(images, kept)


def test_views_are_float32_with_their_channels_last():
    view = Views(*RECIPES["display"])(fields(PICTURE).to(torch.uint8), generator())
    assert view.dtype == torch.float32
    assert view.is_contiguous(memory_format=torch.channels_last)


def test_a_large_batch_is_drawn_image_by_image_too():
    view = Views(*RECIPES["display"])(fields(PICTURE, 1).expand(150, -1, -1, -1), generator())
    assert len({round(float(image.sum()), 2) for image in view}) > 145


def test_without_changes_a_view_is_the_plain_one():
    images = fields(PICTURE)
    assert torch.equal(Views(PICTURE, [])(images, generator()), Views(PICTURE, []).plain(images))
