"""A table of your own cutouts, as `/api/v1/photoz/batch/cutouts` reads it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import ArrayLike, NDArray

__all__ = ["METADATA_KEY", "cutout_table", "write_cutouts"]

#: Key of the schema's metadata; its value is JSON.
METADATA_KEY = b"skylike.cutouts"


def cutout_table(
    flux: NDArray[np.floating[Any]],
    *,
    bands: str,
    pixel_scale_arcsec: float,
    zeropoint: float | Sequence[float] = 22.5,
    object_id: Sequence[str] | None = None,
    ra: ArrayLike | None = None,
    dec: ArrayLike | None = None,
    ebv: ArrayLike | None = None,
) -> pa.Table:
    """Return cutouts as a table with one row each.

    Parameters
    ----------
    flux
        Shape (N, C, H, W): linear counts, sky subtracted, not corrected for Galactic dust, the galaxy in the middle, north
        up and east left, rows from the bottom up; NaN where there is none.
    bands
        The planes in order: a known set (``sdss-ugriz``), or ids (``sdss:g,sdss:r``).
    zeropoint
        AB magnitude of one count, for all bands or for each; 22.5 for nanomaggies.
    ra, dec
        ICRS degrees, shape (N,).
    ebv
        E(B-V) on the SFD98 scale, shape (N,); where it is missing a coarse map at the position stands in.

    Raises
    ------
    ValueError
        If a shape does not fit.
    """
    if flux.ndim != 4:
        raise ValueError(f"flux has shape {flux.shape}; it must be (N, bands, height, width)")
    pixels = np.ascontiguousarray(flux, dtype=np.float32)
    columns: dict[str, Any] = {"flux": pa.FixedShapeTensorArray.from_numpy_ndarray(pixels)}
    if object_id is not None:
        columns["object_id"] = pa.array([str(one) for one in object_id], pa.string())
    for name, values in (("ra", ra), ("dec", dec), ("ebv", ebv)):
        if values is not None:
            columns[name] = pa.array(np.asarray(values, dtype=np.float64), from_pandas=True)
    wrong = [name for name, values in columns.items() if len(values) != len(flux)]
    if wrong:
        raise ValueError(f"{wrong[0]} has {len(columns[wrong[0]])} values for {len(flux)} cutouts")
    zeros = zeropoint if isinstance(zeropoint, int | float) else [float(one) for one in zeropoint]
    words = {"bands": bands, "pixel_scale_arcsec": float(pixel_scale_arcsec), "zeropoint": zeros}
    table: pa.Table = pa.table(columns)
    return table.replace_schema_metadata({METADATA_KEY: json.dumps(words).encode()})


def write_cutouts(target: Path | str | BinaryIO, flux: NDArray[np.floating[Any]], **words: Any) -> None:
    """Write :func:`cutout_table` as Parquet, in row groups of 256 cutouts; noise does not shrink, so nothing is compressed."""
    table = cutout_table(flux, **words)
    pq.write_table(table, target, compression="none", use_dictionary=False, row_group_size=256)
