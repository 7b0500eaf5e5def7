"""The search for one sky among a survey's cutouts goes on where it was interrupted, and is done once."""

import numpy as np
import pytest
from support.one_sky import pictures, views
from support.tiny_survey import FIELD_PX, tiny_survey

from index.audit.pixels import pairs_by_pixels


def planted(flux):
    """Fill a display survey with strangers, and two views of one patch in rows 4 and 9."""
    flux[:] = pictures(len(flux), FIELD_PX, seed=5) / 40
    flux[4], flux[9] = (view / 40 for view in views(80, (6, -11), FIELD_PX))


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return tiny_survey(tmp_path_factory.mktemp("pairs") / "tiny", n=20, kind="display", edit=planted)


def test_the_planted_pair_is_found_and_kept(survey, tmp_path):
    steps = []
    pairs = pairs_by_pixels(survey, tmp_path, progress=lambda step, *_: steps.append(step))
    assert pairs.rows.tolist() == [[4, 9]]
    assert pairs.shift_px.tolist() == [[6, -11]]
    assert set(steps) >= {"Reading cutouts", "Finding points", "Matching points"}
    assert [path.suffix for path in tmp_path.iterdir()] == [".npz"]
    again = pairs_by_pixels(survey, tmp_path, progress=pytest.fail)
    assert np.array_equal(again.rows, pairs.rows)


def test_an_interrupted_search_does_no_step_twice(survey, tmp_path):
    def interrupted(step, done, of):
        if step == "Matching points":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pairs_by_pixels(survey, tmp_path, progress=interrupted)
    steps = []
    pairs = pairs_by_pixels(survey, tmp_path, progress=lambda step, *_: steps.append(step))
    assert pairs.rows.tolist() == [[4, 9]]
    assert not {"Reading cutouts", "Finding points"} & set(steps)
