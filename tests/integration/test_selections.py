"""A selection allows the rows that pandas finds."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from index.columns import Columns, write_columns
from index.moc import MOC
from index.photoz_columns import Flag
from index.regions import Box, Cone
from index.selection import EVERYTHING, BadSelection, Selection
from index.selection_masks import Masks
from survey.sphere import hpx29

_N = 2000


def _table():
    rng = np.random.default_rng(3)
    ra, dec = rng.uniform(0, 360, _N), np.degrees(np.arcsin(rng.uniform(-1, 1, _N)))
    # The last hundred lie 1 arcsec north of the first hundred, and every such pair has a third 1 arcsec on.
    ra[-200:-100] = ra[-100:] = ra[:100]
    dec[-100:] = dec[:100] + 1 / 3600
    dec[-200:-100] = dec[:100] + 2.5 / 3600
    z_phot = rng.uniform(0, 0.6, _N).astype(np.float32)
    z_phot[:3], z_phot[3:6] = 0.3, 0.35
    # Some have no place.
    ra[150:160] = dec[150:160] = np.nan
    frame = pd.DataFrame(
        {
            "object_id": [f"G{n}" for n in range(_N)],
            "ra_deg": ra,
            "dec_deg": dec,
            "hpx29": pd.array(hpx29(ra, dec).filled(-1), dtype="Int64"),
            "z_spec": np.where(rng.random(_N) < 0.3, np.nan, rng.uniform(0, 0.5, _N)),
            "z_phot": z_phot,
            "n_visits": rng.integers(0, 20, _N),
            "is_blended": rng.random(_N) < 0.2,
            "label": rng.choice(["spiral", "elliptical", "a,b: c", None], _N),
            "parent_id": [None if n % 7 == 0 else f"P{n // 3}" for n in range(_N)],
            "z_flags": pd.array(np.where(rng.random(_N) < 0.1, None, rng.integers(0, 16, _N)), dtype="Int32"),
        }
    )
    frame.loc[frame.hpx29 < 0, "hpx29"] = None
    return frame, pa.Table.from_pandas(frame, preserve_index=False)


@pytest.fixture(scope="module")
def frame_and_release(tmp_path_factory):
    frame, table = _table()
    path = tmp_path_factory.mktemp("columns") / "columns.arrow"
    write_columns(table, path)
    columns = Columns(path)
    return frame, SimpleNamespace(columns=columns, masks=Masks(columns, "tiny"))


@pytest.fixture(scope="module")
def frame(frame_and_release):
    return frame_and_release[0]


@pytest.fixture(scope="module")
def release(frame_and_release):
    return frame_and_release[1]


def _flags(frame):
    return frame.z_flags.astype("float").to_numpy()


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection({"z_spec": (0.1, 0.2)}), lambda f: f.z_spec.between(0.1, 0.2)),
        (Selection({"z_spec": (None, 0.2)}), lambda f: f.z_spec <= 0.2),
        (Selection({"z_spec": (None, None)}), lambda f: f.z_spec.notna()),
        # 0.3 as float32 lies above 0.3.
        (Selection({"z_phot": (None, 0.3)}), lambda f: f.z_phot.astype(float) <= 0.3),
        # And 0.35 as float32 lies below 0.35.
        (Selection({"z_phot": (0.35, None)}), lambda f: f.z_phot.astype(float) >= 0.35),
        (Selection({"n_visits": (3, 3)}), lambda f: f.n_visits == 3),
        (Selection({"n_visits": (2.5, 4.5)}), lambda f: f.n_visits.isin([3, 4])),
        (Selection({"is_blended": (1, 1)}), lambda f: f.is_blended),
        (Selection(labels=("spiral",)), lambda f: f.label == "spiral"),
        (Selection(labels=("a,b: c", "spiral")), lambda f: f.label.isin(["a,b: c", "spiral"])),
        (
            Selection(flags_none=int(Flag.PDF_EDGE | Flag.FEW_SPECTRA)),
            lambda f: pd.Series([not np.isnan(v) and not int(v) & 6 for v in _flags(f)]),
        ),
        (
            Selection(flags_any=int(Flag.PDF_EDGE | Flag.OUT_OF_SUPPORT)),
            lambda f: pd.Series([not np.isnan(v) and bool(int(v) & 5) for v in _flags(f)]),
        ),
        (Selection(excluded_ids=("G5", "none such", "G7")), lambda f: ~f.object_id.isin(["G5", "G7"])),
        (Selection(excluded_rows=(0, 9)), lambda f: ~f.index.isin([0, 9])),
        (
            Selection(regions=(Box(350, 100, -30, 60), Cone(30, 0, 40))),
            lambda f: pd.Series(
                (np.cos(np.radians(f.dec_deg)) * np.cos(np.radians(f.ra_deg - 30)) >= np.cos(np.radians(40)))
                & ((f.ra_deg >= 350) | (f.ra_deg <= 100))
                & f.dec_deg.between(-30, 60)
            ),
        ),
        (
            Selection({"z_spec": (0.1, None), "n_visits": (5, None)}, ("spiral",), excluded_ids=("G1",)),
            lambda f: (f.z_spec >= 0.1) & (f.n_visits >= 5) & (f.label == "spiral") & (f.object_id != "G1"),
        ),
    ],
)
def test_a_selection_allows_what_pandas_finds(frame, release, selection, expected):
    mask = selection.mask(release)
    np.testing.assert_array_equal(mask, np.asarray(expected(frame), bool))
    assert 0 < mask.sum() < _N
    # Once more from memory.
    np.testing.assert_array_equal(selection.mask(release), mask)


def test_a_selection_of_everything_has_no_mask(release):
    assert EVERYTHING.mask(release) is None
    assert not EVERYTHING
    assert Selection(dedup="position").mask(release) is None
    assert Selection(dedup="position")


def test_a_mask_cannot_be_written_to_and_excluding_leaves_the_kept_one_alone(release):
    selection = Selection({"n_visits": (5, None)})
    mask = selection.mask(release)
    row = int(mask.argmax())
    without = Selection({"n_visits": (5, None)}, excluded_rows=(row,)).mask(release)
    assert (mask[row], without[row]) == (True, False)
    with pytest.raises(ValueError, match="read-only"):
        mask[row] = False


def test_kept_masks_are_bounded(release, monkeypatch):
    monkeypatch.setattr("index.selection_masks._KEPT_BYTES", 3 * _N)
    masks = Masks(release.columns, "tiny")
    for low in range(10):
        masks.of(Selection({"n_visits": (low, None)}))
    assert len(masks._kept) == 3


def test_entries_within_two_arcsec_are_one_object_and_so_are_their_neighbours(frame, release):
    groups = release.masks.groups("position")
    assert len(np.unique(groups)) == _N - 200
    # 2.5 arcsec apart, but each within 2 of the entry between.
    assert (groups[:100] == groups[-200:-100]).all()
    assert (groups[:100] == groups[-100:]).all()


def test_entries_of_one_parent_are_one_object_and_those_without_are_alone(frame, release):
    groups = release.masks.groups("parent")
    assert len(np.unique(groups)) == frame.parent_id.nunique() + frame.parent_id.isna().sum()
    known = frame[frame.parent_id.notna()]
    pairs = set(zip(groups[known.index], known.parent_id, strict=True))
    assert len(pairs) == known.parent_id.nunique()


def test_the_same_object_as_an_excluded_one_is_excluded_too(release):
    mask = Selection(excluded_ids=("G4",), dedup="position").mask(release)
    assert np.flatnonzero(~mask).tolist() == [4, _N - 200 + 4, _N - 100 + 4]


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (Selection({"z_spce": (0, 1)}), r"'z_spce' is no column of release tiny.*z_spec"),
        (Selection({"label": (0, 1)}), r"'label' holds words"),
        (Selection({"z_conf": (0.5, None)}), "skylike index build"),
        (Selection(labels=("spirl",)), "label 'spirl'.*3 labels are: a,b: c, elliptical, spiral"),
    ],
)
def test_what_a_release_cannot_say_is_refused_with_what_it_can(release, selection, message):
    with pytest.raises(BadSelection, match=message):
        selection.mask(release)


def test_bounds_in_the_wrong_order_or_without_end_are_refused():
    with pytest.raises(BadSelection, match=r"z_spec runs from 0\.2 to 0\.1"):
        Selection({"z_spec": (0.2, 0.1)})
    with pytest.raises(BadSelection, match="not finite"):
        Selection({"z_spec": (None, float("inf"))})


def test_equal_selections_are_written_alike():
    one = Selection(
        {"z_spec": (0.1, None), "cone": (1, 2)},
        ("b", "a"),
        int(Flag.PDF_EDGE),
        regions=(MOC.parse("3/2 1"), Cone(1, 2, 3)),
        excluded_ids=("y", "x"),
        dedup="parent",
    )
    two = Selection(
        {"cone": (1, 2), "z_spec": (0.1, None)},
        ("a", "b"),
        int(Flag.PDF_EDGE),
        regions=(Cone(1, 2, 3), MOC.parse("5/16-47")),
        excluded_ids=("x", "y"),
        excluded_rows=(3,),
        dedup="parent",
    )
    assert one.to_json() == two.to_json()
    assert one.key == two.key
    assert one.to_json() == {
        "z_spec": [0.1, None],
        "where": {"cone": [1, 2]},
        "label": ["a", "b"],
        "flags_none": ["pdf_edge"],
        "cone": [1, 2, 3],
        "moc": "3/1-2",
        "exclude": ["x", "y"],
        "dedup": "parent",
    }
