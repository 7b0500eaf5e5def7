"""The state of a database's schema: upgraded, downgraded, compared with the code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from alembic import command
from index.catalogue.session import WRITES, make_engine

__all__ = [
    "MigrationsMissing",
    "SchemaUnknown",
    "check",
    "current_revision",
    "downgrade",
    "head_revision",
    "is_current",
    "upgrade",
]


class MigrationsMissing(RuntimeError):
    """An installation without its migrations."""


class SchemaUnknown(RuntimeError):
    """A database whose revision this version does not know, or whose tables differ from the code."""


def head_revision() -> str:
    """Return the newest revision that this version knows."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def current_revision(url: str) -> str | None:
    """Return a database's revision; None if it was never migrated or its file is not there yet."""
    parsed = make_url(url)
    is_file = parsed.get_backend_name() == "sqlite" and parsed.database not in {None, "", ":memory:"}
    if is_file and not Path(parsed.database or "").exists():
        return None
    with _connection(url) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def is_current(url: str) -> bool:
    """Whether a database has exactly the schema of this version."""
    return current_revision(url) == head_revision()


def upgrade(url: str, revision: str = "head") -> None:
    """Bring a database to a revision, all or nothing; does nothing when it is there.

    Raises
    ------
    SchemaUnknown
        If a newer version has migrated it.
    """
    if revision == "head" and is_current(url):
        return
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    _run(url, lambda config: command.upgrade(config, revision))


def downgrade(url: str, revision: str = "base") -> None:
    """Take a database back to a revision; ``base`` drops every table.

    Raises
    ------
    SchemaUnknown
        If a newer version has migrated it.
    """
    _run(url, lambda config: command.downgrade(config, revision))


def check(url: str) -> None:
    """Compare a database's tables with those of the code.

    Raises
    ------
    SchemaUnknown
        If they differ.
    """
    _run(url, command.check)


def _run(url: str, action: Callable[[Config], None]) -> None:
    with _connection(url) as connection:
        connection.execution_options(**WRITES)
        config = _config()
        config.attributes["connection"] = connection
        try:
            action(config)
        except CommandError as error:
            raise SchemaUnknown(
                f"the database's schema is not one of this version ({error}); install the version that migrated it, "
                "or run `skylike index migrate`"
            ) from error
        connection.commit()


@contextmanager
def _connection(url: str) -> Iterator[Connection]:
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _config() -> Config:
    config = Config()
    # Alembic reads % as the start of a reference.
    config.set_main_option("script_location", str(_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _folder() -> Path:
    """Find the migrations: inside the service in a wheel, ``alembic/`` in a checkout."""
    root = Path(__file__).resolve().parents[2]
    for folder in (root / "service" / "migrations", root / "alembic"):
        # The library called alembic lies beside the wheel's packages: only ours has versions.
        if (folder / "env.py").is_file() and (folder / "versions").is_dir():
            return folder
    raise MigrationsMissing("the migrations are missing from this installation; install Skylike again")
