"""Redshifts drawn from distributions that are known, for what is calibrated on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from index.pdf import RedshiftGrid

GRID = RedshiftGrid(0.4, 180)
NAMES = ("g", "r")


@dataclass(frozen=True)
class Drawn:
    """Logits of Gaussians with the truths drawn from them, photometry and features beside."""

    logits: np.ndarray
    photometry: np.ndarray
    features: np.ndarray
    z: np.ndarray

    def part(self, rows) -> Drawn:
        return Drawn(self.logits[rows], self.photometry[rows], self.features[rows], self.z[rows])


def drawn(n: int, *, seed: int = 0, claimed: float = 1.0, faint: float = 0.0, shift: float = 0.0) -> Drawn:
    """Draw ``n`` galaxies whose error grows with the magnitude.

    Parameters
    ----------
    claimed
        The width that the logits claim, in units of the true one.
    faint
        How much wider the truth scatters for the faintest than the logits know.
    shift
        Of the features, in units of their spread.
    """
    rng = np.random.default_rng(seed)
    mag, colour = rng.uniform(14, 18, n), rng.normal(0.8, 0.2, n)
    mean, sigma = rng.uniform(0.1, 0.3, n), 0.01 + 0.004 * (mag - 14)
    z = rng.normal(mean, sigma * (1 + faint * (mag - 14) / 4))
    width = claimed * sigma
    logits = -0.5 * ((GRID.centres[None] - mean[:, None]) / width[:, None]) ** 2
    features = rng.normal(size=(n, 6)) + shift
    return Drawn(logits, np.stack([mag + colour, mag], axis=1), features, np.clip(z, 0, 0.399))
