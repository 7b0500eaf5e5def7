"""Batches of an interrupted import on a real disk."""

import numpy as np
import pytest

from survey.sources import batches
from survey.sources.plan import Decoded


@pytest.mark.parametrize(
    "damage", [lambda whole: b"", lambda whole: whole[:-40], lambda whole: bytes(len(whole))]
)
def test_a_torn_batch_is_decoded_again(tmp_path, damage):
    class Counting:
        def __call__(self, row):
            return Decoded(np.full((1, 2, 2), row, np.float32))

        def fingerprint(self):
            return "x"

    spans = [(0, 2), (2, 4)]
    store = batches.BatchStore(tmp_path / "scratch", "one")
    first = list(batches.decode(Counting(), spans, store, 1))
    torn = tmp_path / "scratch" / "000000.npz"
    torn.write_bytes(damage(torn.read_bytes()))
    again = list(batches.decode(Counting(), spans, store, 1))
    assert [b.flux.tolist() for b in again] == [b.flux.tolist() for b in first]
    assert store.load(0) is not None
