"""What a catalogue's measurements say of many images at once is what they say of each."""

from __future__ import annotations

import numpy as np
import pytest

from index.domain import Domain
from survey.bands import BAND_SETS
from survey.measures import measure

SIDE, PIXEL = 64, 0.396
EVERYWHERE = np.ones((5, SIDE, SIDE), dtype=bool)
NOISE = np.array([0.05, 0.02, 0.03, 0.05, 0.17])


def galaxy(rng, *, magnitude=None, sigma=None):
    """A round Gaussian galaxy of 15.5 to 17.5 mag in r, bluer to redder, on the noise of an SDSS sky."""
    magnitude = rng.uniform(15.5, 17.5) if magnitude is None else magnitude
    sigma = rng.uniform(2, 6) if sigma is None else sigma
    colours = np.array([1.2, 0.5, 0, -0.25, -0.4]) * rng.uniform(1, 2) + rng.normal(0, 0.03, 5)
    flux = 10 ** (0.4 * (22.5 - magnitude - colours))
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    shape = np.exp(-(x**2 + y**2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)
    noise = NOISE[:, None, None] * rng.uniform(0.8, 1.2) * rng.standard_normal((5, SIDE, SIDE))
    return (flux[:, None, None] * shape + noise).astype(np.float32)


def measured(field, known=EVERYWHERE):
    return measure(field.astype(np.float32), known, BAND_SETS["sdss-ugriz"], PIXEL)


@pytest.fixture(scope="module")
def domain():
    rng = np.random.default_rng(1)
    return Domain.fitted([measured(galaxy(rng)) for _ in range(600)])


@pytest.fixture(scope="module")
def usual():
    rng = np.random.default_rng(2)
    return [galaxy(rng) for _ in range(200)]


def test_many_images_have_the_reservations_that_each_has_alone(domain, usual):
    rng = np.random.default_rng(3)
    fields = [*usual]
    fields += [galaxy(rng, sigma=s, magnitude=m) for s in (0.4, 1, 7, 12) for m in (13, 15, 17.5, 19)]
    fields += [
        change(field)
        for field in usual[:5]
        for change in (lambda f: 10 * f, lambda f: f[::-1], lambda f: f + 0.3)
    ]
    lost = EVERYWHERE.copy()
    lost[0] = False
    many = [*map(measured, fields), measured(np.where(lost, usual[0], 0), lost)]
    found = domain.names_of_each(many)
    assert found == [[one.name for one in domain.check(each)] for each in many]
    assert any(found)
    assert domain.names_of_each([]) == []


def test_most_images_need_no_check_of_their_own(domain, usual):
    judge = domain._judge(np.ones(5, dtype=bool))
    plain = judge.are_plainly_usual([measured(field) for field in usual], domain.softening)
    assert plain.mean() > 0.95
