"""Object rows of a survey from the user's columns: ids, positions, redshifts, dust, with every refusal named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from survey.dust import DustMapMissing, ebv_sfd_lowres
from survey.names import iau_name
from survey.sky import hpx29
from survey.sources.columns import is_magnitude_name
from survey.sources.joining import SortedColumns, key_texts
from survey.sources.sentinels import NO_MAGNITUDE, NO_REDSHIFT
from survey.sources.table_files import UnreadableTable
from survey.sources.values import cleaned, nullable, numbers, positions

__all__ = ["ObjectRows", "Rejected", "finish_rows", "object_rows"]

_MAX_ID = 100


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row or file that does not enter the survey."""

    what: str
    reason: str


@dataclass(slots=True)
class ObjectRows:
    """Rows on their way into a survey.

    Attributes
    ----------
    columns
        ``object_id``, ``ra_deg``, ``dec_deg``, ``z_spec``, ``ebv`` (nullable), ``label`` and ``mag_r`` if known,
        then the user's own.
    file
        File name of each row's cutout, if a column names it.
    pixel_scale_arcsec
        Of each row, NaN where unknown.
    source_row
        Row of the user's table, from 0.
    units
        Of the user's columns, where the table states them.
    """

    columns: pa.Table
    file: list[str | None] | None
    pixel_scale_arcsec: NDArray[np.float64] | None
    source_row: NDArray[np.int64]
    rejected: list[Rejected]
    notes: list[str] = field(default_factory=list)
    units: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.columns.num_rows)

    def take(self, rows: Sequence[int]) -> ObjectRows:
        """Return only these rows; refusals and notes stay."""
        index = np.asarray(rows, dtype=np.int64)
        return replace(
            self,
            columns=self.columns.take(pa.array(index)),
            file=None if self.file is None else [self.file[i] for i in index],
            pixel_scale_arcsec=None if self.pixel_scale_arcsec is None else self.pixel_scale_arcsec[index],
            source_row=self.source_row[index],
        )


def object_rows(sorted_columns: SortedColumns, *, prefix: str = "SDSS") -> ObjectRows:
    """Make object rows: ids as unique text, positions in degrees, sentinels turned into nulls.

    Rows without an id take the IAU name of their position (made unique by ``-2``, ``-3`` ...). Refused, with a
    reason each: positions off the sphere, ids that occur twice or cannot stand in an address.

    Parameters
    ----------
    prefix
        Of the IAU names.

    Raises
    ------
    UnreadableTable
        If a standard column does not hold what its name says, or rows have neither id nor position.
    """
    n, notes = sorted_columns.n, list(sorted_columns.notes)
    ra, dec = positions(sorted_columns, notes)
    z_spec = cleaned(sorted_columns.standard.get("z_spec"), "z_spec", NO_REDSHIFT, n, notes)
    if (zeros := int(np.sum(z_spec == 0))) > 0:
        notes.append(f"{zeros:,} redshifts are exactly 0 and kept: null them if 0 means unknown.")
    ids, made = _ids(sorted_columns.standard.get("object_id"), ra, dec, prefix, notes)
    reasons = _refusals(ids, ra, dec, made=made)
    keep = np.array([reason is None for reason in reasons], dtype=bool)
    columns: dict[str, Any] = {
        "object_id": pa.array(ids, pa.string()),
        "ra_deg": nullable(ra),
        "dec_deg": nullable(dec),
        "z_spec": nullable(z_spec),
        "ebv": nullable(_dust(sorted_columns.standard.get("ebv"), n, notes)),
    }
    if "label" in sorted_columns.standard:
        columns["label"] = pc.cast(sorted_columns.standard["label"], pa.string())
    if "mag_r" in sorted_columns.standard:
        columns["mag_r"] = nullable(
            cleaned(sorted_columns.standard["mag_r"], "mag_r", NO_MAGNITUDE, n, notes)
        )
    for name, column in sorted_columns.own.items():
        columns[name] = _own_column(name, column, n, notes)
    source_row = np.flatnonzero(keep)
    files = sorted_columns.standard.get("file")
    scales = sorted_columns.standard.get("pixel_scale_arcsec")
    return ObjectRows(
        columns=pa.table(columns).filter(pa.array(keep)),
        file=None if files is None else pc.cast(files, pa.string()).filter(pa.array(keep)).to_pylist(),
        pixel_scale_arcsec=None if scales is None else numbers(scales, "pixel scale")[keep],
        source_row=source_row,
        rejected=[Rejected(f"row {i + 1} ({ids[i]})", reason) for i, reason in enumerate(reasons) if reason],
        notes=notes,
        units=sorted_columns.units,
    )


def finish_rows(columns: pa.Table) -> tuple[pa.Table, list[str]]:
    """Add ``hpx29``, and ``ebv`` with ``ebv_src`` from the low-resolution SFD map where no column gave it."""
    ra, dec, ebv = (columns.column(name).to_numpy() for name in ("ra_deg", "dec_deg", "ebv"))
    ebv = np.array(ebv, dtype=np.float64)
    source = np.full(ebv.shape, None, dtype=object)
    source[np.isfinite(ebv)] = "given"
    notes: list[str] = []
    wanting = ~np.isfinite(ebv) & np.isfinite(ra) & np.isfinite(dec)
    if wanting.any():
        try:
            ebv[wanting] = ebv_sfd_lowres(ra[wanting], dec[wanting])
        except DustMapMissing as error:
            notes.append(f"E(B-V) stays unknown: {error}")
        else:
            source[wanting & np.isfinite(ebv)] = "sfd-lowres"
            notes.append(
                f"E(B-V) of {int(wanting.sum()):,} objects from the low-resolution SFD map (ebv_src 'sfd-lowres')."
            )
    first = ["object_id", "ra_deg", "dec_deg", "hpx29", "ebv", "ebv_src", "z_spec"]
    table = columns.drop_columns(["ebv"])
    table = table.append_column("hpx29", pa.array(hpx29(ra, dec)))
    table = table.append_column("ebv", nullable(ebv))
    table = table.append_column("ebv_src", pa.array(source.tolist(), pa.string()))
    return table.select([*first, *(name for name in table.column_names if name not in first)]), notes


def _ids(
    column: pa.ChunkedArray | None,
    ra: NDArray[np.float64],
    dec: NDArray[np.float64],
    prefix: str,
    notes: list[str],
) -> tuple[list[str | None], bool]:
    if column is not None:
        return key_texts(column, "object ids"), False
    if not np.isfinite(ra).any():
        raise UnreadableTable(
            "rows have neither an id nor a position; name the id with `--column id=YOUR_COLUMN`."
        )
    seen: dict[str, int] = {}
    ids: list[str | None] = []
    for a, d in zip(ra.tolist(), dec.tolist(), strict=True):
        if not (np.isfinite(a) and -90 <= d <= 90):
            ids.append(None)
            continue
        name = iau_name(a, d, prefix=prefix)
        seen[name] = seen.get(name, 0) + 1
        ids.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    repeated = sum(count - 1 for count in seen.values())
    notes.append(
        "No id column: objects are named by position"
        + (f"; {repeated:,} share a name and take -2, -3 ..." if repeated else "")
        + "."
    )
    return ids, True


def _refusals(
    ids: list[str | None], ra: NDArray[np.float64], dec: NDArray[np.float64], *, made: bool
) -> list[str | None]:
    first: dict[str, int] = {}
    bad_ra = np.isfinite(ra) & ((ra < 0) | (ra > 360))
    bad_dec = np.isfinite(dec) & (np.abs(dec) > 90)
    reasons: list[str | None] = []
    for i, name in enumerate(ids):
        reason = None
        if bad_ra[i] or bad_dec[i]:
            reason = f"position ({ra[i]:g}, {dec[i]:g}) is not on the sky; are these degrees?"
        elif name is None:
            reason = "no id" if not made else "no position to make a name from"
        elif len(name) > _MAX_ID or not name.isprintable() or any(c in name for c in "/\\?#%"):
            reason = f"an id needs up to {_MAX_ID} printable characters without / \\ ? # %"
        elif name in first:
            reason = f"the id occurs twice, first in row {first[name] + 1}"
        else:
            first[name] = i
        reasons.append(reason)
    return reasons


def _dust(column: pa.ChunkedArray | None, n: int, notes: list[str]) -> NDArray[np.float64]:
    values = cleaned(column, "ebv", NO_MAGNITUDE, n, notes)
    wrong = values < 0
    if wrong.any():
        notes.append(f"{int(wrong.sum()):,} negative values of ebv became null.")
        values[wrong] = np.nan
    return values


def _own_column(name: str, column: pa.ChunkedArray, n: int, notes: list[str]) -> Any:
    if is_magnitude_name(name) and pa.types.is_floating(column.type):
        return nullable(cleaned(column, name, NO_MAGNITUDE, n, notes)).cast(column.type)
    if pa.types.is_floating(column.type):
        values = column.to_numpy()
        return pa.array(values, column.type, mask=~np.isfinite(values))
    return column
