"""FITS files of the hostile table: each has its answer, and the service answers the next honest file."""

import json

import pytest
from support.fits_builder import BLOCK
from support.hostile_fits import CASES, with_cards
from support.listening import listening
from support.problems import assert_problem
from support.strangers import UPLOAD


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_hostile_file_has_its_answer_and_the_next_good_one_too(doorstep, case):
    data = case.build(doorstep.good)
    answer = doorstep.send(data, case.type)
    if case.code:
        assert_problem(answer, case.status, case.code)
    else:
        assert answer.status_code == case.status, answer.text
    doorstep.assert_well()


def test_a_file_cut_at_any_block_is_refused_as_cut(doorstep):
    whole = -(-(doorstep.good.index(b"END" + b" " * 77) + 80) // BLOCK) * BLOCK + 5 * 48 * 48 * 4
    for cut in range(BLOCK, whole, BLOCK):
        code = "fits.no_end" if b"END" + b" " * 77 not in doorstep.good[:cut] else "fits.truncated"
        assert_problem(doorstep.send(doorstep.good[:cut]), 422, code)
    doorstep.assert_well()


def test_a_hundred_megabytes_without_end_are_refused_before_they_come(doorstep):
    answer = doorstep.request(
        "POST /api/v1/neighbours/upload HTTP/1.1", "Content-Type: image/fits", "Content-Length: 100000000"
    )
    assert answer.startswith(b"HTTP/1.1 413")
    assert b'"code":"request.too_large"' in answer
    doorstep.assert_well()


@pytest.mark.parametrize("row", [4, 5, 16, 17])
def test_a_size_that_is_only_claimed_takes_no_memory_of_the_service(doorstep, row):
    cases = [case for case in CASES if case.row == row]
    files = [case.build(doorstep.good) for case in cases]
    doorstep.assert_well()
    for data in files:
        before = doorstep.forget_peak()
        doorstep.send(data)
        # The file is held once by each of HTTP's parts and once on its way to the child.
        assert doorstep.peak_bytes() - before < (20 << 20) + 4 * len(data)


@pytest.mark.parametrize("name", ["one hot pixel", "all negative"])
def test_an_odd_image_has_the_same_finite_answer_each_time(doorstep, name):
    (case,) = (case for case in CASES if case.name == name)
    data = case.build(doorstep.good)
    first, second = (doorstep.send(data).json() for _ in range(2))
    assert first == second
    assert all(-1.001 <= hit["similarity"] <= 1.001 for hit in first["hits"])


def test_names_and_cards_that_point_somewhere_are_followed_nowhere(doorstep, tmp_path):
    # A galaxy of other pixels: were it read instead, the answer would be another.
    there, target = tmp_path / "there.fits", tmp_path / "made.fits"
    there.write_bytes(with_cards(doorstep.good, ("ZEROPNT", 15.0)))
    told = doorstep.send(doorstep.good).json()["hits"]
    with listening() as (port, hits):
        address = f"http://127.0.0.1:{port}/x.fits"
        names = [
            address,
            f"file://{there}",
            str(there),
            f"s3://127.0.0.1:{port}/x",
            f"!{target}",
            f"{target}[1]",
            f"x({target})",
            "/etc/passwd",
        ]
        before = sorted(path for folder in doorstep.folders for path in folder.rglob("*"))
        for name in names:
            answer = doorstep.client.post(UPLOAD, files=[("file", (name, doorstep.good, "image/fits"))])
            assert answer.status_code == 200, (name, answer.text)
            assert answer.json()["hits"] == told
        for place in (address, f"file://{there}", str(there)):
            cards = [(key, place[:68]) for key in ("D2IMFILE", "NPOLFILE", "IDCTAB", "INHERIT", "DATALINK")]
            answer = doorstep.send(with_cards(doorstep.good, *cards))
            assert (answer.status_code, answer.json()["hits"]) == (200, told)
        assert hits == []
    assert not target.exists()
    # The database may keep its own files beside it.
    after = sorted(path for folder in doorstep.folders for path in folder.rglob("*"))
    assert {path for path in set(after) ^ set(before) if ".db" not in path.name} == set()


def test_no_card_breaks_a_line_of_the_log(doorstep):
    for case in (case for case in CASES if case.row == 30):
        doorstep.send(case.build(doorstep.good))
    lines = doorstep.log.read_bytes().decode().split("\n")
    # The first line is the command's own.
    assert all({"at", "level", "message"} <= json.loads(line).keys() for line in lines[1:] if line)
