"""Labels are never overwritten, and sessions keep theirs: on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from index.catalogue.migrate import upgrade
from index.catalogue.session import make_engine, writing
from service.operations.labelling import give
from service.operations.refusals import SessionNotFound
from service.records.labels import (
    LabelRow,
    Which,
    add_labels,
    count_labels,
    current_labels,
    end_label,
    find_label,
    labels_by_key,
    list_labels,
)
from service.records.sessions import (
    SessionRow,
    add_session,
    all_sessions,
    change_session,
    count_sessions,
    find_session,
    list_sessions,
    remove_session,
)

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
SESSION = SessionRow(
    "a" * 32, "vera", "rings", "gz", "gz-1", "polar48", "gp", 3.0, {"z_spec": [0, 1]}, 7, 0, NOON, None
)
LABEL = LabelRow(
    "1" * 32,
    "vera",
    SESSION.id,
    "gz",
    "J1",
    "score",
    4.0,
    "a ring",
    "client",
    NOON,
    "gz-1",
    "polar48",
    1,
    "k1",
)


@pytest.fixture
def session(database_url):
    upgrade(database_url)
    engine = make_engine(database_url)
    with writing(engine)() as session:
        add_session(session, SESSION)
        yield session
    engine.dispose()


def test_a_label_that_waited_while_its_session_was_deleted_finds_none(session):
    with pytest.raises(SessionNotFound, match="deleted"):
        give(session, None, None, SESSION.owner, [], of=replace(SESSION, id="c" * 32))


def test_a_session_comes_back_as_it_was_written(session):
    assert find_session(session, "vera", SESSION.id) == SESSION
    assert all_sessions(session) == [SESSION]


def test_another_owners_session_is_as_absent_as_one_that_never_was(session):
    assert find_session(session, "edwin", SESSION.id) is None
    assert list_sessions(session, "edwin", limit=10) == []
    assert count_sessions(session, "edwin") == 0
    assert not change_session(session, "edwin", SESSION.id, name="mine")
    assert not remove_session(session, "edwin", SESSION.id)
    assert find_session(session, "vera", SESSION.id) == SESSION


def test_pages_of_sessions_are_newest_first_without_gap_or_repeat(session):
    later = replace(SESSION, id="b" * 32, created_at=NOON + timedelta(seconds=1))
    add_session(session, later)
    (first,) = list_sessions(session, "vera", limit=1)
    (second,) = list_sessions(session, "vera", limit=1, before=(first.created_at, first.id))
    assert (first, second) == (later, SESSION)


def test_a_label_comes_back_as_it_was_written(session):
    add_labels(session, [LABEL])
    found = find_label(session, "vera", LABEL.id)
    assert found == replace(LABEL, number=found.number)
    assert labels_by_key(session, "vera", ["k1", "k2"]) == {"k1": found}
    assert find_label(session, "edwin", LABEL.id) is None
    assert labels_by_key(session, "edwin", ["k1"]) == {}


def test_a_superseded_label_stays_and_says_what_took_its_place(session):
    later = replace(LABEL, id="2" * 32, value=1.0, client_key=None)
    add_labels(session, [LABEL])
    assert end_label(session, LABEL.id, at=NOON, by=later.id)
    add_labels(session, [later])
    assert not end_label(session, LABEL.id, at=NOON, by="3" * 32)
    of_object = current_labels(session, "vera", survey="gz", session_id=SESSION.id, ids=["J1", "J2"])
    assert {name: row.id for name, row in of_object.items()} == {"J1": later.id}
    assert [row.id for row in list_labels(session, "vera", Which())] == [later.id]
    history = list_labels(session, "vera", Which(history=True))
    assert [(row.id, row.ended_by) for row in history] == [(LABEL.id, later.id), (later.id, None)]


def test_labels_of_a_session_and_labels_outside_all_do_not_meet(session):
    add_labels(session, [LABEL])
    assert current_labels(session, "vera", survey="gz", session_id=None, ids=["J1"]) == {}


def test_a_key_is_an_owners_own_and_used_once(session):
    add_labels(session, [LABEL, replace(LABEL, id="2" * 32, owner="edwin")])
    with pytest.raises(IntegrityError):
        add_labels(session, [replace(LABEL, id="3" * 32)])


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        (Which(), ["J1", "J2", "J3"]),
        (Which(object_id="J2"), ["J2"]),
        (Which(kind="artefact"), ["J2"]),
        (Which(value_min=2.0), ["J1"]),
        (Which(value_max=2.0), ["J3"]),
        (Which(since=NOON + timedelta(minutes=1)), ["J2", "J3"]),
        (Which(until=NOON + timedelta(minutes=1)), ["J1"]),
        (Which(session_id=SESSION.id), ["J1", "J2"]),
        (Which(survey="other"), []),
    ],
)
def test_labels_are_chosen_by_what_they_say(session, which, expected):
    rows = [
        LABEL,
        replace(LABEL, id="2" * 32, object_id="J2", kind="artefact", value=None, client_key=None),
        replace(LABEL, id="3" * 32, object_id="J3", value=0.5, client_key=None, session_id=None),
    ]
    add_labels(session, [replace(row, at=NOON + n * timedelta(minutes=1)) for n, row in enumerate(rows)])
    assert [row.object_id for row in list_labels(session, "vera", which)] == expected
    assert count_labels(session, "vera", which) == len(expected)


def test_a_session_goes_with_its_labels_and_leaves_the_others(session):
    outside = replace(LABEL, id="2" * 32, session_id=None, client_key=None)
    add_labels(session, [LABEL, outside])
    assert remove_session(session, "vera", SESSION.id)
    assert [row.id for row in list_labels(session, "vera", Which(history=True))] == [outside.id]
