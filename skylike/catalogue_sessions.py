"""Sessions of the command line on a migrated database."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from index.catalogue.migrate import upgrade
from index.catalogue.session import make_engine, sessions, writing

__all__ = ["catalogue_session", "command_line_owner"]


@contextmanager
def catalogue_session(url: str, *, reads_only: bool = False) -> Iterator[Session]:
    """Open a session on a migrated database; commits at the end of the block.

    Parameters
    ----------
    reads_only
        Such a session waits for nobody who writes.
    """
    upgrade(url)
    engine = make_engine(url)
    try:
        with (sessions if reads_only else writing)(engine)() as session:
            yield session
            session.commit()
    finally:
        engine.dispose()


def command_line_owner() -> str:
    """Return who the audit trail says ran this command."""
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):  # A container's user may have no name.
        return "cli:unknown"
