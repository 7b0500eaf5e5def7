"""Writers of one SQLite file take turns; readers wait for nobody."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from threading import Timer

import pytest
from sqlalchemy import text

from index.catalogue.migrate import current_revision, downgrade, upgrade
from index.catalogue.session import default_url, make_engine, sessions, writing
from service.records.audit import list_audit, record
from skylike.catalogue_sessions import catalogue_session


@pytest.fixture
def url(tmp_path):
    upgrade(default_url(tmp_path))
    return default_url(tmp_path)


@contextmanager
def impatient(tmp_path):
    """Open a second connection, which fails at once where it would have to wait."""
    connection = sqlite3.connect(tmp_path / "catalogue.db", timeout=0, check_same_thread=False)
    with closing(connection):
        yield connection


def test_nobody_commits_between_what_a_writer_reads_and_what_it_writes(url, tmp_path):
    engine = make_engine(url)
    with impatient(tmp_path) as other:
        with writing(engine)() as session:
            assert list_audit(session) == []
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("CREATE TABLE other (n)")
            record(session, owner="cli:ada", action="a", subject="one")
            session.commit()
        other.execute("CREATE TABLE other (n)")
    engine.dispose()


def test_the_session_of_the_commands_writes(url, tmp_path):
    with impatient(tmp_path) as other, catalogue_session(url) as session:
        assert list_audit(session) == []
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("CREATE TABLE other (n)")


@pytest.mark.parametrize("opened", ["reader", "command"])
def test_a_reader_waits_for_no_writer(url, tmp_path, opened):
    engine = make_engine(url)
    with impatient(tmp_path) as other:
        other.execute("BEGIN IMMEDIATE")
        session = sessions(engine)() if opened == "reader" else catalogue_session(url, reads_only=True)
        with session as reader:
            assert list_audit(reader) == []
        other.rollback()
    engine.dispose()


def test_a_migration_waits_for_its_turn(url, tmp_path):
    with impatient(tmp_path) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE other (n)")
        turn = Timer(0.3, other.commit)
        turn.start()
        downgrade(url)
        turn.join()
    assert current_revision(url) is None


def test_a_current_schema_needs_no_turn(url, tmp_path):
    with impatient(tmp_path) as other:
        other.execute("BEGIN IMMEDIATE")
        upgrade(url)
        other.rollback()


def test_the_option_of_writers_leaves_readers_of_the_same_engine_alone(url, tmp_path):
    engine = make_engine(url)
    writing(engine)
    with impatient(tmp_path) as other, engine.begin() as connection:
        connection.execute(text("SELECT 1"))
        other.execute("CREATE TABLE other (n)")
    engine.dispose()
