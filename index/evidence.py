"""What the spectra of a galaxy's nearest neighbours say of its redshift."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.estimates import Estimates, Evidence
from index.kernel import neighbour_weights
from index.pdf import FloatArray, RedshiftGrid
from index.photoz_columns import Flag

__all__ = ["Answer", "disagrees", "weighted_quantile", "with_evidence"]

#: p(z), columns and quantiles, as :meth:`index.photoz_calibration.PhotozCalibration.apply` gives them.
Answer = tuple[FloatArray, dict[str, NDArray[Any]], FloatArray]

# Half the usual limit of an outlier in (z - z') / (1 + z'); nearer is no contradiction.
_NEAR = 0.03
# Neighbours that scatter as widely as they differ from the estimate contradict nobody: their central 68 % must agree.
_LEVELS = (0.16, 0.5, 0.84)


def weighted_quantile(values: FloatArray, weights: FloatArray, level: float) -> FloatArray:
    """Return each row's smallest value that a share ``level`` of the weight, at least, does not exceed.

    Parameters
    ----------
    values, weights
        Shape (Q, k); a value without weight does not count.

    Returns
    -------
    ndarray
        Shape (Q,); NaN where no value has weight.
    """
    nothing = np.full(len(values), np.nan)
    if not values.shape[1]:
        return nothing
    order = np.argsort(np.where(weights > 0, values, np.inf), axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=1)
    reached = np.take_along_axis(weights, order, axis=1).cumsum(axis=1)
    total = reached[:, -1]
    # A whisker of rounding must not step over the level.
    at = (reached >= level * total[:, None] * (1 - 1e-12)).argmax(axis=1)
    found = np.take_along_axis(ordered, at[:, None], axis=1)[:, 0]
    return np.where(total > 0, found, nothing)


def disagrees(
    neighbours: tuple[FloatArray, FloatArray, FloatArray],
    z_best: FloatArray,
    low: FloatArray,
    high: FloatArray,
) -> NDArray[np.bool_]:
    """Whether neighbours contradict an estimate and not each other.

    Parameters
    ----------
    neighbours
        Redshifts below which 16, 50 and 84 % of their weight lie: all three must lie beyond one end of the interval, the
        middle one farther than 0.03 (1 + z_best) from z_best.
    low, high
        The 95 % interval.
    """
    below, middle, above = neighbours
    outside = (above < low) | (below > high)
    return np.asarray(outside & (np.abs(middle - z_best) > _NEAR * (1 + z_best)))


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
    distance_scale
        See :func:`index.kernel.neighbour_weights`.
    """
    probability, columns, quantiles = answer
    weights = neighbour_weights(evidence.similarity, evidence.lengths, distance_scale)
    z = np.nan_to_num(z_spec[evidence.rows])  # Columns beyond ``lengths`` weigh nothing.
    below, middle, above = (weighted_quantile(z, weights, level) for level in _LEVELS)
    contradicts = disagrees((below, middle, above), columns["z_best"], columns["z_l95"], columns["z_u95"])
    flags = columns["z_flags"] | np.where(contradicts, int(Flag.DISAGREEMENT), 0)
    return Estimates(
        grid=grid,
        probability=probability,
        columns={**columns, "z_neighbours": middle, "z_flags": flags.astype(np.int32)},
        quantiles=quantiles,
        evidence=evidence,
        model_id=model_id,
        train_set=train_set,
    )
