"""FITS cutouts with a catalogue table become a survey in nanomaggies."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import pyarrow as pa

from survey.archive import SurveyInfo
from survey.fits.reader import MAX_FILES
from survey.ingest import Overrides
from survey.sources.fits_choices import Choices, sample_cutouts, settle
from survey.sources.fits_decoder import FITSDecoder
from survey.sources.fluxes import settle_fluxes
from survey.sources.joining import Join, SortedColumns, sort_columns
from survey.sources.matching import ids_in_name, match_files
from survey.sources.plan import ImportPlan
from survey.sources.rows import ObjectRows, Rejected, object_rows
from survey.sources.table_files import UnreadableTable, read_table
from survey.sources.values import NO_POSITIONS

__all__ = ["Choices", "fits_files", "plan"]

_SUFFIXES = (".fits", ".fit", ".fts", ".fits.fz", ".fits.gz", ".fits.bz2", ".fit.gz")


def fits_files(sources: Sequence[Path]) -> tuple[list[Path], Path]:
    """Return the FITS files below folders, in lists of names (``.txt``), or given themselves; with their root.

    Raises
    ------
    UnreadableTable
        If there are none.
    """
    files: list[Path] = []
    for source in sources:
        if source.is_dir():
            files += sorted(
                p for p in source.rglob("*") if p.name.lower().endswith(_SUFFIXES) and p.is_file()
            )
        elif source.suffix == ".txt":
            names = (line.strip() for line in source.read_text().splitlines())
            files += [source.parent / name for name in names if name and not name.startswith("#")]
        else:
            files.append(source)
    missing = [file.name for file in files if not file.is_file()]
    if missing or not files:
        what = f"there is no file {missing[0]}" if missing else f"no FITS file in {sources[0].name}"
        raise UnreadableTable(f"{what}; give a folder, files, or a .txt file with one name a line.")
    root = sources[0] if sources[0].is_dir() else sources[0].parent
    return list(dict.fromkeys(files)), root


def plan(
    sources: Sequence[Path],
    info: SurveyInfo,
    *,
    table: Path | None = None,
    columns: Mapping[str, str] | None = None,
    join: Join | None = None,
    choices: Choices | None = None,
) -> ImportPlan:
    """Plan a survey of kind ``flux``.

    Files meet rows by a file-name column or by the id in the file name: one cube each, or one file per band.
    Without a table every group of files that differ in nothing but their band is an object, named by what
    they share. The table's positions say which galaxy in a cutout is meant; where it has none, the files do.

    Raises
    ------
    UnreadableTable
        If no file meets a row, or cutouts differ in pixel scale or size and no choice was made.
    CutoutRejected
        If none of the sampled cutouts can be read; the first one's reason.
    """
    choices = choices or Choices()
    files, root = fits_files(sources)
    rows, lines, groups = _match(files, root, table, columns, join)
    if NO_POSITIONS in rows.notes:
        rows.notes[rows.notes.index(NO_POSITIONS)] = "Positions come from the files, where these have a WCS."
    decoder = FITSDecoder(
        files=groups,
        positions=tuple(
            zip(*(rows.columns.column(name).to_pylist() for name in ("ra_deg", "dec_deg")), strict=True)
        ),
        overrides=Overrides(bands=choices.bands, hdu=choices.hdu, zeropoint=choices.zeropoint),
        assumed_scale_arcsec=choices.pixel_scale_arcsec,
        row_scales=None if rows.pixel_scale_arcsec is None else tuple(rows.pixel_scale_arcsec.tolist()),
    )
    started = perf_counter()
    sample = sample_cutouts(decoder, len(rows))
    seconds = (perf_counter() - started) / len(sample)
    bands, scale, side, noise = settle(sample, choices)
    has_fluxes = settle_fluxes(rows, names=bands.names, flux_unit=choices.flux_unit)
    aperture = choices.aperture_arcsec if scale is not None and not has_fluxes else None
    decoder = replace(
        decoder,
        bands=bands,
        pixel_scale_arcsec=scale,
        field_px=side,
        with_ivar=noise,
        aperture_arcsec=aperture,
    )
    lines += [
        f"bands = {','.join(bands.ids)}",
        f"pixel_scale_arcsec = {scale if scale is None else round(scale, 5)}",
        f"field_px = {side}",
        f"noise = {'inverse variances of the files' if noise else 'unknown'}",
    ]
    if aperture is not None:
        lines.append(f"flux_<band> = measured on the pixels, radius {aperture:g} arcsec")
    extra = {**info.extra, "aperture_radius_arcsec": aperture}
    per_object = len(bands) * side**2 * (2 + 4 * noise)
    return ImportPlan(
        info=replace(info, kind="flux", bands=bands, pixel_scale_arcsec=scale, field_px=side, extra=extra),
        rows=rows,
        decoder=decoder,
        lines=lines,
        estimate_s=1 + len(rows) * seconds,
        estimate_bytes=len(rows) * per_object + rows.columns.nbytes,
    )


def _match(
    files: list[Path], root: Path, table: Path | None, columns: Mapping[str, str] | None, join: Join | None
) -> tuple[ObjectRows, list[str], tuple[tuple[str, ...], ...]]:
    if table is None:
        return _without_table(files)
    sorted_columns = sort_columns(read_table(table), columns, join)
    rows = object_rows(sorted_columns)
    found = match_files(files, root, rows)
    ids = rows.columns.column("object_id").to_pylist()
    keep = []
    for row, matched in enumerate(found.of_row):
        if 1 <= len(matched) <= MAX_FILES:
            keep.append(row)
        else:
            reason = "no file" if not matched else f"{len(matched)} files (limit {MAX_FILES}, one per band)"
            rows.rejected.append(Rejected(ids[row], reason))
    rows.rejected += [Rejected(p.name, "no row of the table") for p in found.unmatched]
    if not keep:
        raise UnreadableTable(
            f"none of {len(files):,} files meets one of {len(rows):,} rows ({found.line}); the first file is "
            f"{files[0].name!r}, the first id {ids[0] if ids else '(none)'!r}. Name a column with "
            "`--column id=...` or `--column filename=...`."
        )
    return (
        rows.take(keep),
        [*sorted_columns.lines, found.line],
        tuple(tuple(str(p) for p in found.of_row[row]) for row in keep),
    )


def _without_table(files: list[Path]) -> tuple[ObjectRows, list[str], tuple[tuple[str, ...], ...]]:
    groups: dict[str, list[Path]] = {}
    for file in files:
        groups.setdefault(_name_without_band(file.name), []).append(file)
    standard = {"object_id": pa.chunked_array([list(groups)])}
    lines = ["object_id = file name without band"]
    rows = object_rows(SortedColumns(len(groups), standard, {}, lines))
    members = list(groups.values())
    return rows, lines, tuple(tuple(str(p) for p in members[i]) for i in rows.source_row)


def _name_without_band(name: str) -> str:
    """Return a file name without endings and without the word that is a band: ``stamp-187.5`` of ``stamp-u-187.5``."""
    stem = ids_in_name(name)[0]
    return re.sub(r"[-_](?:Ks|[ugrizyZYJHK])(?=[-_.]|$)|^(?:Ks|[ugrizyZYJHK])[-_]", "", stem, count=1) or stem
