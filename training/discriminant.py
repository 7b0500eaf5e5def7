"""Axes along which galaxies differ more than the views of one galaxy do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from training.pca import PrincipalAxes, principal_axes

__all__ = ["discriminant_axes"]

Floats = NDArray[np.float32]


def discriminant_axes(
    numbers: Floats,
    views: tuple[Floats, Floats],
    *,
    n_axes: int,
    power: float,
    n_principal: int = 200,
    ridge: float = 0.1,
) -> PrincipalAxes:
    """Solve for directions with the largest ratio of the scatter among galaxies to that among views.

    No labels are needed: a galaxy is a class of its own, and its members are its views, turned, blurred, noisy, shifted.

    Parameters
    ----------
    numbers
        Of the unchanged galaxies, shape (N, P).
    views
        Two random views of each, in the same order.
    n_axes
        K wanted; fewer come back where the numbers span less.
    power
        Of the ratio by which each axis is stretched, beyond unit scatter among views.
    n_principal
        Principal axes within which the directions are sought.
    ridge
        Added to the scatter among views, in units of its mean over the axes: what was seen in two views of a few thousand
        galaxies is not known better than this.

    Returns
    -------
    PrincipalAxes
        The mean of ``numbers``, columns (P, K), largest ratio first, and each ratio's share of their sum.

    Raises
    ------
    ValueError
        If the two views do not differ at all.

    References
    ----------
    Fisher 1936, Annals of Eugenics 7, 179; Rao 1948, J. R. Stat. Soc. B 10, 159 (several classes).
    """
    principal = principal_axes(numbers, n_axes=n_principal, rng=np.random.default_rng(0))
    own = (numbers - principal.mean) @ principal.axes
    # Half the scatter of the difference is that of one view, whatever the galaxy.
    apart = (views[0].astype(np.float64) - views[1]) @ principal.axes
    within = apart.T @ apart / (2 * len(apart))
    if not np.trace(within) > 0:
        raise ValueError("both views of every galaxy are the same: without augmentations no axis is steadier")
    within += ridge * np.trace(within) / len(within) * np.eye(len(within))
    ratios, directions = linalg.eigh(np.cov(own.T), within)
    order = np.argsort(-ratios)[:n_axes]
    ratios = ratios[order]
    axes = principal.axes @ directions[:, order] * ratios**power
    return PrincipalAxes(principal.mean, axes, ratios / ratios.sum())
