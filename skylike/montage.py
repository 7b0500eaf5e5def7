"""Thumbnails of a survey on one sheet, each over a caption."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw

from survey.archive import SurveyFolder

__all__ = ["MOST_TILES", "draw_montage"]

#: What a sheet of eight columns holds of tiles before it is longer than screens and printers like.
MOST_TILES: Final = 96
_COLUMNS, _TILE_PX, _GAP_PX, _LINE_PX = 8, 128, 4, 12


def draw_montage(
    survey: SurveyFolder,
    tiles: Sequence[tuple[str, Sequence[str]]],
    path: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Draw objects with lines of text below each, row by row, into a PNG file.

    Parameters
    ----------
    tiles
        Ids with their lines, as many for each.

    Raises
    ------
    UnknownObject, CorruptFolder
        If the survey has not one of them, or no thumbnails.
    OSError
        If the file cannot be written.
    """
    lines = max((len(caption) for _, caption in tiles), default=0)
    step_x, step_y = _TILE_PX + _GAP_PX, _TILE_PX + lines * _LINE_PX + _GAP_PX
    columns = max(1, min(_COLUMNS, len(tiles)))
    sheet = Image.new("RGB", (columns * step_x, max(1, -(-len(tiles) // columns)) * step_y), "black")
    pen = ImageDraw.Draw(sheet)
    for number, (object_id, caption) in enumerate(tiles):
        left, top = number % columns * step_x, number // columns * step_y
        with Image.open(io.BytesIO(survey.thumbnail(survey.row_of(object_id)))) as thumbnail:
            sheet.paste(thumbnail.convert("RGB").resize((_TILE_PX, _TILE_PX)), (left, top))
        for line, text in enumerate(caption):
            pen.text((left + 2, top + _TILE_PX + line * _LINE_PX), _fitting(pen, text), fill="white")
        if progress is not None:
            progress(number + 1, len(tiles))
    sheet.save(path, "PNG")


def _fitting(pen: ImageDraw.ImageDraw, text: str) -> str:
    """Cut a text at the width of a tile."""
    text = text.encode("ascii", "replace").decode()
    while text and pen.textlength(text) > _TILE_PX:
        text = text[:-1]
    return text
