"""How the pattern turns from ring to ring."""

from __future__ import annotations

import numpy as np
import pytest

from training.description import DESCRIBED, DescriptionHead, describe_inputs
from training.phases import RingPhases
from training.polar import PolarModuli

SIDE = 41


def pattern(*, order: int, winding: float, angle: float = 0.0, mirrored: bool = False) -> np.ndarray:
    """Draw cos(m (theta - angle - winding ln r)) on a pedestal, in one band."""
    axis = np.arange(SIDE) - (SIDE - 1) / 2
    x, y = np.meshgrid(axis, axis)
    theta, r = np.arctan2(-y if mirrored else y, x), np.hypot(x, y) + 1e-9
    return (2 + np.cos(order * (theta - angle - winding * np.log(r))))[None, None].astype(np.float32)


def phases(order: int, step: int = 4) -> RingPhases:
    moduli = PolarModuli(n_bands=1, input_px=SIDE, radius_px=18.0, n_rings=16)
    return RingPhases(moduli, steps=(step,), orders=(order, order))


def outer_pairs(image: np.ndarray, order: int, step: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Return cosine and absolute sine of the turn between the rings of the outer pairs."""
    found = phases(order, step).describe(image)[0]
    real, imaginary = np.split(found, 2)
    size = np.hypot(real, imaginary)
    # Only rings beyond 6 px, where linear interpolation follows the pattern.
    return (real / size)[-4:], (imaginary / size)[-4:]


@pytest.mark.parametrize("winding", [0.0, 0.4, 1.1])
def test_the_phase_between_rings_is_the_winding(winding):
    # F_m(r) goes as exp(-i m winding ln r); rings of one step differ in ln r by (ln 18) / 15.
    turn = 2 * winding * 4 * np.log(18) / 15
    cosine, sine = outer_pairs(pattern(order=2, winding=winding), 2)
    # Two per cent is what linear interpolation between pixels costs here.
    np.testing.assert_allclose(cosine, np.cos(turn), atol=0.02)
    np.testing.assert_allclose(sine, abs(np.sin(turn)), atol=0.02)


def test_a_quarter_turn_and_a_reflection_change_nothing():
    images = np.random.default_rng(0).normal(size=(3, 1, SIDE, SIDE)).astype(np.float32)
    wanted = phases(2).describe(images)
    for other in (np.rot90(images, axes=(2, 3)), images[..., ::-1], images.transpose(0, 1, 3, 2)):
        # Rounding only: a quarter turn takes samples to samples.
        np.testing.assert_allclose(phases(2).describe(np.ascontiguousarray(other)), wanted, atol=2e-4)


def test_the_sense_of_winding_is_forgotten_and_its_strength_is_not():
    one = outer_pairs(pattern(order=2, winding=0.4), 2)
    other = outer_pairs(pattern(order=2, winding=0.4, mirrored=True), 2)
    np.testing.assert_allclose(one, other, atol=0.01)
    bar = outer_pairs(pattern(order=2, winding=0.0), 2)
    assert np.abs(one[0] - bar[0]).min() > 0.1


def test_no_light_gives_no_phase():
    assert not phases(2).describe(np.zeros((1, 1, SIDE, SIDE), np.float32)).any()


def test_the_stated_size_is_the_size():
    moduli = PolarModuli(n_bands=1, input_px=SIDE, radius_px=18.0)
    phases = RingPhases(moduli)
    assert phases.describe(np.ones((2, 1, SIDE, SIDE), np.float32)).shape == (2, phases.size)


@pytest.mark.parametrize(
    ("steps", "orders"), [((0,), (1, 6)), ((24,), (1, 6)), ((), (1, 6)), ((1,), (0, 3)), ((1,), (3, 9))]
)
def test_pairs_that_do_not_exist_are_refused(steps, orders):
    with pytest.raises(ValueError, match=r"orders|steps"):
        RingPhases(PolarModuli(n_bands=1, input_px=SIDE, radius_px=18.0), steps=steps, orders=orders)


def test_descriptions_are_measured_from_the_first_source():
    from survey.bands import BandSet
    from survey.contract import InputContract

    contract = InputContract(
        bands=BandSet.from_ids(["display:R", "display:G", "display:B"]),
        pixel_scale_arcsec=None,
        field_px=40,
        input_px=32,
        stretch="unit",
        softening=(),
        min_coverage_px=20,
    )
    rng = np.random.default_rng(1)
    first, second = (rng.random((n, 3, 32, 32), dtype=np.float32) for n in (60, 7))
    alone, beside = describe_inputs(contract, [first])[0], describe_inputs(contract, [first, second])
    assert [part.shape for part in beside] == [(60, DESCRIBED), (7, DESCRIBED)]
    np.testing.assert_allclose(beside[0], alone, atol=1e-6)
    np.testing.assert_allclose(alone.mean(axis=0), 0, atol=1e-6)
    # The loss is a share of this variance.
    assert alone.var(axis=0).sum() == pytest.approx(1, abs=1e-4)


def test_the_head_counts_the_share_of_the_variance_that_it_misses():
    import torch

    described = torch.from_numpy(
        np.random.default_rng(2).normal(size=(5000, DESCRIBED)).astype(np.float32) / DESCRIBED**0.5
    )
    head = DescriptionHead(3)
    torch.nn.init.zeros_(head.linear.weight)
    torch.nn.init.zeros_(head.linear.bias)
    # Nothing explained: the variance itself, 1 within the scatter of half a million normal numbers.
    assert float(head(torch.ones(5000, 3), described).detach()) == pytest.approx(1, abs=0.01)
