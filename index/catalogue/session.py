"""Engines and sessions, set up alike everywhere."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.orm import Session, sessionmaker

__all__ = ["WRITES", "UnsupportedDatabase", "default_url", "make_engine", "sessions", "utc", "writing"]

#: Execution option of connections that write: SQLite then takes its write lock when they begin.
WRITES: Final = {"writes": True}
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=10000",
    # Not every build of SQLite does so by default. Until the next checkpoint the WAL holds what was deleted.
    "secure_delete=ON",
)
# A request that gets no connection within this time is better told to come back.
_POOL_SECONDS = 2.0
# Of PostgreSQL: it may accept a connection and never answer on it.
_CONNECT_SECONDS = 3


class UnsupportedDatabase(ValueError):
    """A database that is neither SQLite nor PostgreSQL."""


def default_url(data_dir: Path) -> str:
    """Return the URL of the SQLite catalogue in a data folder."""
    return f"sqlite:///{data_dir / 'catalogue.db'}"


def make_engine(url: str | URL, *, answer_seconds: float | None = None) -> Engine:
    """Make an engine for SQLite or PostgreSQL.

    SQLite runs in WAL mode with ``synchronous=FULL`` (an answered commit survives power loss), foreign
    keys on, deleted rows overwritten, and explicit transactions, so that migrations are all or nothing there too.
    Errors of either hold no values: what people made does not end up in a log.

    Parameters
    ----------
    answer_seconds
        After which PostgreSQL gives up one statement, and 3 s after which a connection is given up that is not
        answered: for a service, whose clients do not wait. None for work that takes as long as it takes.

    Raises
    ------
    UnsupportedDatabase
        If the URL is of another database.
    """
    parsed = make_url(url)
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        waits = {} if answer_seconds is None else {"connect_timeout": _CONNECT_SECONDS}
        engine = create_engine(
            parsed, pool_pre_ping=True, pool_timeout=_POOL_SECONDS, connect_args=waits, hide_parameters=True
        )
        if answer_seconds is not None:
            event.listen(engine, "connect", partial(_limit_statements, answer_seconds))
        return engine
    if backend != "sqlite":
        raise UnsupportedDatabase(f"database {backend!r} is not supported; use sqlite or postgresql")
    # Without a file SQLite keeps one connection and takes no pool options.
    pooled = {"pool_timeout": _POOL_SECONDS} if parsed.database not in {None, "", ":memory:"} else {}
    engine = create_engine(parsed, hide_parameters=True, **pooled)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def sessions(engine: Engine) -> sessionmaker[Session]:
    """Return a maker of sessions that read; whoever opens one ends it.

    On SQLite such a session never waits for a writer. It must not write after it has read: had somebody
    committed in between, SQLite would refuse at once, however long the busy timeout is.
    """
    return sessionmaker(engine.execution_options(writes=False), expire_on_commit=False)


def writing(engine: Engine) -> sessionmaker[Session]:
    """Return a maker of sessions that write; whoever opens one commits it.

    On SQLite they take turns from their first statement on.
    """
    return sessionmaker(engine.execution_options(**WRITES), expire_on_commit=False)


def _limit_statements(seconds: float, connection: Any, _record: object) -> None:
    # Not by libpq's `options`, which would replace those of the URL and which poolers refuse.
    connection.execute(f"SET statement_timeout = {round(1000 * seconds)}")
    connection.commit()


def _configure_sqlite(connection: Any, _record: object) -> None:
    # The driver's own transactions begin late and never around DDL: we begin them ourselves.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def utc(moment: datetime) -> datetime:
    """Give a stored time its zone: SQLite forgets it, and all times stored are UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
