"""Runs migrations inside one transaction, on SQLite as on PostgreSQL."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Connection, text

import index.catalogue.tables  # noqa: F401 - registers the tables
import service.records.tables  # noqa: F401 - registers the tables
from alembic import context
from index.catalogue.base import catalogue
from index.catalogue.session import WRITES, default_url, make_engine
from service.records.base import records

# Any number that no other program takes as an advisory lock: two starters never migrate at once.
_LOCK = 7_253_014


def _url() -> str:
    given = context.get_x_argument(as_dictionary=True).get("url") or os.environ.get("SKYLIKE_DATABASE_URL")
    if given:
        return given
    folder = Path(os.environ.get("SKYLIKE_DATA_DIR", "skylike-data"))
    folder.mkdir(parents=True, exist_ok=True)
    return default_url(folder)


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=[catalogue, records],
        render_as_batch=connection.dialect.name == "sqlite",
        # The engine begins SQLite transactions itself, so that DDL is part of them there too.
        transactional_ddl=True,
        compare_type=True,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    _migrate(given)
else:
    with make_engine(_url()).execution_options(**WRITES).connect() as opened:
        _migrate(opened)
