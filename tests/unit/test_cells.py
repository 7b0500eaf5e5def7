"""Ten cells hold equal shares, and say which names they were cut by."""

from __future__ import annotations

import numpy as np
import pytest

from index.cells import N_CELLS, Cells

NAMES = ("g_9px", "r_9px", "r_13px")


def photometry(n=5000, seed=0):
    rng = np.random.default_rng(seed)
    r, colour = rng.normal(17, 1, n), rng.normal(0.8, 0.3, n)
    return np.stack([r + colour, r, r - 0.1], axis=1)


def fitted(values):
    return Cells.fitted(values, NAMES, magnitude="r_13px", colour=("g_9px", "r_9px"))


def test_cells_hold_equal_shares():
    values = photometry()
    counts = np.bincount(fitted(values).assign(values, NAMES), minlength=N_CELLS)
    assert counts.tolist() == [500] * N_CELLS


def test_bluer_halves_come_first_and_brighter_fifths_before_fainter():
    values = photometry()
    cells = fitted(values)
    brightest_blue = np.array([[12.0, 12.0, 11.9]])
    faintest_red = np.array([[23.0, 21.0, 20.9]])
    assert cells.assign(np.concatenate([brightest_blue, faintest_red]), NAMES).tolist() == [0, 9]


def test_cells_go_by_name_not_by_place():
    values = photometry()
    cells = fitted(values)
    assert np.array_equal(cells.assign(values[:, ::-1], NAMES[::-1]), cells.assign(values, NAMES))


def test_without_photometry_there_is_no_cell():
    values = photometry()
    cells = fitted(values)
    assert cells.assign(np.array([[np.nan, 17, 17], [18, 17, np.inf]]), NAMES).tolist() == [-1, -1]


def test_galaxies_of_one_colour_still_have_cells():
    values = photometry()
    values[:, 0] = values[:, 1]
    assert set(fitted(values).assign(values, NAMES).tolist()) == {5, 6, 7, 8, 9}


def test_an_unknown_name_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="no column 'i'; there are: g_9px, r_9px, r_13px"):
        Cells.fitted(photometry(), NAMES, magnitude="i", colour=("g_9px", "r_9px"))


def test_fewer_galaxies_than_cells_are_refused():
    with pytest.raises(ValueError, match="9 galaxies with photometry; 10 cells"):
        fitted(photometry(9))
