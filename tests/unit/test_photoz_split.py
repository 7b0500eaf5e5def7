"""The parts of photo-z: parents and tiles of the sky stay whole, every survey of one population is parted alike."""

import json
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from training.photoz_split import PARTS, SPLIT_FILE, deal_tiles, parents_of, parts_of, sky_tiles


@pytest.fixture(scope="module")
def listed():
    return json.loads(SPLIT_FILE.read_text())


def survey(ids, parents=None, **columns):
    table = {"object_id": ids, **({} if parents is None else {"parent_id": parents}), **columns}
    return SimpleNamespace(objects=pa.table(table), ids=ids, info=SimpleNamespace(name="some"))


def test_the_stored_parts_hold_every_parent_once_at_the_stated_shares(listed):
    named = [parent for part in PARTS for parent in listed[part]]
    assert len(named) == len(set(named)) == 9582
    shares = {part: len(listed[part]) / len(named) for part in PARTS}
    assert shares == pytest.approx(PARTS, abs=0.005)


def test_no_stored_tile_is_in_two_parts(listed):
    def position(name):
        h, m, s = float(name[1:3]), float(name[3:5]), float(name[5:10])
        sign = -1 if name[10] == "-" else 1
        d, dm, ds = float(name[11:13]), float(name[13:15]), float(name[15:])
        return 15 * (h + m / 60 + s / 3600), sign * (d + dm / 60 + ds / 3600)

    places = {part: np.array([position(name) for name in listed[part]]).T for part in PARTS}
    tiles = {part: set(sky_tiles(*where)) for part, where in places.items()}
    # Names cut digits off, so a galaxy within 0.1 arcsec of an edge may seem to lie beyond it: none does.
    assert sum(map(len, tiles.values())) == len(set.union(*tiles.values()))


def test_renderings_go_where_their_parent_is(listed):
    parents = [listed["test"][0], listed["train"][3], listed["test"][0], listed["calibrate"][1]]
    parts = parts_of(survey(["a", "b", "c", "d"], parents))
    assert {part: rows.tolist() for part, rows in parts.items()} == {
        "train": [1],
        "validation": [],
        "calibrate": [3],
        "test": [0, 2],
    }


def test_an_object_without_a_parent_is_its_own(listed):
    assert parents_of(survey(["x", "y"], [None, "p"])) == ["x", "p"]
    assert parts_of(survey([listed["test"][5]]))["test"].tolist() == [0]


def test_a_survey_of_unknown_galaxies_is_dealt_by_its_own_tiles():
    rng = np.random.default_rng(0)
    ra, dec = rng.uniform(0, 360, 4000), np.degrees(np.arcsin(rng.uniform(-1, 1, 4000)))
    parts = parts_of(survey([f"g{n}" for n in range(4000)], ra_deg=ra, dec_deg=dec))
    assert sorted(np.concatenate(list(parts.values()))) == list(range(4000))
    assert {part: len(rows) / 4000 for part, rows in parts.items()} == pytest.approx(PARTS, abs=0.01)
    tiles = sky_tiles(ra, dec)
    held = [{tiles[row] for row in rows} for rows in parts.values()]
    assert sum(map(len, held)) == len(set(tiles))


def test_a_survey_of_listed_and_unknown_galaxies_is_refused(listed):
    with pytest.raises(ValueError, match="1 of 2 galaxies"):
        parts_of(survey(["a", "b"], [listed["train"][0], "stranger"]))


def test_tiles_are_about_five_degrees_at_every_declination():
    for dec in (-88.0, -40.0, 0.0, 61.0, 89.0):
        here = sky_tiles(np.arange(0, 360, 0.01), np.full(36000, dec))
        length = 360 * np.cos(np.radians((np.floor(dec / 5) + 0.5) * 5)) / len(set(here))
        assert 5 <= length < 10 or len(set(here)) <= 2


def test_a_deal_depends_on_its_seed_alone():
    tiles = [n // 7 for n in range(700)]
    same = [deal_tiles(tiles, seed=3)["test"].tolist() for _ in range(2)]
    assert same[0] == same[1] != deal_tiles(tiles, seed=4)["test"].tolist()
