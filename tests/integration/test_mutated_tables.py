"""Mutated tables harm nothing: each is read or refused with a registered code, and none has a file opened."""

import json

import pytest
from support.leading_votables import leading_votables
from support.opened import watched
from support.table_seeds import mutated_table, table_seeds

from service.problems import PROBLEMS
from service.sandbox import Sandbox
from survey.ingest import CutoutRejected

CASES = 200


@pytest.fixture(scope="module")
def box():
    with Sandbox(wall_seconds=60) as box:
        yield box


@pytest.mark.parametrize("seed", sorted(table_seeds()))
def test_what_is_mutated_was_an_honest_table(box, seed):
    rows = box.read_table("t", table_seeds()[seed], max_rows=9).rows
    assert rows["\x1fra_deg"].to_pylist() == [0.5, 1.5, 2.5]
    assert rows["\x1fobject_id"].to_pylist()[:2] == rows["object_id"].to_pylist()[:2] == ["a-1", "b-2"]


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_text("sixteen letters!" * 20)
    return path


def test_no_mutated_table_escapes(box, secret):
    server, seen = box.server_pid, set()
    with watched(secret) as was_opened:
        for number in range(CASES):
            seed, data = mutated_table(number, f"file://{secret}")
            seen.add(outcome(box, (number, seed), data))
            assert not was_opened(), (number, seed)
    assert seen >= {"read", "table.unreadable"}
    assert box.server_pid == server


def outcome(box, case, data):
    """``read`` or the code of the refusal; anything else fails."""
    try:
        table = box.read_table("t", data, max_rows=9)
    except CutoutRejected as refusal:
        code = refusal.code
    else:
        assert 0 <= table.rows.num_rows <= 9, case
        table.rows.validate(full=True)
        json.dumps([table.rows.column_names, table.mapping, table.units], ensure_ascii=False).encode()
        return "read"
    assert code in PROBLEMS, case
    return code


@pytest.mark.parametrize("spelling", leading_votables("x"))
def test_no_table_that_leads_to_a_file_has_it_opened(box, secret, spelling):
    with watched(secret) as was_opened:
        outcome(box, spelling, leading_votables(f"file://{secret}")[spelling])
        assert not was_opened()
        secret.read_text()
        assert was_opened()
