"""What the spectra of a galaxy's nearest neighbours say of its redshift."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.estimates import Estimates, Evidence
from index.kernel import neighbour_weights
from index.pdf import FloatArray, RedshiftGrid
from index.photoz_columns import Flag

__all__ = ["Answer", "disagrees", "neighbour_redshift", "weighted_median", "with_evidence"]

#: p(z), columns and quantiles, as :meth:`index.photoz_calibration.PhotozCalibration.apply` gives them.
Answer = tuple[FloatArray, dict[str, NDArray[Any]], FloatArray]

# Half the usual limit of an outlier in (z - z') / (1 + z'); nearer is no contradiction.
_NEAR = 0.03


def weighted_median(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Return each row's smallest value that at least half the weight does not exceed.

    Parameters
    ----------
    values, weights
        Shape (Q, k); a value without weight does not count.

    Returns
    -------
    ndarray
        Shape (Q,); NaN where no value has weight.
    """
    median = np.full(len(values), np.nan)
    if not values.shape[1]:
        return median
    order = np.argsort(np.where(weights > 0, values, np.inf), axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=1)
    reached = np.take_along_axis(weights, order, axis=1).cumsum(axis=1)
    total = reached[:, -1]
    # A whisker of rounding must not step over the half.
    at = (reached >= 0.5 * total[:, None] * (1 - 1e-12)).argmax(axis=1)
    found = np.take_along_axis(ordered, at[:, None], axis=1)[:, 0]
    return np.where(total > 0, found, median)


def neighbour_redshift(
    evidence: Evidence, z_spec: NDArray[np.float64], distance_scale: float = 1.0
) -> FloatArray:
    """Return the weighted median redshift of each galaxy's spectroscopic neighbours; NaN without any.

    Parameters
    ----------
    z_spec
        By row of the release.
    distance_scale
        See :func:`index.kernel.neighbour_weights`.
    """
    weights = neighbour_weights(evidence.similarity, evidence.lengths, distance_scale)
    return weighted_median(np.nan_to_num(z_spec[evidence.rows]), weights)


def disagrees(
    neighbours: FloatArray, z_best: FloatArray, low: FloatArray, high: FloatArray
) -> NDArray[np.bool_]:
    """Whether the neighbours' redshift lies outside the 95 % interval, and farther than 0.03 (1 + z_best) from z_best."""
    outside = (neighbours < low) | (neighbours > high)
    return np.asarray(outside & (np.abs(neighbours - z_best) > _NEAR * (1 + z_best)))


def with_evidence(
    grid: RedshiftGrid,
    answer: Answer,
    evidence: Evidence,
    z_spec: NDArray[np.float64],
    *,
    distance_scale: float = 1.0,
    model_id: str,
    train_set: str,
) -> Estimates:
    """Set the neighbours' redshift beside estimates, with the flag ``disagreement`` where the two contradict.

    Parameters
    ----------
    z_spec
        By row of the release.
    """
    probability, columns, quantiles = answer
    neighbours = neighbour_redshift(evidence, z_spec, distance_scale)
    contradicts = disagrees(neighbours, columns["z_best"], columns["z_l95"], columns["z_u95"])
    flags = columns["z_flags"] | np.where(contradicts, int(Flag.DISAGREEMENT), 0)
    return Estimates(
        grid=grid,
        probability=probability,
        columns={**columns, "z_neighbours": neighbours, "z_flags": flags.astype(np.int32)},
        quantiles=quantiles,
        evidence=evidence,
        model_id=model_id,
        train_set=train_set,
    )
