"""`skylike keys` gives a key out once, keeps only its hash, and revokes it for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from index.catalogue.migrate import upgrade
from index.catalogue.session import make_engine, sessions, writing
from service.records.audit import list_audit
from service.records.keys import BadOwner, find_key, hash_of, issue, list_keys, revoke
from skylike.cli.keys import app

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)


@pytest.fixture
def session(database_url):
    upgrade(database_url)
    engine = make_engine(database_url)
    with writing(engine)() as opened:
        yield opened
    engine.dispose()


def run(tmp_path, *arguments):
    return CliRunner().invoke(app, [*arguments, "--data-dir", str(tmp_path), "--json"])


def test_a_key_is_found_by_its_hash_and_nothing_of_it_is_stored(session):
    row, key = issue(session, owner="ada", name="laptop", now=NOW)
    assert (row.owner, row.name, row.created_at) == ("ada", "laptop", NOW)
    # 32 random bytes in base64 without padding.
    assert len(key.removeprefix("sk_")) == 43
    assert find_key(session, hash_of(key)) == row
    assert find_key(session, hash_of(key[:-1])) is None
    stored = str(session.execute(text("SELECT * FROM records_keys")).all())
    assert row.prefix in stored
    assert key[9:] not in stored


def test_no_two_keys_are_alike(session):
    keys = {issue(session, owner="ada")[1] for _ in range(50)}
    assert len(keys) == len(list_keys(session)) == 50


def test_a_key_opens_until_it_expires_or_is_revoked(session):
    row, key = issue(session, owner="ada", expires_at=NOW + timedelta(days=1), now=NOW)
    assert row.opens(NOW + timedelta(hours=23))
    assert not row.opens(NOW + timedelta(days=1))
    assert revoke(session, row.id, now=NOW).revoked_at == NOW
    # Revoking again changes nothing.
    assert revoke(session, row.id, now=NOW + timedelta(hours=1)).revoked_at == NOW
    assert not find_key(session, hash_of(key)).opens(NOW)
    assert revoke(session, row.id + 1) is None


@pytest.mark.parametrize("owner", ["", "local", "Ada", "a b", "cli:root", "a" * 65, "../x", "é"])
def test_a_name_that_could_be_taken_for_another_is_no_owner(session, owner):
    with pytest.raises(BadOwner):
        issue(session, owner=owner)
    assert list_keys(session) == []


def test_the_command_shows_the_key_once_and_writes_who_did_it(tmp_path):
    made = run(tmp_path, "add", "ada@example.org", "--name", "laptop", "--expires-days", "30")
    assert made.exit_code == 0, made.output
    told = orjson.loads(made.stdout)
    assert told["key"].startswith(told["prefix"])
    listed = run(tmp_path, "list")
    (row,) = orjson.loads(listed.stdout)["keys"]
    assert row == {**{k: v for k, v in told.items() if k != "key"}, "opens": True}
    assert told["key"] not in listed.stdout
    revoked = orjson.loads(run(tmp_path, "revoke", str(told["id"])).stdout)
    assert revoked["revoked_at"]
    assert orjson.loads(run(tmp_path, "list").stdout)["keys"][0]["opens"] is False
    engine = make_engine(f"sqlite:///{tmp_path / 'catalogue.db'}")
    with sessions(engine)() as opened:
        trail = list_audit(opened)
    engine.dispose()
    assert [one.action for one in trail] == ["key.revoke", "key.add"]
    assert told["key"] not in str(trail)


def test_the_command_refuses_in_one_sentence(tmp_path):
    for arguments in (("add", "local"), ("revoke", "7")):
        refused = CliRunner().invoke(app, [*arguments, "--data-dir", str(tmp_path)])
        assert refused.exit_code == 1
        assert len(refused.stderr.strip().splitlines()) == 1
        assert "Traceback" not in refused.output
