"""The measured numbers of analytic galaxies."""

import math

import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra [train]")

from training.auxiliary import AuxiliaryHead, measure_views  # noqa: E402

SIDE = 64


def galaxy(*, sigma=5.0, ratio=1.0, angle=0.0, lopsided=0.0):
    axis = torch.arange(SIDE) - (SIDE - 1) / 2
    x, y = axis[None], axis[:, None]
    along = x * math.cos(angle) + y * math.sin(angle)
    across = -x * math.sin(angle) + y * math.cos(angle)
    image = torch.exp(-0.5 * ((along / sigma) ** 2 + (across / (ratio * sigma)) ** 2))
    image = image * (1 + lopsided * torch.sign(along))
    return image[None, None]


def measured(**kwargs):
    return measure_views(galaxy(**kwargs))[0].tolist()


def test_the_size_of_a_gaussian_is_its_own():
    # The r.m.s. radius of a round Gaussian is sqrt(2) sigma; the unit is half the side.
    assert measured(sigma=5.0)[0] == pytest.approx(math.log(math.sqrt(2) * 5 / 32), abs=0.01)


def test_half_the_light_of_a_gaussian_lies_within_its_published_radius():
    size, concentration, *_ = measured(sigma=6.0)
    half = math.exp(concentration) * math.exp(size) - 0.01
    # sqrt(2 ln 2) sigma, found on rings of half a pixel.
    assert half * 32 == pytest.approx(math.sqrt(2 * math.log(2)) * 6, abs=1.0)


def test_the_ellipticity_is_that_of_the_moments_at_any_angle():
    expected = (1 - 0.5**2) / (1 + 0.5**2)
    for angle in (0.0, 0.4, 2.0):
        assert measured(sigma=6.0, ratio=0.5, angle=angle)[2] == pytest.approx(expected, abs=0.01)


def test_a_symmetric_galaxy_has_no_asymmetry_and_a_lopsided_one_has_its_own():
    assert measured()[3] == pytest.approx(0, abs=1e-5)
    # Brightness 1 + a on one side and 1 - a on the other: sum |2 a I| / (2 sum I) = a.
    assert measured(lopsided=0.3)[3] == pytest.approx(0.3, abs=0.01)


def test_an_empty_view_is_measured_without_nonsense():
    assert torch.isfinite(measure_views(torch.zeros(2, 3, SIDE, SIDE))).all()


def test_a_linear_trunk_learns_the_numbers():
    torch.manual_seed(0)
    head = AuxiliaryHead(4)
    numbers = torch.randn(256, 4)
    optimiser = torch.optim.Adam(head.parameters(), lr=0.05)
    for _ in range(200):
        loss = head(numbers, numbers * 3 + 1)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.01
