"""`skylike doctor` complains where something will not work, and names the command that mends it."""

import socket

import pytest

from skylike.doctor import (
    MIN_FREE_BYTES,
    existing_parent,
    judge_disk,
    judge_distributions,
    judge_flags,
    judge_port,
)
from skylike.findings import Finding, complaint, note, ok, report

FAISS = ("faiss-cpu", "faiss-gpu")


def test_two_distributions_of_one_module_are_a_complaint_that_names_both():
    finding = judge_distributions("faiss", {"faiss": ["faiss-gpu", "faiss-cpu", "faiss-cpu"]}, FAISS)
    assert finding.state == "complaint"
    assert "faiss-cpu, faiss-gpu" in finding.found
    assert finding.remedy.startswith("pip uninstall -y faiss-cpu faiss-gpu && pip install")


def test_an_absent_module_is_a_complaint():
    assert judge_distributions("faiss", {}, FAISS).state == "complaint"


def test_one_distribution_listed_twice_is_fine():
    assert judge_distributions("faiss", {"faiss": ["faiss-cpu", "faiss-cpu"]}, FAISS).state == "ok"


def test_missing_vector_instructions_are_worth_a_note_never_a_complaint():
    assert judge_flags("x86_64", frozenset({"sse2"})).state == "note"
    assert judge_flags("x86_64", frozenset({"avx2", "avx512f", "avx512_vnni"})).state == "ok"
    assert judge_flags("riscv64", frozenset()).state == "note"


@pytest.mark.parametrize(("free", "state"), [(MIN_FREE_BYTES - 1, "complaint"), (MIN_FREE_BYTES, "ok")])
def test_a_full_disk_is_a_complaint(free, state):
    assert judge_disk(free).state == state


def test_a_taken_port_is_a_complaint_that_proposes_a_free_one():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        finding = judge_port("127.0.0.1", taken.getsockname()[1])
    assert finding.state == "complaint"
    assert finding.remedy.startswith("SKYLIKE_PORT=")


def test_a_free_port_is_fine():
    assert judge_port("127.0.0.1", 0).state == "ok"


def test_a_complaint_and_only_a_complaint_has_a_remedy():
    with pytest.raises(ValueError, match="remedy"):
        Finding("disk", "complaint", "full")
    with pytest.raises(ValueError, match="remedy"):
        Finding("disk", "ok", "roomy", "rm -r")


def test_a_report_is_ok_unless_something_complains():
    assert report([ok("a", ""), note("b", "")])["ok"]
    assert not report([ok("a", ""), complaint("b", "", "mend")])["ok"]


def test_the_nearest_existing_folder_is_found(tmp_path):
    assert existing_parent(tmp_path / "a" / "b") == tmp_path
