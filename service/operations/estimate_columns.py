"""Redshift estimates as columns of an answer or a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from index.photoz_columns import COLUMNS, QUANTILE_LEVELS, Column, flag_names
from service.formats.fields import field

if TYPE_CHECKING:
    from index.estimates import Estimates
    from index.pdf import RedshiftGrid

__all__ = ["MAX_SAMPLES", "Representation", "Shown", "estimate_schema", "estimate_table", "shown_meta"]

Representation = Literal["summary", "quantiles", "grid", "samples"]
MAX_SAMPLES: Final = 1000

_UCD: Final = "src.redshift.phot"
_SCALARS: Final = {"float": pa.float32(), "int": pa.int32(), "text": pa.string()}


@dataclass(frozen=True, slots=True)
class Shown:
    """How much of p(z) is answered.

    Attributes
    ----------
    representation
        ``summary``, and beside it ``quantiles``, the density on the ``grid`` or ``samples``.
    n_samples, seed
        For ``samples``; the same seed draws the same ones.
    """

    representation: Representation = "summary"
    n_samples: int = 100
    seed: int = 0


def estimate_schema(shown: Shown, grid: RedshiftGrid) -> pa.Schema:
    """Return the fields of :func:`estimate_table`."""
    fields = [_field(column) for column in COLUMNS if column.kind != "quantiles"]
    fields += [
        field("n_neighbours", pa.int32(), description="spectroscopic neighbours that entered"),
        field("flags", pa.list_(pa.string()), ucd="meta.code.qual", description="reservations, by name"),
    ]
    match shown.representation:
        case "quantiles":
            column = next(column for column in COLUMNS if column.kind == "quantiles")
            kind = pa.list_(pa.float32(), len(QUANTILE_LEVELS))
            words = {"ucd": column.ucd, "description": column.description}
            fields.append(field(column.name, kind, elements="quantile_levels", **words))
        case "grid":
            kind = pa.list_(pa.float32(), grid.n_bins)
            text = "density of p(z) on z_grid; integrates to 1"
            fields.append(
                field("pdf", kind, ucd=f"stat.probability;{_UCD}", description=text, elements="z_grid")
            )
        case "samples":
            kind = pa.list_(pa.float32(), shown.n_samples)
            fields.append(field("z_samples", kind, ucd=_UCD, description="redshifts drawn from p(z)"))
        case "summary":
            pass
    return pa.schema(fields)


def estimate_table(estimates: Estimates, shown: Shown, *, block: int = 0) -> pa.Table:
    """Return one row for each galaxy.

    Parameters
    ----------
    block
        Number of this block of a long batch: each draws samples of its own.
    """
    schema = estimate_schema(shown, estimates.grid)
    texts = {"model_id": estimates.model_id, "train_set": estimates.train_set}
    columns: list[Any] = []
    for column in COLUMNS:
        if column.kind == "text":
            columns.append(pa.repeat(pa.scalar(texts[column.name]), len(estimates)))
        elif column.kind == "int":
            columns.append(pa.array(estimates.columns[column.name], pa.int32()))
        elif column.kind == "float":
            # Six decimals, as single answers have, of which single precision keeps all that matter.
            values = np.round(estimates.columns[column.name].astype(np.float64), 6)
            columns.append(pa.array(values.astype(np.float32), from_pandas=True))
    columns.append(pa.array(np.asarray(estimates.evidence.lengths), pa.int32()))
    bits = estimates.columns["z_flags"].tolist()
    names = {one: list(flag_names(one)) for one in set(bits)}
    columns.append(pa.array([names[one] for one in bits], schema.field("flags").type))
    match shown.representation:
        case "quantiles":
            columns.append(_vectors(estimates.quantiles))
        case "grid":
            columns.append(_vectors(estimates.density()))
        case "samples":
            seed = int(np.random.SeedSequence([shown.seed, block]).generate_state(1)[0])
            columns.append(_vectors(estimates.samples(shown.n_samples, seed=seed)))
        case "summary":
            pass
    return pa.table(columns, schema=schema)


def shown_meta(shown: Shown, grid: RedshiftGrid) -> dict[str, Any]:
    """Return what an answer says once of its vectors; null where it has none."""
    is_grid, is_quantiles = shown.representation == "grid", shown.representation == "quantiles"
    return {
        "representation": shown.representation,
        "z_grid": np.round(grid.centres, 6).tolist() if is_grid else None,
        "quantile_levels": list(QUANTILE_LEVELS) if is_quantiles else None,
    }


def _field(column: Column) -> pa.Field:
    return field(column.name, _SCALARS[column.kind], ucd=column.ucd, description=column.description)


def _vectors(values: NDArray[np.floating[Any]]) -> pa.FixedSizeListArray:
    flat = pa.array(np.ascontiguousarray(values, dtype=np.float32).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
