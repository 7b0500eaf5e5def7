"""Which file belongs to which row: by a file-name column, or by the id in the file's name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from survey.sources.rows import ObjectRows

__all__ = ["Matched", "ids_in_name", "match_files"]

_SUFFIXES = re.compile(r"(?i)(\.(fits?|fz|gz|bz2|jpe?g|png))+$")
_MAX_PIECES = 16


@dataclass(frozen=True, slots=True)
class Matched:
    """Files of each row.

    Attributes
    ----------
    of_row
        In the rows' order; empty where none was found.
    unmatched
        Files that belong to no row.
    line
        How it was decided, for the user.
    """

    of_row: list[list[Path]]
    unmatched: list[Path]
    line: str


def match_files(files: Sequence[Path], root: Path, rows: ObjectRows) -> Matched:
    """Match files to rows.

    With a file-name column (several names apart by ``;`` or a comma) a name may be a path below ``root``, a bare
    name, or a name without its ending. Otherwise a file belongs to the row whose id stands in its name
    between other characters than letters and digits, the longest such id.
    """
    if rows.file is not None:
        return _by_column(files, root, rows)
    ids: list[str] = rows.columns.column("object_id").to_pylist()
    row_of = {name: row for row, name in enumerate(ids)}
    # Blanks in ids (SDSS J...) are rarely kept in file names.
    for row, name in enumerate(ids):
        row_of.setdefault(re.sub(r"\s+", "_", name), row)
        row_of.setdefault(re.sub(r"\s+", "", name), row)
    of_row: list[list[Path]] = [[] for _ in ids]
    unmatched = []
    for file in files:
        found = next((row_of[part] for part in ids_in_name(file.name) if part in row_of), None)
        if found is None:
            unmatched.append(file)
        else:
            of_row[found].append(file)
    return Matched(of_row, unmatched, "file = id in the file name")


def ids_in_name(name: str) -> list[str]:
    """Return the parts of a file name that could be an id, longest first."""
    stem = _SUFFIXES.sub("", name)
    bounds = [m.span() for m in re.finditer(r"[A-Za-z0-9]+", stem)][:_MAX_PIECES]
    parts = {stem}
    for n, (start, _) in enumerate(bounds):
        for _, stop in bounds[n:]:
            # A sign before the first digit belongs to the number.
            parts |= {stem[start:stop], stem[max(0, start - 1) : stop]}
    return sorted(parts, key=len, reverse=True)


def _by_column(files: Sequence[Path], root: Path, rows: ObjectRows) -> Matched:
    assert rows.file is not None
    by_name: dict[str, list[Path]] = {}
    for file in files:
        for key in {file.relative_to(root).as_posix() if file.is_relative_to(root) else file.name, file.name}:
            by_name.setdefault(key, []).append(file)
        by_name.setdefault(_SUFFIXES.sub("", file.name), []).append(file)
    used: set[Path] = set()
    of_row: list[list[Path]] = []
    for cell in rows.file:
        found: list[Path] = []
        for name in re.split(r"\s*[;,]\s*", cell or ""):
            plain = name.replace("\\", "/").removeprefix("./")
            if plain:
                found += by_name.get(plain) or by_name.get(plain.rsplit("/", 1)[-1]) or []
        of_row.append(list(dict.fromkeys(found)))
        used.update(found)
    return Matched(of_row, [f for f in files if f not in used], "file = your file-name column")
