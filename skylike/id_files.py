"""Lists of ids that people write down."""

from __future__ import annotations

from pathlib import Path

from survey.sources.table_files import UnreadableTable, read_table

__all__ = ["read_ids"]

_TEXT = (".txt", ".lst", "")


def read_ids(path: Path) -> list[str]:
    """Read ids: one a line of a text file, or the column ``object_id`` of a table.

    Raises
    ------
    UnreadableTable
        If the file cannot be read, or the table has no such column.
    """
    if path.suffix.lower() in _TEXT:
        if not path.is_file():
            raise UnreadableTable(f"{path.name}: there is no such file.")
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UnreadableTable(f"{path.name}: not readable as text: {type(error).__name__}") from error
        return list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    rows = read_table(path).rows
    if "object_id" not in rows.column_names:
        raise UnreadableTable(
            f"{path.name}: there is no column object_id; it has {', '.join(rows.column_names)}"
        )
    return list(dict.fromkeys(str(i) for i in rows.column("object_id").to_pylist() if i is not None))
