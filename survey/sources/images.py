"""Display images (JPEG, PNG) with a table become a survey: one Parquet file, or a folder of pictures."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from survey.archive import SurveyInfo
from survey.bands import BAND_SETS
from survey.ingest import CutoutRejected
from survey.sources.fluxes import settle_fluxes
from survey.sources.joining import Join, SortedColumns, sort_columns
from survey.sources.matching import match_files
from survey.sources.pictures import FilePictures, ParquetPictures, PictureDecoder, Pictures, Resize
from survey.sources.plan import ImportPlan
from survey.sources.rows import ObjectRows, Rejected, object_rows
from survey.sources.table_files import UnreadableTable, read_table

__all__ = ["plan"]

_SUFFIXES = (".jpg", ".jpeg", ".png")
_MAX_FIELD_PX = 512
# Measured on gz1_fixed51 (128 px JPEGs, one core): decoding and thumbnail.
_SECONDS_PER_MEGAPIXEL = 0.25


def plan(
    source: Path,
    info: SurveyInfo,
    *,
    table: Path | None = None,
    columns: Mapping[str, str] | None = None,
    join: Join | None = None,
    image_column: str = "image",
    field_px: int | None = None,
    resize: Resize | None = None,
) -> ImportPlan:
    """Plan a survey of kind ``display``.

    Parameters
    ----------
    source
        A Parquet file with a column of JPEG or PNG bytes, or a folder of such files.
    table
        For a folder: the catalogue. Without one, ids are the file names and labels the subfolders.
    field_px, resize
        Side to store, and how pictures of another size come to it: ``crop`` cuts the middle, ``rescale``
        shrinks or enlarges. Without them all pictures must have one size; others are rejected.

    Raises
    ------
    UnreadableTable
        If there is no picture, or pictures differ in size and no choice was made.
    """
    pictures: Pictures
    if source.is_dir():
        rows, lines, pictures = _folder(source, table, columns, join)
    else:
        rows, lines, pictures = _parquet(source, columns, join, image_column)
    if not len(rows):
        raise UnreadableTable(f"{source.name}: no row has a picture.")
    settle_fluxes(rows)
    side = _field(pictures, len(rows), field_px, resize)
    decoder = PictureDecoder(pictures, side, resize)
    scale = _one_scale(rows, pictures, side, resize)
    lines.append(f"field_px = {side}" + (f" (others: {resize})" if resize else ""))
    info = replace(
        info, kind="display", bands=BAND_SETS["display-rgb"], field_px=side, pixel_scale_arcsec=scale
    )
    pixels = len(rows) * side**2
    return ImportPlan(
        info=info,
        rows=rows,
        decoder=decoder,
        lines=lines,
        estimate_s=2 + pixels / 1e6 * _SECONDS_PER_MEGAPIXEL,
        estimate_bytes=int(3 * pixels * 0.7) + rows.columns.nbytes,
    )


def _parquet(
    source: Path, columns: Mapping[str, str] | None, join: Join | None, image_column: str
) -> tuple[ObjectRows, list[str], ParquetPictures]:
    table = read_table(source)
    if image_column not in table.left_out:
        raise UnreadableTable(
            f"{source.name} has no column {image_column!r} of JPEG or PNG bytes; name it with `--image-column`."
        )
    left_out = tuple(name for name in table.left_out if name != image_column)
    sorted_columns = sort_columns(replace(table, left_out=left_out), columns, join)
    rows = object_rows(sorted_columns)
    return rows, sorted_columns.lines, ParquetPictures(str(source), image_column, rows.source_row)


def _folder(
    source: Path, table: Path | None, columns: Mapping[str, str] | None, join: Join | None
) -> tuple[ObjectRows, list[str], FilePictures]:
    files = sorted(p for p in source.rglob("*") if p.suffix.lower() in _SUFFIXES and p.is_file())
    if not files:
        raise UnreadableTable(f"{source.name}: no JPEG or PNG below this folder.")
    if table is None:
        labels = [p.parent.name if p.parent != source else None for p in files]
        standard = {"object_id": pa.chunked_array([[p.stem for p in files]])}
        if any(labels):
            standard["label"] = pa.chunked_array([pa.array(labels, pa.string())])
        lines = ["object_id = file name" + (", label = subfolder" if any(labels) else "")]
        rows = object_rows(SortedColumns(len(files), standard, {}, lines))
        return rows, lines, FilePictures(tuple(str(files[i]) for i in rows.source_row))
    sorted_columns = sort_columns(read_table(table), columns, join)
    rows = object_rows(sorted_columns)
    found = match_files(files, source, rows)
    lines = [*sorted_columns.lines, found.line]
    keep, paths = [], []
    for row, matched in enumerate(found.of_row):
        if len(matched) == 1:
            keep.append(row)
            paths.append(str(matched[0]))
        else:
            reason = "no picture in the folder" if not matched else f"{len(matched)} pictures; one is needed"
            rows.rejected.append(Rejected(rows.columns.column("object_id")[row].as_py(), reason))
    rows.rejected += [Rejected(p.name, "no row of the table") for p in found.unmatched]
    return rows.take(keep), lines, FilePictures(tuple(paths))


def _sizes(pictures: Pictures, n: int) -> list[tuple[int, int]]:
    """Return the sizes of a sample, from headers alone."""
    sizes = []
    for row in np.unique(np.linspace(0, n - 1, min(n, 64)).astype(int)):
        try:
            with Image.open(io.BytesIO(pictures(int(row))), formats=("JPEG", "PNG")) as image:
                sizes.append(image.size)
        except (OSError, CutoutRejected, Image.DecompressionBombError):
            continue
    if not sizes:
        raise UnreadableTable("none of the pictures sampled is a readable JPEG or PNG.")
    return sizes


def _field(pictures: Pictures, n: int, field_px: int | None, resize: Resize | None) -> int:
    if field_px is not None:
        return field_px
    sizes = _sizes(pictures, n)
    sides = {min(size) for size in sizes}
    if resize is None and (len(sides) > 1 or any(w != h for w, h in sizes)):
        seen = ", ".join(sorted({f"{w}x{h}" for w, h in sizes})[:6])
        raise UnreadableTable(
            f"pictures differ in size ({seen} px). Choose what to store: `--field-px {min(sides)}` with "
            "`--resize crop` (cuts the middle) or `--resize rescale`."
        )
    side = min(sides)
    if side > _MAX_FIELD_PX:
        raise UnreadableTable(
            f"pictures have {side} px; choose what to store, for example `--field-px 256 --resize rescale`."
        )
    return side


def _one_scale(rows: ObjectRows, pictures: Pictures, side: int, resize: Resize | None) -> float | None:
    """Return the survey's pixel scale if all rows state the same one."""
    scales = rows.pixel_scale_arcsec
    if (
        scales is None
        or not len(scales)
        or not np.isfinite(scales).all()
        or np.ptp(scales) > 1e-3 * scales[0]
    ):
        return None
    if resize != "rescale":
        return float(scales[0])
    shorter = {min(size) for size in _sizes(pictures, len(rows))}
    return float(scales[0]) * shorter.pop() / side if len(shorter) == 1 else None
