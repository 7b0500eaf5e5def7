"""A calibration mends what a network claims, and survives being stored."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from support.redshift_draws import GRID, NAMES, drawn

from index.estimates import ARRAYS
from index.pdf import quantiles
from index.photoz_calibration import PhotozCalibration
from index.photoz_columns import QUANTILE_LEVELS, Flag, flag_names
from index.support import Degraded
from index.temperature import fit_temperature, softmax
from survey.manifests import CorruptFolder


def fit(galaxies, **options):
    given = {"photometry_names": NAMES, "reference_features": drawn(1500, seed=90).features}
    return PhotozCalibration.fit(
        GRID, galaxies.logits, galaxies.photometry, galaxies.features, galaxies.z, **(given | options)
    )


@cache
def calibrated():
    return fit(drawn(4000, seed=1, claimed=0.5))


def flags(columns, n=0):
    return flag_names(int(columns["z_flags"][n]))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_was_planted_is_found(temperature):
    # A Gaussian's logits divided by T have the width sigma sqrt(T): claimed 1 / sqrt(T), they need T.
    galaxies = drawn(6000, seed=2, claimed=temperature**-0.5)
    assert fit_temperature(galaxies.logits, GRID, galaxies.z) == pytest.approx(temperature, rel=0.06)


def test_softmax_rows_sum_to_one_however_large_the_logits():
    probability = softmax(np.array([[1e4, 0, -1e4], [1, 1, 1]]))
    assert probability.sum(axis=1) == pytest.approx([1, 1])
    assert probability[1] == pytest.approx([1 / 3] * 3)


def test_it_gives_every_column_but_the_neighbours_redshift():
    new = drawn(50, seed=3, claimed=0.5)
    probability, columns, levels = calibrated().apply(new.logits, new.photometry, new.features)
    assert set(columns) == set(ARRAYS) - {"z_neighbours"}
    assert probability == pytest.approx(softmax(new.logits, calibrated().temperature))
    assert levels == pytest.approx(quantiles(probability, GRID, QUANTILE_LEVELS))
    assert columns["z_err68"] == pytest.approx((columns["z_u68"] - columns["z_l68"]) / 2)
    assert columns["z_flags"].dtype == np.int32


@pytest.mark.parametrize(("ends", "level"), [("68", 0.68), ("90", 0.9), ("95", 0.95)])
def test_intervals_of_new_galaxies_cover_what_they_promise(ends, level):
    new = drawn(4000, seed=4, claimed=0.5)
    _, columns, _ = calibrated().apply(new.logits, new.photometry, new.features)
    inside = (columns[f"z_l{ends}"] <= new.z) & (new.z <= columns[f"z_u{ends}"])
    assert inside.mean() == pytest.approx(level, abs=3.3 * np.sqrt(level * (1 - level) * 2 / 4000))


def test_galaxies_elsewhere_in_features_are_flagged_and_others_are_not():
    _, usual, _ = calibrated().apply(*_asked(drawn(1000, seed=5)))
    _, far, _ = calibrated().apply(*_asked(drawn(1000, seed=6, shift=8)))
    raised = [(columns["z_flags"] & Flag.OUT_OF_SUPPORT > 0).mean() for columns in (usual, far)]
    assert raised[0] < 0.03
    assert raised[1] == 1
    assert (far["support_percentile"] > 99).all()


def test_features_that_are_not_finite_are_no_support():
    new = drawn(2, seed=13)
    new.features[1, 0] = np.nan
    _, columns, _ = calibrated().apply(*_asked(new))
    assert ["out_of_support" in flags(columns, n) for n in range(2)] == [False, True]


def test_magnitudes_outside_the_calibrated_range_are_flagged():
    new = drawn(3, seed=7)
    new.photometry[:, 1] = [13.0, 16.0, 19.5]
    _, columns, _ = calibrated().apply(*_asked(new))
    assert ["extrapolated_mag" in flags(columns, n) for n in range(3)] == [True, False, True]


@pytest.mark.parametrize(("n", "expected"), [(199, True), (200, False)])
def test_few_spectra_to_calibrate_on_are_told(n, expected):
    galaxies = drawn(n, seed=8)
    _, columns, _ = fit(galaxies).apply(*_asked(galaxies))
    assert ("uncalibrated" in flags(columns)) is expected


def test_what_a_network_cannot_say_is_null():
    new = drawn(2, seed=9)
    new.logits[1, 5] = np.nan
    probability, columns, levels = calibrated().apply(*_asked(new))
    assert probability[1] == pytest.approx(np.full(180, 1 / 180))
    assert np.isnan(levels).all(axis=1).tolist() == [False, True]
    for name, values in columns.items():
        if values.dtype.kind == "f" and name not in {"z_mode2", "z_mode2_area"}:
            assert np.isnan(values).tolist() == [False, True], name
    assert "out_of_support" in flags(columns, 1)


def test_without_photometry_and_features_all_galaxies_are_of_one_cell():
    galaxies = drawn(500, seed=10)
    bare = PhotozCalibration.fit(GRID, galaxies.logits, None, None, galaxies.z)
    assert bare.conformal.thresholds.shape == (1, 3)
    _, columns, _ = bare.apply(galaxies.logits)
    assert np.isnan(columns["support_percentile"]).all()
    assert not (columns["z_flags"] & (Flag.OUT_OF_SUPPORT | Flag.EXTRAPOLATED_MAG)).any()


def test_a_given_temperature_is_kept():
    galaxies = drawn(300, seed=11, claimed=0.5)
    assert (
        PhotozCalibration.fit(GRID, galaxies.logits, None, None, galaxies.z, temperature=1).temperature == 1
    )


@pytest.mark.parametrize("kind", ["bare", "whole", "watching"])
def test_what_was_stored_answers_alike(tmp_path, kind):
    galaxies, bare = drawn(600, seed=12), kind == "bare"
    watched = [Degraded(drawn(100, seed=14, shift=1).features, both=True)] if kind == "watching" else []
    made = (
        PhotozCalibration.fit(GRID, galaxies.logits, None, None, galaxies.z)
        if bare
        else fit(galaxies, degraded=watched)
    )
    made.save(tmp_path / "photoz.npz")
    again = PhotozCalibration.load(tmp_path / "photoz.npz")
    asked = (galaxies.logits,) if bare else _asked(galaxies)
    for ours, theirs in zip(made.apply(*asked), again.apply(*asked), strict=True):
        if isinstance(ours, dict):
            for name, values in ours.items():
                assert np.array_equal(values, theirs[name], equal_nan=True), name
        else:
            assert np.array_equal(ours, theirs)
    made.save(tmp_path / "twice.npz")
    assert (tmp_path / "twice.npz").read_bytes() == (tmp_path / "photoz.npz").read_bytes()


@pytest.mark.parametrize("spoil", ["cut", "empty", "pickle", "lacking"])
def test_a_file_that_is_no_calibration_is_refused(tmp_path, spoil):
    path = tmp_path / "photoz.npz"
    calibrated().save(path)
    if spoil == "cut":
        path.write_bytes(path.read_bytes()[:-200])
    elif spoil == "empty":
        path.write_bytes(b"")
    elif spoil == "pickle":
        np.savez(path, format=np.array([{"a": 1}], dtype=object))
    else:
        np.savez(path, format=1)
    with pytest.raises(CorruptFolder, match="is no calibration of this version"):
        PhotozCalibration.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"z_spec": np.array([0.1, np.nan])}, "2 calibration galaxies"),
        ({"z_spec": np.empty(0), "logits": np.empty((0, 180))}, "0 calibration galaxies"),
        ({"logits": np.zeros((2, 7))}, "on 180 bins"),
    ],
)
def test_what_cannot_be_calibrated_on_is_refused(change, message):
    parts = {"logits": np.zeros((2, 180)), "z_spec": np.array([0.1, 0.2])} | change
    with pytest.raises(ValueError, match=message):
        PhotozCalibration.fit(GRID, parts["logits"], None, None, parts["z_spec"])


def _asked(galaxies):
    return galaxies.logits, galaxies.photometry, galaxies.features
