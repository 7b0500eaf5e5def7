"""A database that is there and does not answer holds nobody up for long."""

from __future__ import annotations

import socket
import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from index.catalogue.session import make_engine


def test_a_server_that_accepts_and_never_answers_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        engine = make_engine(f"postgresql://u@127.0.0.1:{port}/db?sslmode=disable", answer_seconds=1)
        begun = time.monotonic()
        with pytest.raises(OperationalError, match="timeout"):
            engine.connect()
        # Three seconds, and some for a busy machine.
        assert time.monotonic() - begun < 20
        engine.dispose()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_statement_of_the_service_ends_but_not_one_of_a_migration(database_url):
    served, migrating = make_engine(database_url, answer_seconds=0.2), make_engine(database_url)
    with served.connect() as connection, pytest.raises(OperationalError, match="statement timeout"):
        connection.execute(text("SELECT pg_sleep(30)"))
    with served.connect() as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "200ms"
    with migrating.connect() as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "0"
    served.dispose()
    migrating.dispose()
