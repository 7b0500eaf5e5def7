"""A short run of what benchmarks/upload_fuzz.py does at length: mutated files harm nothing, honest ones are understood."""

import pytest
from support.fuzz_cases import make_case
from support.fuzz_examination import Examiner
from support.fuzz_seeds import seeds

CASES = 120


@pytest.fixture(scope="module")
def examiner(tmp_path_factory):
    # Longer than in service: the machine may be busy with other tests, and children yield to everyone.
    examiner = Examiner(tmp_path_factory.mktemp("watched"), children=2, wall_seconds=60)
    with examiner.sandbox:
        yield examiner


def test_no_mutated_file_escapes(examiner):
    server = examiner.sandbox.server_pid
    lines = [examiner.examine(make_case(number)) for number in range(CASES)]
    assert [line for line in lines if line["by"] == "escape"] == []
    assert {line["by"] for line in lines} >= {"prescan", "reader", "understood"}
    assert examiner.created() == []
    assert examiner.sandbox.server_pid == server


@pytest.mark.parametrize("seed", sorted(seeds()))
def test_what_is_mutated_was_an_honest_file(examiner, seed):
    from survey.ingest import Overrides

    files, bands = seeds()[seed]
    assert examiner.sandbox.run(files, Overrides(bands=bands)).cutout.good().any()


def test_a_case_is_the_same_in_every_run():
    first, second = make_case(77), make_case(77)
    assert first.files == second.files
    assert first.mutations == second.mutations
    assert {make_case(number).files for number in range(20)} != {first.files}
