"""Batches come as they were asked for, held in memory or gathered ahead."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra [train]")

from training.loader import Loader  # noqa: E402
from training.schedule import epoch_batches  # noqa: E402
from training.stored_fields import StoredFields  # noqa: E402

COUNTS = (40, 24)


def sources():
    rng = np.random.default_rng(0)
    return [
        StoredFields(rng.integers(0, 256, (60, 3, 4, 4), dtype=np.uint8), np.arange(60), None) for _ in COUNTS
    ]


def loader(*, resident, given=None):
    places = [np.random.default_rng(n).permutation(60)[:count] for n, count in enumerate(COUNTS)]
    made = Loader(given or sources(), places, torch.device("cpu"), resident_bytes=1 << 20 if resident else 0)
    assert made.is_resident == resident
    return made, places


def order(epoch=0):
    return epoch_batches(COUNTS, batch=4, seed=1, epoch=epoch)


@pytest.mark.parametrize("resident", [True, False])
def test_a_batch_holds_the_training_fields_of_its_rows(resident):
    made, places = loader(resident=resident)
    made.expect(order())
    for batch in order():
        expected = sources()[batch.source].fields[places[batch.source][batch.rows]]
        assert np.array_equal(made.take(batch).numpy(), expected)


def test_batches_gathered_ahead_come_in_order_and_others_are_served_too():
    made, _ = loader(resident=False)
    held, _ = loader(resident=True)
    expected, stranger = order(), order(5)[0]
    made.expect(expected)
    for n, batch in enumerate(expected):
        assert torch.equal(made.take(batch), held.take(batch))
        if n == 3:
            assert torch.equal(made.take(stranger), held.take(stranger))


def test_a_new_expectation_replaces_the_old_one():
    made, _ = loader(resident=False)
    held, _ = loader(resident=True)
    made.expect(order())
    made.take(order()[0])
    later = order(1)
    made.expect(later)
    assert all(torch.equal(made.take(batch), held.take(batch)) for batch in later)


def test_the_waiting_is_added_up():
    made, _ = loader(resident=False)
    assert made.waited == 0
    made.take(order()[0])
    assert made.waited > 0


def test_what_cannot_be_read_is_told_to_who_asks():
    class Broken:
        """Fields on a disk that is gone."""

        def __init__(self, fields):
            self.shape, self.dtype, self._first = fields.shape, fields.dtype, fields[0]

        def __getitem__(self, places):
            if isinstance(places, int):
                return self._first
            raise OSError("no such device")

    broken = [StoredFields(Broken(source.fields), source.rows, None) for source in sources()]
    made, _ = loader(resident=False, given=broken)
    batches = order()
    made.expect(batches)
    with pytest.raises(OSError, match="no such device"):
        made.take(batches[0])
