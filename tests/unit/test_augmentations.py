"""Every augmentation: none at probability 0, all at 1, its share between; and what each does."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

torch = pytest.importorskip("torch", reason="torch is in the extra [train]")

from survey.bands import BAND_SETS  # noqa: E402
from survey.extinction import redden  # noqa: E402
from training.augment.blurring import blur, reach_of  # noqa: E402
from training.augment.display import Brighten, Grey, PictureBlur, PictureNoise, Tint  # noqa: E402
from training.augment.flux import MaskBorder, Redden, WorsenNoise, WorsenPSF  # noqa: E402
from training.augment.geometry import Flip, Geometry, Rotate, Scale, Shift  # noqa: E402
from training.augment.missing import DropBand, UsualBands  # noqa: E402
from training.augment.recipe import NAMES  # noqa: E402

SIDE = 24
USUAL = UsualBands(
    mean=np.full(5, 13.0),
    covariance=np.eye(5) + 0.9 * (1 - np.eye(5)),
    low=np.full(5, 9.0),
    high=np.full(5, 17.0),
    softening=np.ones(5),
    noise=np.full(5, 0.1),
    pivots_nm=np.array([356.0, 472.0, 619.0, 750.0, 896.0]),
    aperture_px=5.0,
)
COEFFICIENTS = (4.239, 3.303, 2.285, 1.698, 1.263)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def fields(n=8, bands=5, seed=1):
    return torch.rand(n, bands, SIDE, SIDE, generator=generator(seed)) * 100 + 20


def blob(*, x=0.0, y=0.0, sigma=3.0, n=1, bands=1):
    axis = torch.arange(SIDE) - (SIDE - 1) / 2
    image = torch.exp(-0.5 * (((axis[None] - x) ** 2 + (axis[:, None] - y) ** 2) / sigma**2))
    return image.expand(n, bands, SIDE, SIDE).clone()


def middle_of(image):
    axis = torch.arange(SIDE) - (SIDE - 1) / 2
    return float((image * axis[None]).sum() / image.sum()), float((image * axis[:, None]).sum() / image.sum())


CHANGES = {
    "rotate": lambda p: Geometry([Rotate(p)]),
    "flip": lambda p: Geometry([Flip(p)]),
    "shift": lambda p: Geometry([Shift(3, p)]),
    "scale": lambda p: Geometry([Scale(0.7, 1.4, p)]),
    "redden": lambda p: Redden(COEFFICIENTS, 0.2, p),
    "worsen-psf": lambda p: WorsenPSF((1.4,) * 5, 1.5, p),
    "worsen-noise": lambda p: WorsenNoise((1.0,) * 5, 2.0, p),
    "mask-border": lambda p: MaskBorder(10, SIDE - 1, p),
    "drop-band": lambda p: DropBand(USUAL, probability=p),
    "brighten": lambda p: Brighten(0.2, p),
    "tint": lambda p: Tint(0.05, p),
    "grey": Grey,
    "picture-blur": lambda p: PictureBlur(0.4, 1.5, p),
    "picture-noise": lambda p: PictureNoise(6.0, p),
}


def test_every_augmentation_that_a_configuration_can_name_is_tested_here():
    assert set(CHANGES) == set(NAMES)


def changed(name, probability, n):
    before = fields(n)
    after = CHANGES[name](probability)(before.clone(), generator())
    assert after.shape == before.shape
    assert after.dtype == before.dtype
    # Interpolation at unmoved places is exact to float32's rounding of coordinates, some 1e-3 of these counts.
    return (after - before).abs().amax(dim=(1, 2, 3)) > 2e-2


@pytest.mark.parametrize("name", CHANGES)
def test_at_probability_0_nothing_changes(name):
    assert not changed(name, 0.0, 32).any()


@pytest.mark.parametrize("name", CHANGES)
def test_at_probability_1_everything_changes(name):
    # A draw may come so near to no change that float32 does not see it: one of 64 is let pass.
    assert changed(name, 1.0, 64).sum() >= 63


@pytest.mark.parametrize("name", CHANGES)
def test_between_them_the_share_is_the_probability(name):
    n, probability = 400, 0.3
    # Four standard deviations of a binomial; an inverted probability would give 280 of 400.
    assert (
        abs(int(changed(name, probability, n).sum()) - n * probability)
        < 4 * (n * probability * 0.7) ** 0.5 + 4
    )


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_follows_its_generator(name):
    first, second = (CHANGES[name](0.5)(fields(), generator(7)) for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("name", CHANGES)
def test_where_the_gpu_computes_all_images_the_same_are_chosen(name, monkeypatch):
    # On a GPU unchosen images are computed and dropped: made to happen here by a device that is none.
    draw = {
        seed: CHANGES[name](0.5)(fields(40, seed=3), generator(seed))
        .sub(fields(40, seed=3))
        .abs()
        .amax((1, 2, 3))
        for seed in (1, 2)
    }
    monkeypatch.setattr("training.augment.draws._SEQUENTIAL", ())
    for seed, before in draw.items():
        after = (
            CHANGES[name](0.5)(fields(40, seed=3), generator(seed))
            .sub(fields(40, seed=3))
            .abs()
            .amax((1, 2, 3))
        )
        assert torch.equal(before > 2e-2, after > 2e-2)


def test_images_of_a_batch_are_changed_differently():
    same = fields(1).expand(6, -1, -1, -1)
    turned = Geometry([Rotate()])(same, generator())
    assert (
        len(
            {
                round(float(image.sum()), 3)
                for image in turned * torch.rand(SIDE, SIDE, generator=generator(2))
            }
        )
        == 6
    )


def test_a_shift_moves_by_at_most_its_pixels_on_both_axes():
    moved = Geometry([Shift(3)])(blob(n=200, sigma=2.0), generator())
    places = torch.tensor([middle_of(image[0]) for image in moved])
    assert places.abs().max() <= 3.02
    assert places.abs().max(dim=0).values.min() > 2.8


def test_a_scale_stretches_both_axes_alike():
    grown = Geometry([Scale(1.5, 1.5)])(blob(sigma=2.0), generator())[0, 0]
    axis = torch.arange(SIDE) - (SIDE - 1) / 2
    total = grown.sum()
    widths = [
        float(((grown * axis[None] ** 2).sum() / total) ** 0.5),
        float(((grown * axis[:, None] ** 2).sum() / total) ** 0.5),
    ]
    # Bilinear sampling adds a sixth of an old pixel squared on average, 1.5 squared as much in new ones.
    expected = (3.0**2 + 1.5**2 / 6) ** 0.5
    assert widths == pytest.approx([expected, expected], abs=0.01)
    # Surface brightness stays: 1.5 squared times the light.
    assert float(total / blob(sigma=2.0).sum()) == pytest.approx(2.25, rel=0.01)


def test_rotations_keep_the_distance_from_the_middle():
    turned = Geometry([Rotate()])(blob(x=5.0, sigma=1.5, n=100), generator())
    places = torch.tensor([middle_of(image[0]) for image in turned])
    assert torch.allclose(places.norm(dim=1), torch.tensor(5.0), atol=0.05)
    # All four quadrants are reached.
    assert len({(x > 0, y > 0) for x, y in places.tolist()}) == 4


def test_placements_multiply_to_one_interpolation():
    once = Geometry([Shift(2.0), Scale(1.2, 1.2)])(blob(sigma=3.0), generator())
    assert float(once.max()) == pytest.approx(1.0, abs=0.03)


def test_reddening_is_that_of_the_survey_package():
    flux = fields(3)
    got = Redden(COEFFICIENTS, 0.2)(flux, generator(4))
    ebv = (np.log10((flux / got).numpy()[:, 0, 0, 0]) / (0.4 * COEFFICIENTS[0])).tolist()
    assert all(0 <= value <= 0.2 for value in ebv)
    expected = np.stack(
        [
            redden(image, value, BAND_SETS["sdss-ugriz"])
            for image, value in zip(flux.numpy(), ebv, strict=True)
        ]
    )
    assert np.allclose(got.numpy(), expected, rtol=1e-5)


def test_a_blurred_gaussian_is_the_wider_gaussian():
    wide = blur(blob(sigma=2.0), torch.tensor([[1.5]]), most=1.5)[0, 0]
    expected = blob(sigma=2.5)[0, 0] * (2.0**2 / 2.5**2)
    # Cut at 3.5 sigma and sampled on pixels.
    assert (wide - expected).abs().max() < 2e-3


@pytest.mark.parametrize("sigma", [0.0, 0.4, 1.5])
def test_a_blur_is_scipys(sigma):
    images = fields(2, bands=3)
    got = blur(images, torch.full((2, 1), sigma), most=1.5)
    expected = images.numpy()
    for axis in (2, 3) if sigma else ():
        expected = gaussian_filter1d(expected, sigma, axis=axis, radius=reach_of(1.5), mode="nearest")
    # Eleven products of float32 an axis.
    assert np.allclose(got.numpy(), expected, rtol=1e-5)


def test_each_plane_is_blurred_by_its_own_sigma():
    images = fields(2, bands=2)
    sigma = torch.tensor([[0.5, 1.0], [0.0, 1.5]])
    together = blur(images, sigma, most=1.5)
    for n in range(2):
        for band in range(2):
            alone = blur(images[n : n + 1, band : band + 1], sigma[n : n + 1, band : band + 1], most=1.5)
            assert torch.allclose(together[n, band], alone[0, 0], rtol=1e-5)


def test_a_worse_psf_keeps_the_light():
    image = blob(sigma=2.0, bands=5)
    smeared = WorsenPSF((1.4,) * 5, 1.5, 1.0)(image.clone(), generator())
    assert float(smeared.sum() / image.sum()) == pytest.approx(1, abs=0.01)
    assert float(smeared.max()) < float(image.max())


def test_added_noise_has_the_quadrature_difference():
    noisy = WorsenNoise((2.0,), 3.0, 1.0)(torch.zeros(400, 1, SIDE, SIDE), generator())
    per_image = noisy.std(dim=(1, 2, 3))
    assert float(per_image.max()) == pytest.approx(2 * 8**0.5, rel=0.1)
    assert float(per_image.min()) < 1.0
    # The mean of sqrt(f^2 - 1) for f even in 1..3 is (f sqrt(f^2-1) - arcosh f) / 2 / 2 at 3.
    assert float(per_image.mean()) == pytest.approx(2 * (3 * 8**0.5 - np.arccosh(3)) / 4, rel=0.05)


def test_a_masked_border_keeps_the_middle_and_empties_the_rest():
    masked = MaskBorder(10, SIDE - 1, 1.0)(torch.ones(50, 2, SIDE, SIDE), generator())
    assert bool((masked[:, :, 7:-7, 7:-7] == 1).all())
    assert set(masked.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(masked[:, 0], masked[:, 1])


def test_grey_has_equal_channels_and_the_same_mean():
    pictures = fields(4, bands=3)
    grey = Grey(1.0)(pictures, generator())
    assert torch.allclose(grey[:, 0], grey[:, 2])
    assert torch.allclose(grey.mean(dim=1), pictures.mean(dim=1), atol=1e-4)


@pytest.mark.parametrize("change", [Brighten(0.5, 1.0), Tint(0.5, 1.0), PictureNoise(60.0, 1.0)])
def test_counts_stay_counts(change):
    pictures = torch.full((30, 3, SIDE, SIDE), 240.0)
    changed = change(pictures, generator())
    assert changed.max() <= 255
    assert changed.min() >= 0


def test_tint_keeps_hue_within_its_share():
    tinted = Tint(0.05, 1.0)(torch.full((200, 3, 2, 2), 100.0), generator())
    assert float((tinted / 100 - 1).abs().max()) <= 0.05
