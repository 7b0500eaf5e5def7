"""The report of an audit: tables, a page of Markdown and, if wanted, montages."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.csv as pc
from PIL import Image, ImageDraw

from index.audit.release_audit import Audit
from index.audit.tables import conflicting_pairs, summary, tables
from survey.archive import SurveyFolder

__all__ = ["draw_montages", "write_report"]

# Rows of each table that the page shows; the tables hold all.
_SHOWN = 30
_TILE_PX, _CAPTION_PX, _COLUMNS, _MOST_TILES = 128, 28, 8, 96
_TITLES = {
    "same_sky": "One sky under two ids",
    "conflicts": "Labels that galaxies of the same look do not have",
    "artefacts": "Cutouts with defects",
}
_MONTAGES = {
    "same_sky": ("same_sky.png", "conflicting_pairs.png"),
    "conflicts": ("conflicts.png",),
    "artefacts": ("artefacts.png",),
}


def write_report(audit: Audit, folder: Path) -> list[Path]:
    """Write ``audit.json``, ``report.md`` and a CSV file of each table; return their paths.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = tables(audit)
    for name, table in made.items():
        pc.write_csv(table, folder / f"{name}.csv")
    (folder / "audit.json").write_bytes(orjson.dumps(summary(audit), option=orjson.OPT_INDENT_2))
    lines = [f"# Audit of {audit.release_id}", ""]
    for name, table in made.items():
        lines += [f"## {_TITLES[name]}", "", f"{table.num_rows} rows in {name}.csv", ""]
        lines += [f"![{_TITLES[name]}]({path})" for path in _MONTAGES[name] if (folder / path).is_file()]
        lines += ["", *_markdown(table.slice(0, _SHOWN)), ""]
    for title, remarks in (("Left out", audit.left_out), ("Limits", audit.notes)):
        lines += (
            [f"## {title}", "", *(f"- {part}: {why}" for part, why in remarks.items()), ""] if remarks else []
        )
    (folder / "report.md").write_text("\n".join(lines))
    return [folder / "report.md", folder / "audit.json", *(folder / f"{name}.csv" for name in made)]


def draw_montages(
    audit: Audit,
    survey: SurveyFolder,
    folder: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Draw the first findings of each table with the survey's thumbnails; return the files.

    Raises
    ------
    CorruptFolder
        If the survey holds no thumbnails.
    OSError
        If the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sheets: dict[str, list[tuple[tuple[int, ...], str]]] = {
        "same_sky.png": [
            (tuple(pair), _overlap(audit, n)) for n, pair in enumerate(audit.pairs.rows.tolist())
        ],
        "conflicting_pairs.png": [
            ((a, b), f"{audit.labels[a]} | {audit.labels[b]}") for a, b in conflicting_pairs(audit)
        ],
    }
    if audit.conflicts is not None:
        found, labels = audit.conflicts.found, audit.conflicts.posterior.labels
        rows = audit.conflicts.rows[found.rows[:_MOST_TILES]].tolist()
        sheets["conflicts.png"] = [
            ((row,), f"{audit.labels[row]}:\n{labels[other]} {p:.2f}")
            for row, other, p in zip(rows, found.other.tolist(), found.p_other.tolist(), strict=False)
        ]
    if audit.artefacts is not None:
        named = zip(audit.artefacts.rows.tolist(), audit.artefacts.defects, strict=True)
        sheets["artefacts.png"] = [((row,), defects) for row, defects in named]
    paths = []
    for done, (name, tiles) in enumerate(sheets.items(), start=1):
        if tiles:
            _montage(survey, tiles[:_MOST_TILES]).save(folder / name)
            paths.append(folder / name)
        if progress is not None:
            progress(done, len(sheets))
    return paths


def _overlap(audit: Audit, number: int) -> str:
    separation, overlap = audit.pairs.separation_arcsec[number], audit.pairs.overlap[number]
    return f"{separation:.1f} arcsec" if overlap != overlap else f"overlap {overlap:.2f}"  # noqa: PLR0124 - NaN


def _montage(survey: SurveyFolder, tiles: Sequence[tuple[tuple[int, ...], str]]) -> Image.Image:
    """Return a sheet of tiles, each the thumbnails of one or two rows side by side over a caption."""
    width = max(len(rows) for rows, _ in tiles)
    columns = max(1, _COLUMNS // width)
    step_x, step_y = width * _TILE_PX + 4, _TILE_PX + _CAPTION_PX
    sheet = Image.new("RGB", (columns * step_x, -(-len(tiles) // columns) * step_y), "white")
    pen = ImageDraw.Draw(sheet)
    for number, (rows, caption) in enumerate(tiles):
        left, top = number % columns * step_x, number // columns * step_y
        for place, row in enumerate(rows):
            with Image.open(io.BytesIO(survey.thumbnail(row))) as thumbnail:
                picture = thumbnail.convert("RGB").resize((_TILE_PX, _TILE_PX))
            sheet.paste(picture, (left + place * _TILE_PX, top))
        pen.text(
            (left + 2, top + _TILE_PX + 1),
            "\n".join(line[: width * 21] for line in caption.split("\n")),
            fill="black",
        )
    return sheet


def _markdown(table: pa.Table) -> list[str]:
    """Return a table as Markdown."""
    lines = [" | ".join(table.column_names), " | ".join("---" for _ in table.column_names)]
    lines += [" | ".join(_cell(value) for value in row.values()) for row in table.to_pylist()]
    return [f"| {line} |" for line in lines]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value).replace("|", "\\|")
