"""What verbs on records share: a session on their database, labels as a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skylike.cli.options import emit, fail

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.records.labels import Which

__all__ = ["records_session", "write_labels"]


@contextmanager
def records_session(data_dir: Path, database_url: str, *, reads_only: bool = False) -> Iterator[Session]:
    """Open a session that commits at the end of the block; a database that cannot be used ends the command."""
    from sqlalchemy.exc import SQLAlchemyError

    from index.catalogue.migrate import MigrationsMissing, SchemaUnknown
    from index.catalogue.session import UnsupportedDatabase, default_url
    from skylike.catalogue_sessions import catalogue_session

    try:
        with catalogue_session(database_url or default_url(data_dir), reads_only=reads_only) as session:
            yield session
    except (MigrationsMissing, SQLAlchemyError, SchemaUnknown, UnsupportedDatabase) as error:
        fail(str(error))


def write_labels(
    session: Session, owner: str, which: Which, *, fmt: str, out: Path | None, whole: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Write labels as a file; returns what to tell of it, None where JSON went to stdout.

    Parameters
    ----------
    whole
        All of the JSON; of a table what holds for all rows.
    """
    import orjson

    from service.formats.writing import FORMATS, write
    from service.operations.labels import LABEL_SCHEMA, tables
    from service.records.labels import count_labels

    if fmt not in FORMATS or fmt == "hdf5":
        fail(f"No format {fmt[:32]!r} is written; there are json, csv, votable, fits and parquet.")
    if out is None:
        if fmt != "json":
            fail(f"Name a file for {fmt}: --out labels{FORMATS[fmt].suffix}")
        emit(whole, as_json=True)
        return None
    if fmt == "json":
        out.write_bytes(orjson.dumps(whole, option=orjson.OPT_INDENT_2))
    else:
        write(tables(session, owner, which), LABEL_SCHEMA, out, fmt, meta=whole)
    return {"file": str(out), "format": fmt, "n_labels": count_labels(session, owner, which)}
