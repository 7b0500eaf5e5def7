"""The learning rate, the order of galaxies and the parting of the sky."""

import numpy as np
import pyarrow as pa
import pytest

from training.schedule import epoch_batches, learning_rate
from training.splits import sky_groups_of, split_rows


def rates(steps=100, warmup=10, highest=0.4):
    return [learning_rate(step, steps=steps, warmup=warmup, highest=highest) for step in range(steps)]


def test_the_rate_rises_in_equal_steps_to_its_highest_and_falls_to_nothing():
    found = rates()
    assert np.allclose(np.diff(found[:10]), 0.04)
    assert max(found) == pytest.approx(0.4)
    assert all(np.diff(found[10:]) < 0)
    assert found[-1] < 1e-3


def test_half_way_down_the_rate_is_half():
    assert learning_rate(55, steps=100, warmup=10, highest=0.4) == pytest.approx(0.2)


def test_an_epoch_shows_every_galaxy_at_most_once_and_no_batch_mixes_sources():
    batches = epoch_batches([50, 33], batch=8, seed=1, epoch=0)
    assert len(batches) == 6 + 4
    for source, count in enumerate([50, 33]):
        rows = np.concatenate([batch.rows for batch in batches if batch.source == source])
        assert len(set(rows.tolist())) == len(rows)
        assert rows.max() < count
    # The sources' batches are mixed, not one after the other.
    order = [batch.source for batch in batches]
    assert order != sorted(order)


def test_an_epochs_order_follows_from_seed_and_epoch_alone():
    def told(seed, epoch):
        return [
            (batch.source, batch.rows.tolist())
            for batch in epoch_batches([64], batch=8, seed=seed, epoch=epoch)
        ]

    assert told(1, 2) == told(1, 2)
    assert told(1, 2) != told(1, 3)
    assert told(1, 2) != told(2, 2)


def test_fewer_galaxies_than_a_batch_are_refused():
    with pytest.raises(ValueError, match="less than a batch of 8"):
        epoch_batches([5, 7], batch=8, seed=0, epoch=0)


def objects(ids, ra=None, dec=None):
    unknown = [None] * len(ids)
    return pa.table(
        {
            "object_id": pa.array(ids, pa.string()),
            "ra_deg": pa.array(ra or unknown, pa.float64()),
            "dec_deg": pa.array(dec or unknown, pa.float64()),
        }
    )


def test_one_sdss_field_is_one_group():
    # Run 756, camcol 2, field 427: two objects of it, and one of the next field.
    first = 1237648720693755918
    groups = sky_groups_of(objects([str(first), str(first + 1), str(first + (1 << 16))]))
    assert groups[0] == groups[1] == ("field", 756, 2, 427)
    assert groups[2] == ("field", 756, 2, 428)


def test_positions_come_before_ids_and_neighbours_share_a_tile():
    groups = sky_groups_of(objects(["a", "b", "c"], [10.0, 10.001, 50.0], [0.3, 0.3, 0.3]))
    assert groups[0] == groups[1] != groups[2]


def test_a_survey_with_some_positions_is_parted_by_its_ids():
    first = 1237648720693755918
    groups = sky_groups_of(objects([str(first), str(first + 1)], [10.0, None], [0.3, None]))
    assert groups[0] == groups[1]


def test_no_group_is_parted_and_held_out_groups_vanish_whole():
    ids = [str(n) for n in range(200)]
    groups = [n // 4 for n in range(200)]
    split = split_rows(ids, groups, hold_out={"0", "41"}, validation_share=0.2, seed=3)
    train, validation = ({groups[row] for row in rows} for rows in (split.train, split.validation))
    assert not train & validation
    assert not (train | validation) & {0, 10}
    assert len(validation) == round(0.2 * 48)
    assert len(split.train) + len(split.validation) == 200 - 8


def test_the_field_of_a_held_out_object_of_another_survey_vanishes_too():
    # Three objects of one field, and one of the next; the first is in the survey that judges alone.
    first = 1237648720693755918
    ids = [str(first + 1), str(first + 2), str(first + (1 << 16))]
    split = split_rows(ids, sky_groups_of(objects(ids)), hold_out={str(first)}, validation_share=0.0)
    assert split.train.tolist() == [2]


def test_a_split_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match="none is left"):
        split_rows(["1"], [0], hold_out={"1"})
