"""docs/security.md keeps its word: every row of the hostile table is tested by tests that exist."""

import pytest
from support import security_tables

from service.problems import PROBLEMS


def test_every_row_about_files_http_and_queries_is_there():
    assert list(security_tables.ROWS) == list(range(1, 65))


@pytest.mark.parametrize("number", security_tables.ROWS)
def test_a_row_is_tested_by_tests_that_exist(number):
    named = security_tables.tests_of(number)
    assert named
    for test in named:
        file, _, name = test.partition("::")
        assert name in security_tables.functions_of(file), test


def test_no_case_is_outside_the_table_and_no_two_have_one_name():
    cases = [case for case, _ in security_tables.cases()]
    assert {case.row for case in cases} <= security_tables.ROWS.keys()
    names = [str(case) for case in cases]
    assert [name for name in names if names.count(name) > 1] == []


def test_every_answer_is_a_registered_problem():
    for case, _ in security_tables.cases():
        assert not case.code or PROBLEMS[case.code].status == case.status, str(case)
