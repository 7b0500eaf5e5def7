"""Which galaxies a simulated survey holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from survey.extinction import extinction_mag
from survey.names import iau_name
from survey.simulate.parents import UGRIZ, Parents
from survey.simulate.templates import Templates
from survey.simulate.truth import COSMOLOGY, Truth, fit_truth, move

__all__ = ["Galaxy", "behind_other_dust", "draw_population", "with_shuffled_shapes"]

# How far a drawn copy moves from its parent: in redshift, times (1 + z); in luminosity, mag; on the sky.
_Z_SHIFT, _MAG_SHIFT, _SKY_SHIFT_DEG = 0.01, 0.1, 0.5
_Z_MIN, _Z_MAX = 0.01, 0.7
# Galaxies that may exchange shapes: so many alike in r, of these so many alike in g - r.
_ALIKE_IN_R, _ALIKE = 1000, 50


@dataclass(frozen=True, slots=True, eq=False)
class Galaxy:
    """One galaxy to be rendered.

    Attributes
    ----------
    index
        Its number in the survey; its random numbers follow from this and the seed alone.
    flux
        True total flux as observed, that is reddened, in nanomaggies, shape (5,).
    arcsec_per_kpc
        At its redshift, proper size.
    """

    index: int
    object_id: str
    parent_id: str
    ra_deg: float
    dec_deg: float
    ebv: float
    z: float
    flux: NDArray[np.float64]
    abs_mag_r: float
    rest_u_r: float
    arcsec_per_kpc: float


def draw_population(parents: Parents, n: int, *, seed: int, templates: Templates) -> list[Galaxy]:
    """Choose ``n`` galaxies.

    Up to the number of parents each is one real galaxy, taken once, in random order. Beyond, parents are
    drawn with replacement and every copy moves: z by N(0, 0.01 (1 + z)), luminosity by N(0, 0.1 mag), and
    within half a degree on the sky, so that no two share a position.

    Raises
    ------
    ValueError
        If ``n`` is not positive.
    """
    if n < 1:
        raise ValueError(f"a survey needs at least one galaxy, not {n}")
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
    truth = fit_truth(parents, templates)
    if n <= len(parents):
        rows = rng.permutation(len(parents))[:n]
        ra, dec = parents.ra_deg[rows], parents.dec_deg[rows]
        drawn = move(truth, rows, z=truth.z[rows], dmag=np.zeros(n), templates=templates)
    else:
        rows = rng.integers(len(parents), size=n)
        z = np.clip(truth.z[rows] + _Z_SHIFT * (1 + truth.z[rows]) * rng.standard_normal(n), _Z_MIN, _Z_MAX)
        drawn = move(truth, rows, z=z, dmag=_MAG_SHIFT * rng.standard_normal(n), templates=templates)
        ra, dec = _scatter(parents.ra_deg[rows], parents.dec_deg[rows], rng)
    return _galaxies(parents, rows, ra, dec, drawn)


def behind_other_dust(galaxies: Sequence[Galaxy], *, seed: int, realisation: int) -> list[Galaxy]:
    """Return the same galaxies, each behind the dust of another one drawn from them without replacement.

    Their light before the dust is unchanged; positions are not moved.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2, realisation)))
    dust = np.array([galaxy.ebv for galaxy in galaxies])
    other = dust[rng.permutation(len(dust))]
    dimmed = 10 ** (-0.4 * (extinction_mag(other, UGRIZ) - extinction_mag(dust, UGRIZ)))
    return [
        replace(galaxy, ebv=float(other[i]), flux=galaxy.flux * dimmed[i])
        for i, galaxy in enumerate(galaxies)
    ]


def with_shuffled_shapes(galaxies: Sequence[Galaxy], *, seed: int) -> list[Galaxy]:
    """Return the same galaxies, each with the shape of another one of like r and g - r, whatever its redshift.

    What is seen of flux, dust, redshift and position stays; luminosity, rest-frame colour and scale, from which
    :func:`survey.simulate.morphology.draw_shape` draws kind and size, come from the other. Groups are of 50 galaxies
    next to each other in g - r among 1,000 next to each other in r, de-reddened. A network that learnt the redshift
    from sizes, which are drawn from true luminosities, does worse on them; one that measures colours does not.
    """
    flux = np.array([galaxy.flux for galaxy in galaxies])
    dust = extinction_mag(np.array([galaxy.ebv for galaxy in galaxies]), UGRIZ)
    mags = -2.5 * np.log10(flux) - dust
    g, r = UGRIZ.index("g"), UGRIZ.index("r")
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(3,)))
    donors = np.arange(len(galaxies))
    for strip in _pieces(np.argsort(mags[:, r], kind="stable"), _ALIKE_IN_R):
        by_colour = strip[np.argsort(mags[strip, g] - mags[strip, r], kind="stable")]
        for alike in _pieces(by_colour, _ALIKE):
            donors[alike] = rng.permutation(alike)
    return [
        replace(
            galaxy,
            abs_mag_r=galaxies[donor].abs_mag_r,
            rest_u_r=galaxies[donor].rest_u_r,
            arcsec_per_kpc=galaxies[donor].arcsec_per_kpc,
        )
        for galaxy, donor in zip(galaxies, donors.tolist(), strict=True)
    ]


def _pieces(rows: NDArray[np.intp], size: int) -> list[NDArray[np.intp]]:
    """Cut rows into pieces of about ``size``, none smaller unless there are fewer."""
    return np.array_split(rows, max(len(rows) // size, 1))


def _scatter(
    ra: NDArray[np.float64], dec: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Move positions evenly within a disc; the table ends at |Dec| = 71 degrees, far from the poles."""
    radius = _SKY_SHIFT_DEG * np.sqrt(rng.random(len(ra)))
    angle = 2 * np.pi * rng.random(len(ra))
    return (ra + radius * np.cos(angle) / np.cos(np.radians(dec))) % 360, dec + radius * np.sin(angle)


def _galaxies(
    parents: Parents, rows: NDArray[np.intp], ra: NDArray[np.float64], dec: NDArray[np.float64], truth: Truth
) -> list[Galaxy]:
    ebv = parents.ebv[rows]
    observed = truth.flux * 10 ** (-0.4 * extinction_mag(ebv, UGRIZ))
    scale = COSMOLOGY.arcsec_per_kpc_proper(truth.z).value
    return [
        Galaxy(
            index=i,
            object_id=iau_name(float(ra[i]), float(dec[i]), ""),
            parent_id=parents.names[row],
            ra_deg=float(ra[i]),
            dec_deg=float(dec[i]),
            ebv=float(ebv[i]),
            z=float(truth.z[i]),
            flux=observed[i],
            abs_mag_r=float(truth.abs_mag_r[i]),
            rest_u_r=float(truth.rest_u_r[i]),
            arcsec_per_kpc=float(scale[i]),
        )
        for i, row in enumerate(rows)
    ]
