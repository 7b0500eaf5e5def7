"""A calibration as plain arrays in one file, without pickles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from index.cells import N_CELLS, Cells
from index.confidence import Confidence
from index.conformal import Conformal
from index.pdf import RedshiftGrid
from index.support import Support
from survey.manifests import CorruptFolder

if TYPE_CHECKING:
    from index.photoz_calibration import PhotozCalibration

__all__ = ["read_calibration", "write_calibration"]

_FORMAT = 1
_SUPPORT = ("centre", "scale", "reference", "own", "watch", "both", "rest")


def write_calibration(path: Path, calibration: PhotozCalibration) -> None:
    """Write a calibration; the same one gives the same bytes."""
    arrays: dict[str, Any] = {
        "format": _FORMAT,
        "grid": [calibration.grid.z_max, calibration.grid.n_bins],
        "temperature": calibration.temperature,
        "photometry_names": np.array(calibration.photometry_names, dtype=np.str_),
        "magnitude_range": calibration.magnitude_range,
        "thresholds": calibration.conformal.thresholds,
        "counts": calibration.conformal.counts,
        "confidence": [calibration.confidence.knots, calibration.confidence.values],
        "n": calibration.n,
    }
    cells, support = calibration.cells, calibration.support
    if cells is not None:
        arrays["cell_names"] = np.array([cells.magnitude, cells.blue, cells.red])
        arrays["colour_edge"] = cells.colour_edge
        arrays["magnitude_edges"] = cells.magnitude_edges
    if support is not None:
        arrays |= {f"support_{name}": getattr(support, name) for name in _SUPPORT}
        arrays["support_reference"] = support.reference.astype(np.float16)
    with path.open("wb") as stream:
        np.savez_compressed(stream, **arrays)


def read_calibration(path: Path) -> dict[str, Any]:
    """Return the members of what :func:`write_calibration` wrote.

    Raises
    ------
    CorruptFolder
        If the file cannot be read, its arrays do not fit each other, or a later version wrote it.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return _members(arrays)
    except (OSError, ValueError, KeyError, TypeError, IndexError, EOFError, BadZipFile) as error:
        raise CorruptFolder(f"{path.name} is no calibration of this version; make it again") from error


def _members(arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    cells = support = None
    if "cell_names" in arrays:
        magnitude, blue, red = (str(name) for name in arrays["cell_names"])
        cells = Cells(magnitude, blue, red, float(arrays["colour_edge"]), arrays["magnitude_edges"])
    if "support_own" in arrays:
        # Calibrations of before directions were watched have none.
        parts = {name: arrays[key] for name in _SUPPORT if (key := f"support_{name}") in arrays}
        support = Support(**{**parts, "reference": parts["reference"].astype(np.float32)})
    z_max, n_bins = arrays["grid"].tolist()
    low, high = arrays["magnitude_range"].tolist()
    knots, values = arrays["confidence"]
    expected = (N_CELLS + 1 if cells else 1, 3)
    if int(arrays["format"]) != _FORMAT or arrays["thresholds"].shape != expected:
        raise ValueError("another format")
    return {
        "grid": RedshiftGrid(float(z_max), int(n_bins)),
        "temperature": float(arrays["temperature"]),
        "photometry_names": tuple(str(name) for name in arrays["photometry_names"]),
        "cells": cells,
        "magnitude_range": (low, high),
        "conformal": Conformal(arrays["thresholds"], arrays["counts"]),
        "confidence": Confidence(knots, values),
        "support": support,
        "n": int(arrays["n"]),
    }
