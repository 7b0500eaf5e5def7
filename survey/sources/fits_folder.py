"""FITS cutouts with a catalogue table become a survey in nanomaggies."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import pyarrow as pa

from survey.archive import SurveyInfo
from survey.bands import BandSet
from survey.fits.reader import MAX_FILES
from survey.ingest import CutoutRejected, Overrides, Understood
from survey.sources.fits_decoder import FITSDecoder
from survey.sources.joining import Join, SortedColumns, sort_columns
from survey.sources.matching import ids_in_name, match_files
from survey.sources.plan import ImportPlan
from survey.sources.rows import ObjectRows, Rejected, object_rows
from survey.sources.table_files import UnreadableTable, read_table
from survey.sources.values import NO_POSITIONS

__all__ = ["Choices", "fits_files", "plan"]

_SUFFIXES = (".fits", ".fit", ".fts", ".fits.fz", ".fits.gz", ".fits.bz2", ".fit.gz")
_SAMPLE = 12
_MAX_FIELD_PX = 512
_SCALE_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user says about the cutouts; None where the files shall tell.

    Attributes
    ----------
    bands
        As in :class:`survey.ingest.Overrides`, for every object.
    pixel_scale_arcsec
        Of the *survey*: cutouts of another scale are resampled to it, cutouts without one are taken to have it.
    field_px
        Side to store; larger cutouts are cut, smaller ones surrounded by unknown pixels.
    zeropoint
        AB magnitude of one count, for files that do not say.
    hdu
        The HDU with the image.
    aperture_arcsec
        Radius in which fluxes are measured where the table has none.
    """

    bands: str | None = None
    pixel_scale_arcsec: float | None = None
    field_px: int | None = None
    zeropoint: float | None = None
    hdu: int | None = None
    aperture_arcsec: float = 4.0


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
    sample = _sample(decoder, len(rows))
    seconds = (perf_counter() - started) / len(sample)
    bands, scale, side, noise = _settle(sample, choices)
    has_fluxes = any(name.startswith("flux_") for name in rows.columns.column_names)
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


def _sample(decoder: FITSDecoder, n: int) -> list[Understood]:
    """Read some of the cutouts as they are."""
    found: list[Understood] = []
    first: CutoutRejected | None = None
    for row in np.unique(np.linspace(0, n - 1, min(n, _SAMPLE)).astype(int)):
        try:
            found.append(decoder.understand(int(row)))
        except CutoutRejected as error:
            first = first or error
    if not found:
        assert first is not None
        raise first
    return found


def _settle(sample: Sequence[Understood], choices: Choices) -> tuple[BandSet, float | None, int, bool]:
    """Choose bands, pixel scale, size and noise for the survey from a sample and the user's choices."""
    cutouts = [u.cutout for u in sample]
    bands = cutouts[0].bands
    uncalibrated = next((u for u in sample if not u.cutout.is_calibrated), None)
    if uncalibrated is not None:
        text = next(text for step, text in uncalibrated.report.steps if step == "units")
        raise CutoutRejected("fits.units_unknown", f"{text} A survey holds nanomaggies: give `--zeropoint`.")
    scales = [c.pixel_scale_arcsec for c in cutouts if c.pixel_scale_arcsec is not None]
    scale = choices.pixel_scale_arcsec
    if scale is None and scales:
        if max(scales) / min(scales) > 1 + _SCALE_TOLERANCE:
            raise UnreadableTable(
                f"pixel scales run from {min(scales):.3g} to {max(scales):.3g} arcsec. Choose one to resample to, "
                f"for example `--pixel-scale {max(scales):.3g}`."
            )
        scale = float(np.median(scales))
    sides = [
        min(c.shape)
        if scale is None or c.pixel_scale_arcsec is None
        else int(min(c.shape) * c.pixel_scale_arcsec / scale + 0.01)
        for c in cutouts
    ]
    side = choices.field_px
    if side is None:
        if max(sides) > min(sides):
            raise UnreadableTable(
                f"cutouts have {min(sides)} to {max(sides)} px. Choose what to store, for example `--field-px "
                f"{min(sides)}`: larger ones are cut, smaller ones filled with unknown pixels."
            )
        side = min(sides)
        if side > _MAX_FIELD_PX:
            raise UnreadableTable(
                f"cutouts have {side} px; choose what to store, for example `--field-px 128`."
            )
    return bands, scale, side, any(c.ivar is not None for c in cutouts)
