"""Files that were cut into pieces come out as they were, or not at all."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "gpu"))

from pieces import BadPieces, join_files, split_files

SIZES = {"latest.pt": 2500, "empty.txt": 0, "log.jsonl": 37, "best.pt": 1024}


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "run"
    folder.mkdir()
    for name, size in SIZES.items():
        (folder / name).write_bytes(rng.bytes(size))
    return [folder / name for name in SIZES]


@pytest.mark.parametrize("most", [1, 37, 1000, 1 << 20])
def test_what_was_cut_is_joined_again_bit_by_bit(files, tmp_path, most):
    made = split_files(files, tmp_path / "pieces", most_bytes=most)
    assert all(path.stat().st_size <= most for path in made[1:])
    # No piece but the last is smaller than it may be.
    assert len(made) - 1 == -(-sum(SIZES.values()) // most)
    joined = join_files(tmp_path / "pieces", tmp_path / "elsewhere")
    assert [path.name for path in joined] == list(SIZES)
    assert all(new.read_bytes() == old.read_bytes() for new, old in zip(joined, files, strict=True))


def test_pieces_of_an_earlier_cut_do_not_stay(files, tmp_path):
    split_files(files, tmp_path / "pieces", most_bytes=10)
    made = split_files(files, tmp_path / "pieces", most_bytes=1000)
    assert sorted(tmp_path.joinpath("pieces").iterdir()) == sorted(made)


def test_a_missing_a_damaged_and_an_unlisted_piece_are_named(files, tmp_path):
    pieces, out = tmp_path / "pieces", tmp_path / "out"
    made = split_files(files, pieces, most_bytes=1000)
    kept = made[2].read_bytes()
    made[2].write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    with pytest.raises(BadPieces, match="piece-001 is damaged"):
        join_files(pieces, out)
    made[2].unlink()
    with pytest.raises(BadPieces, match="piece-001 is missing"):
        join_files(pieces, out)
    assert not out.exists()
    made[0].unlink()
    with pytest.raises(BadPieces, match="no list of pieces"):
        join_files(pieces, out)


def test_an_earlier_file_is_replaced(files, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "best.pt").write_bytes(b"older")
    split_files(files, tmp_path / "pieces")
    join_files(tmp_path / "pieces", out)
    assert (out / "best.pt").read_bytes() == files[-1].read_bytes()
    assert sorted(path.name for path in out.iterdir()) == sorted(SIZES)
