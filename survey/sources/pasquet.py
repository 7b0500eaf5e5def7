"""The SDSS images of Pasquet et al. 2019: a NumPy cube with a table of labels beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
import pyarrow as pa

from survey.archive import SurveyInfo
from survey.bands import BAND_SETS
from survey.sources.hdf5 import UnreadableSet, as_column
from survey.sources.members import Member
from survey.sources.npy_files import ArrayFile, StreamedCube, open_array, read_header
from survey.sources.plan import ImportPlan
from survey.sources.sets import SetFormat, assemble
from survey.sources.table_files import read_table

__all__ = ["FORMAT", "plan"]

FORMAT = SetFormat(
    title="SDSS ugriz images of Pasquet et al. 2019",
    citation="Pasquet et al. 2019, A&A 621, A26; SDSS DR12",
    realism="Real SDSS pixels and redshifts.",
    kind="flux",
    bands=BAND_SETS["sdss-ugriz"],
    pixel_scale_arcsec=0.396,
)

_CUBES = ("cube", "data")
# By name in lower case. The first id that a table has is taken.
_IDS = ("objid", "specobjid", "object_id")
_STANDARD = {"ra": "ra_deg", "dec": "dec_deg", "z": "z_spec", "ebv": "ebv"}


def plan(
    files: Sequence[Path], info: SurveyInfo, *, limit: int | None = None, field_px: int | None = None
) -> ImportPlan:
    """Plan a survey from ``sdss.npz`` or ``cube.npy``, and a table of labels.

    ``sdss.npz`` (Pasquet et al. 2019; Dey et al. 2022) holds ``cube`` (659857, 64, 64, 5), float32, bands last,
    ugriz, and ``labels``, a record array with Python objects, which only unpickling could read: that would run
    any code that the file holds, and is never done here. Its owner converts the labels once
    (``docs/public-sets.md``) to Parquet, or to a structured ``labels.npy`` as in
    github.com/umesh-timalsina/redshift. Of the labels ``z``, ``EBV``, ``ra``, ``dec`` are confirmed by loaders;
    ``objID`` is unverified. A file with plain arrays (``z``, ``ebv``, ``specObjID``) needs no table.

    The loaders correct for dust by ``EBV``, so that the images are taken not to be corrected. Nanomaggies and
    0.396 arcsec are those of SDSS frames, unverified in code.

    Parameters
    ----------
    files
        One cube (``.npz`` or ``.npy``), and one table (``.parquet`` or a structured ``.npy``).

    Raises
    ------
    UnreadableSet
        If the cube is not of this format, labels are missing, or their number is not the cube's.
    """
    cube_file, table = _sort(files)
    member = Member(cube_file.path, StreamedCube.of(cube_file, planes=5, limit=limit))
    total, n = member.pixels.header.shape[0], member.pixels.n  # type: ignore[attr-defined]
    if table is not None:
        columns, rows, member.left_out = _labels(table, n)
        if rows != total:
            raise UnreadableSet(
                f"{table.name} has {rows:,} rows, {cube_file.name} {total:,} images; give the table of this cube."
            )
    else:
        columns, member.left_out = _plain_arrays(cube_file, total, n)
    ids = next((name for name in _IDS if name in columns), None)
    member.sort(columns, _STANDARD if ids is None else {**_STANDARD, ids: "object_id"})
    lines = [f"labels = {'plain arrays of the file' if table is None else table.name}"]
    return assemble([member], FORMAT, info, field_px=field_px, lines=lines)


def _sort(files: Sequence[Path]) -> tuple[ArrayFile, Path | None]:
    """Tell the cube from the table of labels."""
    cubes: list[ArrayFile] = []
    tables: list[Path] = []
    for path in files:
        suffix = path.suffix.lower()
        if suffix == ".npz":
            names = _members(path)
            found = next((name for name in _CUBES if name in names), None)
            if found is None:
                raise UnreadableSet(
                    f"{path.name} has no array 'cube'; it has {', '.join(names) or 'none'}. Is it another format?"
                )
            cubes.append(ArrayFile(path, found))
        elif suffix == ".npy":
            header = read_header(ArrayFile(path))
            if header.is_pickled:
                raise UnreadableSet(_pickled(path.name, path.name))
            if header.dtype.names:
                tables.append(path)
            else:
                cubes.append(ArrayFile(path))
        else:
            tables.append(path)
    if len(cubes) != 1 or len(tables) > 1:
        raise UnreadableSet(
            f"{len(cubes)} cubes and {len(tables)} tables were given; give one cube (sdss.npz or cube.npy) and its "
            "table (labels.parquet or labels.npy)."
        )
    return cubes[0], tables[0] if tables else None


def _members(path: Path) -> list[str]:
    if not path.is_file():
        raise UnreadableSet(f"{path.name}: there is no such file.")
    try:
        with ZipFile(path) as zipped:
            return [name.removesuffix(".npy") for name in zipped.namelist() if name.endswith(".npy")]
    except (BadZipFile, OSError, RuntimeError, ValueError) as error:
        raise UnreadableSet(
            f"{path.name} is cut short or no .npz file ({error}). Download it again."
        ) from error


def _labels(path: Path, n: int) -> tuple[dict[str, pa.Array], int, list[str]]:
    """Read the first ``n`` rows of a table; return its columns, its length and what was left out."""
    if path.suffix.lower() != ".npy":
        table = read_table(path)
        columns = {
            name.lower(): _cleaned(table.rows.column(name).slice(0, n).combine_chunks(), name)
            for name in table.rows.column_names
        }
        return columns, table.rows.num_rows, list(table.left_out)
    # Mapped: only the rows that are wanted are read.
    records = np.load(path, mmap_mode="r", allow_pickle=False)
    found = {name: as_column(np.asarray(records[name][:n]), name) for name in records.dtype.names}
    left_out = [name for name, column in found.items() if column is None]
    return {k.lower(): v for k, v in found.items() if v is not None}, len(records), left_out


def _cleaned(column: Any, name: str) -> pa.Array:
    """Return a float column with its sentinels turned into nulls, and others as they are."""
    return (
        as_column(column.to_numpy(zero_copy_only=False), name)
        if pa.types.is_floating(column.type)
        else column
    )


def _plain_arrays(cube: ArrayFile, total: int, n: int) -> tuple[dict[str, pa.Array], list[str]]:
    """Read the arrays beside a cube that hold one plain value per object."""
    if cube.member is None:
        raise UnreadableSet(
            f"{cube.name} has no labels; give their table too: skylike survey import pasquet {cube.name} labels.npy"
        )
    columns: dict[str, pa.Array] = {}
    pickled, left_out = [], []
    for name in _members(cube.path):
        if name == cube.member:
            continue
        file = ArrayFile(cube.path, name)
        header = read_header(file)
        column = None
        if header.is_pickled:
            pickled.append(name)
        elif header.shape in ((total,), (total, 1)) and not header.dtype.names:
            with open_array(file) as (stream, _):
                column = as_column(np.lib.format.read_array(stream, allow_pickle=False)[:n], name)
        if column is None:
            left_out.append(name)
        else:
            columns[name.lower()] = column
    if "z" not in columns:
        raise UnreadableSet(
            _pickled(cube.path.name, pickled[0])
            if pickled
            else f"{cube.path.name} has no labels; give their table too (labels.parquet or labels.npy)."
        )
    return columns, left_out


def _pickled(file: str, array: str) -> str:
    return (
        f"{file}: {array!r} is pickled Python, which can run any code, and is never opened. Where you trust the file, "
        "convert it once as docs/public-sets.md says, then give cube and table: skylike survey import pasquet "
        "sdss.npz labels.parquet"
    )
