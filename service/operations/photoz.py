"""Redshift estimates of one object and of an embedding."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from index.photoz_columns import COLUMNS, QUANTILE_LEVELS, flag_names
from service.operations.estimate_columns import Shown
from service.operations.refusals import NoRedshift
from service.served import Served

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from index.estimates import Estimates
    from index.release_photoz import PhotoZEstimator

__all__ = ["checked", "of_row", "of_vector"]

_WHOLE = Shown("grid")


def of_row(served: Served, row: int, shown: Shown = _WHOLE) -> dict[str, Any]:
    """Estimate a stored object's redshift without looking at its own.

    Raises
    ------
    NoRedshift
        If the release cannot estimate redshifts; the message is the reason.
    """
    return _block(served, checked(served).estimate_rows([row]), shown)


def of_vector(
    served: Served,
    vector: NDArray[np.float32],
    *,
    field: NDArray[np.float32] | None = None,
    flags: int = 0,
    without: NDArray[np.int64] | None = None,
    shown: Shown = _WHOLE,
) -> dict[str, Any]:
    """Estimate the redshift of an image that the release need not have.

    Parameters
    ----------
    vector
        Its embedding, shape (D,), unit norm.
    field
        Its calibrated field, shape (C, F, F): a model's redshift network looks at it.
    flags
        Bits of :class:`index.photoz_columns.Flag` that the image raises.
    without
        Rows that are no evidence.
    """
    inputs = None if field is None else served.model.contract.finish(field[None])
    found = checked(served).estimate_images(inputs, vector[None], without=without, flags=flags)
    return _block(served, found, shown)


def checked(served: Served) -> PhotoZEstimator:
    """Return a release's estimator.

    Raises
    ------
    NoRedshift
        If it has none; says why.
    """
    if served.release.photoz.unavailable is not None:
        raise NoRedshift(
            f"Release {served.release.id} cannot estimate redshifts: {served.release.photoz.unavailable}."
        )
    return served.release.photoz


def _block(served: Served, estimates: Estimates, shown: Shown) -> dict[str, Any]:
    """Return the only estimate as JSON values; the vectors that were not asked for are empty."""
    ids, z_spec = served.release.columns.ids, served.release.spectroscopic.z
    numbers = {
        column.name: _rounded(float(estimates.columns[column.name][0]))
        for column in COLUMNS
        if column.kind == "float"
    }
    whole = {
        column.name: int(estimates.columns[column.name][0]) for column in COLUMNS if column.kind == "int"
    }
    vectors: dict[str, list[float]] = {
        key: [] for key in ("z_grid", "pdf", "quantile_levels", "z_q", "z_samples")
    }
    match shown.representation:
        case "grid":
            vectors |= {
                "z_grid": estimates.grid.centres.round(6).tolist(),
                "pdf": estimates.density()[0].round(6).tolist(),
            }
        case "quantiles":
            vectors |= {
                "quantile_levels": list(QUANTILE_LEVELS),
                "z_q": estimates.quantiles[0].round(6).tolist(),
            }
        case "samples":
            drawn = estimates.samples(shown.n_samples, seed=shown.seed)[0]
            vectors["z_samples"] = drawn.round(6).tolist()
        case "summary":
            pass
    return {
        **numbers,
        **whole,
        "model_id": estimates.model_id,
        "train_set": estimates.train_set,
        "n_neighbours": int(estimates.evidence.lengths[0]),
        "flags": list(flag_names(whole["z_flags"])),
        **vectors,
        "evidence": [
            {"object_id": ids[row], "similarity": round(float(similarity), 6), "z_spec": float(z_spec[row])}
            for row, similarity in zip(*estimates.evidence.of(0), strict=True)
        ],
    }


def _rounded(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None
