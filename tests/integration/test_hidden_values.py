"""What people made does not leave the database by the log or by the room that a deleted row took."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from support import keepers

from index.catalogue.migrate import upgrade
from index.catalogue.session import default_url, make_engine
from service.operations import keeping

SECRET = "sk_nobody_may_read_this"


def test_the_error_of_a_statement_holds_none_of_its_values(database_url):
    engine = make_engine(database_url)
    with engine.connect() as connection, pytest.raises(SQLAlchemyError) as failed:
        connection.execute(text("SELECT :secret FROM no_such_table"), {"secret": SECRET})
    assert SECRET not in str(failed.value)
    engine.dispose()


def test_a_deleted_row_is_overwritten_in_the_file_of_sqlite(tmp_path):
    url, file = default_url(tmp_path), tmp_path / "catalogue.db"
    upgrade(url)
    service = keepers.keeper(url, tmp_path / "uploads")
    upload_id = keepers.keep(service, name=f"{SECRET}.fits")
    service.engine.dispose()
    assert SECRET.encode() in file.read_bytes()
    keeping.forget(service, owner=keepers.OWNER, upload_id=upload_id)
    # The last connection of a service does so when it ends, a running one every thousand pages.
    service.engine.dispose()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert not any(SECRET.encode() in path.read_bytes() for path in tmp_path.glob("catalogue.db*"))
