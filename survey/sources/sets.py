"""The files of a public set become the plan of a survey: columns in memory, pixels in blocks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pyarrow as pa

from survey.archive import SurveyInfo
from survey.bands import BandSet
from survey.sources.columns import RESERVED
from survey.sources.hdf5 import UnreadableSet
from survey.sources.joining import SortedColumns, key_texts
from survey.sources.members import Member
from survey.sources.pixels import SetDecoder
from survey.sources.plan import ImportPlan
from survey.sources.rows import object_rows
from survey.sources.table_files import UnreadableTable

__all__ = ["SetFormat", "assemble"]

_MAX_FIELD_PX = 512
# Processor time of one core for each of 4,500 generated objects of 107 px in five bands: reading, thumbnail, writing.
_SECONDS_PER_OBJECT = 0.0053


@dataclass(frozen=True, slots=True)
class SetFormat:
    """What a published format says of all its files.

    Attributes
    ----------
    pixel_scale_arcsec
        None where it is unknown or varies.
    realism
        One sentence for the survey's description.
    """

    title: str
    citation: str
    realism: str
    kind: Literal["flux", "display"]
    bands: BandSet
    pixel_scale_arcsec: float | None


def assemble(
    members: Sequence[Member],
    format_: SetFormat,
    info: SurveyInfo,
    *,
    field_px: int | None = None,
    lines: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> ImportPlan:
    """Plan a survey from the files of a set.

    Objects without an id are named by their file and their place in it, from 0: ``FILE-0000012``.

    Parameters
    ----------
    field_px
        Side to keep, from the middle of the images; all of it by default.
    lines, notes
        What was understood, for the user.

    Raises
    ------
    UnreadableSet
        If the files differ in size, a standard column is not what its name says, or ``field_px`` cannot be cut from the
        middle.
    """
    sides = sorted({member.pixels.side for member in members})
    if len(sides) != 1:
        raise UnreadableSet(
            f"images have {sides[0]} to {sides[-1]} px; a survey has one size: import them apart."
        )
    keep = _field(sides[0], field_px)
    said = list(notes)
    standard, own = _concatenated(members, said)
    left_out = sorted({name for member in members for name in member.left_out})
    if left_out:
        said.append(f"Left out, not one value per object: {', '.join(left_out)}.")
    n = sum(member.pixels.n for member in members)
    try:
        rows = object_rows(SortedColumns(n, standard, own, [], said))
    except UnreadableTable as error:
        # Its remedy, `--column`, is one of tables.
        raise UnreadableSet(
            f"{str(error).partition('; ')[0].rstrip('.')}. Give the set's files as they were published."
        ) from error
    per_object = len(format_.bands) * keep**2 * (1 if format_.kind == "display" else 2)
    return ImportPlan(
        info=replace(
            info,
            title=format_.title if info.title in ("", info.name) else info.title,
            citation=info.citation or format_.citation,
            realism=format_.realism,
            kind=format_.kind,
            bands=format_.bands,
            pixel_scale_arcsec=format_.pixel_scale_arcsec,
            field_px=keep,
        ),
        rows=rows,
        decoder=SetDecoder([member.pixels for member in members], rows.source_row, keep),
        lines=[
            *lines,
            f"bands = {','.join(format_.bands.ids)}",
            f"pixel_scale_arcsec = {format_.pixel_scale_arcsec}",
            f"field_px = {keep}" + (f" of {sides[0]}" if keep != sides[0] else ""),
        ],
        estimate_s=1 + len(rows) * _SECONDS_PER_OBJECT,
        estimate_bytes=len(rows) * per_object + rows.columns.nbytes,
        in_order=True,
    )


def _field(side: int, field_px: int | None) -> int:
    keep = field_px or side
    if keep > side or (side - keep) % 2:
        parity = "odd" if side % 2 else "even"
        raise UnreadableSet(
            f"--field-px {keep} has no middle in images of {side} px; choose an {parity} number up to {side}."
        )
    if keep > _MAX_FIELD_PX:
        raise UnreadableSet(
            f"images have {keep} px; choose what to keep of their middle, like `--field-px {128 + side % 2}`."
        )
    return keep


def _concatenated(
    members: Sequence[Member], notes: list[str]
) -> tuple[dict[str, pa.ChunkedArray], dict[str, pa.ChunkedArray]]:
    tables, named = [], 0
    for member in members:
        ids = _ids(member, notes)
        named += ids is None
        standard = {**member.standard, "object_id": pa.array(ids or _made_ids(member), pa.string())}
        own = {f"{name}_user" if name in RESERVED else name: column for name, column in member.own.items()}
        tables.append({f"0{k}": v for k, v in standard.items()} | {f"1{k}": v for k, v in own.items()})
    if named:
        notes.append("Objects without an id are named by file and place.")
    table = pa.concat_tables([pa.table(t) for t in tables], promote_options="permissive")
    columns: Mapping[str, Any] = {name: table.column(name) for name in table.column_names}
    return (
        {k[1:]: v for k, v in columns.items() if k[0] == "0"},
        {k[1:]: v for k, v in columns.items() if k[0] == "1"},
    )


def _ids(member: Member, notes: list[str]) -> list[str | None] | None:
    column = member.standard.get("object_id")
    if column is None:
        return None
    if pa.types.is_floating(column.type):
        # Eighteen digits do not fit: two objects may have become one.
        notes.append("Ids are stored as floating-point numbers, which lose digits: they are not used.")
        return None
    return key_texts(pa.chunked_array([column]), "object ids")


def _made_ids(member: Member) -> list[str]:
    stem = re.sub(r"[^A-Za-z0-9._+-]+", "-", member.path.stem)[:60]
    return [f"{stem}-{row:07d}" for row in range(member.pixels.n)]
