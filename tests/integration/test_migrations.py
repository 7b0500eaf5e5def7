"""Migrations go up and down on both databases and say when a schema is stale."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect, text

from index.catalogue.base import catalogue
from index.catalogue.migrate import (
    SchemaUnknown,
    check,
    current_revision,
    downgrade,
    head_revision,
    is_current,
    upgrade,
)
from index.catalogue.session import make_engine
from service.records.base import records


def _tables(url):
    engine = make_engine(url)
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def test_an_empty_database_is_not_current_and_looking_creates_no_file(database_url, tmp_path):
    assert not is_current(database_url)
    assert not (tmp_path / "catalogue.db").exists()


def test_upgrade_creates_what_the_code_declares(database_url):
    upgrade(database_url)
    check(database_url)
    assert _tables(database_url) == {*catalogue.tables, *records.tables, "alembic_version"}
    assert is_current(database_url)


def test_upgrading_twice_does_nothing(database_url):
    upgrade(database_url)
    upgrade(database_url)
    assert current_revision(database_url) == head_revision()


def test_downgrade_drops_every_table(database_url):
    upgrade(database_url)
    downgrade(database_url)
    assert _tables(database_url) == {"alembic_version"}
    assert not is_current(database_url)


def test_up_down_up_ends_where_it_began(database_url):
    upgrade(database_url)
    downgrade(database_url)
    upgrade(database_url)
    check(database_url)


def test_a_missing_column_fails_the_check(database_url):
    upgrade(database_url)
    engine = make_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE surveys DROP COLUMN title"))
    engine.dispose()
    with pytest.raises(SchemaUnknown, match="title"):
        check(database_url)


def test_a_database_of_a_newer_version_is_refused(database_url):
    upgrade(database_url)
    engine = make_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'zz99'"))
    engine.dispose()
    assert not is_current(database_url)
    with pytest.raises(SchemaUnknown, match="zz99"):
        upgrade(database_url)


def test_every_record_has_an_owner():
    assert all(not table.c.owner.nullable for table in records.tables.values())
