"""The user's fluxes: brought to nanomaggies where their unit is known, set aside where it is not."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from survey.bands import BANDS
from survey.fits.flux_units import nanomaggies_per
from survey.sources.rows import ObjectRows
from survey.sources.table_files import UnreadableTable

__all__ = ["settle_fluxes"]

_BAND_NAMES = sorted({band.name for band in BANDS.values()})
_FLUX = re.compile(rf"flux_(ivar_)?({'|'.join(_BAND_NAMES)})")


def settle_fluxes(
    rows: ObjectRows, *, names: Sequence[str] | None = None, flux_unit: str | None = None
) -> bool:
    """Bring columns ``flux_<band>`` and ``flux_ivar_<band>`` to nanomaggies, or rename them to ``..._user``.

    Others that begin with ``flux_`` (``flux_radius``) are the user's and stay.

    Parameters
    ----------
    rows
        Its columns and notes are changed.
    names
        Bands of which all must have a flux in a known unit; None keeps each flux whose unit is known.
    flux_unit
        Unit of all of them, as the user says; before those of the table.

    Returns
    -------
    bool
        Whether the rows have fluxes now.

    Raises
    ------
    UnreadableTable
        If ``flux_unit`` is no unit of flux.
    """
    if flux_unit is not None and nanomaggies_per(flux_unit) is None:
        raise UnreadableTable(
            f"--flux-unit {flux_unit!r} is unknown; say nanomaggy, maggy, Jy, mJy, uJy or nJy."
        )
    found = [name for name in rows.columns.column_names if _FLUX.fullmatch(name)]
    units = {name: flux_unit or rows.units.get(_flux_of(name), "") for name in found}
    factors = {name: nanomaggies_per(unit) for name, unit in units.items()}
    known = {name for name, factor in factors.items() if factor is not None and _flux_of(name) in found}
    missing = [] if names is None else [f"flux_{name}" for name in names if f"flux_{name}" not in known]
    if missing:
        known = set()
    for name in found:
        factor = factors[name]
        if name in known and factor is not None:
            _scale(rows, name, 1 / factor**2 if name.startswith("flux_ivar_") else factor)
    aside = [name for name in found if name not in known]
    if aside:
        rows.columns = rows.columns.rename_columns(
            [f"{name}_user" if name in aside else name for name in rows.columns.column_names]
        )
        absent = [name for name in missing if name not in found]
        why = f"{absent[0]} is not there" if absent else "their unit is unknown"
        rows.notes.append(
            f"Your {', '.join(aside)} are kept as NAME_user: {why}"
            + (" (give `--flux-unit`)." if names is not None and not absent else ".")
        )
    return bool(known)


def _flux_of(name: str) -> str:
    return name.replace("flux_ivar_", "flux_")


def _scale(rows: ObjectRows, name: str, factor: float) -> None:
    column = rows.columns.column(name)
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise UnreadableTable(f"the column {name} holds text that is no number.")
    scaled = pc.multiply(column.cast(pa.float64()), factor)
    rows.columns = rows.columns.set_column(rows.columns.column_names.index(name), name, scaled)
    if factor != 1:
        rows.notes.append(f"Your {name} was multiplied by {factor:.5g}: a survey holds nanomaggies.")
