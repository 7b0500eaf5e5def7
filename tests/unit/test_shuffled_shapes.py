"""The permutation control moves what shapes follow from among galaxies of like r and colour, nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from survey.extinction import extinction_mag
from survey.simulate.parents import UGRIZ
from survey.simulate.population import Galaxy, with_shuffled_shapes

SHAPE = ("abs_mag_r", "rest_u_r", "arcsec_per_kpc")


@pytest.fixture(scope="module")
def galaxies():
    rng = np.random.default_rng(4)
    made = []
    for n in range(4000):
        ebv, r, g_r = rng.uniform(0, 0.2), rng.uniform(15, 17.7), rng.normal(0.8, 0.2)
        mags = np.array([r + g_r + 1.5, r + g_r, r, r - 0.4, r - 0.7]) + extinction_mag(ebv, UGRIZ)
        made.append(
            Galaxy(
                index=n,
                object_id=f"g{n}",
                parent_id=f"p{n}",
                ra_deg=1.0,
                dec_deg=2.0,
                ebv=ebv,
                z=rng.uniform(0.02, 0.2),
                flux=10 ** (-0.4 * (mags - 22.5)),
                abs_mag_r=rng.normal(-21, 1),
                rest_u_r=float(n),
                arcsec_per_kpc=0.5,
            )
        )
    return made


def colours(galaxies):
    mags = np.array([22.5 - 2.5 * np.log10(g.flux) - extinction_mag(g.ebv, UGRIZ) for g in galaxies])
    return mags[:, 2], mags[:, 1] - mags[:, 2]


def test_shapes_change_hands_whole_and_all_else_stays(galaxies):
    shuffled = with_shuffled_shapes(galaxies, seed=1)
    own = [
        replace(s, **{name: getattr(g, name) for name in SHAPE})
        for s, g in zip(shuffled, galaxies, strict=True)
    ]
    assert all(
        getattr(a, name) is getattr(b, name)
        for a, b in zip(own, galaxies, strict=True)
        for name in Galaxy.__slots__
    )
    triples = [
        sorted(tuple(getattr(g, name) for name in SHAPE) for g in some) for some in (galaxies, shuffled)
    ]
    assert triples[0] == triples[1]


def test_donors_are_alike_in_r_and_colour_but_others(galaxies):
    donors = np.array([int(g.rest_u_r) for g in with_shuffled_shapes(galaxies, seed=1)])
    r, g_r = colours(galaxies)
    # A quarter of the range in r, and a twentieth of the galaxies of such a strip in colour (its wings are wide).
    assert np.abs(r - r[donors]).max() < 0.8
    assert np.median(np.abs(g_r - g_r[donors])) < 0.02
    assert (donors == np.arange(len(donors))).mean() == pytest.approx(1 / 50, abs=0.01)


def test_a_shuffle_depends_on_its_seed_alone(galaxies):
    drawn = [[g.rest_u_r for g in with_shuffled_shapes(galaxies, seed=seed)] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
