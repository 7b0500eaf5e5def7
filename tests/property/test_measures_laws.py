"""Laws of the measurements of a field, whatever is in it."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from survey.bands import BandSet
from survey.measures import measure

BANDS = BandSet.from_ids(["sdss:g", "sdss:r"])
SIDE = 40
FINITE = st.floats(-(2.0**40), 2.0**40, width=32)
FIELDS = arrays(np.float32, (2, SIDE, SIDE), elements=FINITE, fill=st.sampled_from([0.0, 1.0, -1.0]))
KNOWN = arrays(np.bool_, (2, SIDE, SIDE), fill=st.booleans())


@settings(derandomize=True, deadline=None, max_examples=60)
@given(FIELDS, KNOWN)
@example(np.zeros((2, SIDE, SIDE), np.float32), np.zeros((2, SIDE, SIDE), bool))
@example(np.full((2, SIDE, SIDE), np.float32(3e38)), np.ones((2, SIDE, SIDE), bool))
def test_nothing_finite_breaks_it_or_comes_out_infinite(field, known):
    one = measure(field, known, BANDS, 0.4)
    numbers = [*one.flux, *one.sky, *one.noise, one.r50_px, one.concentration, one.core_fwhm_px, one.snr]
    assert not np.isinf(numbers).any()
    assert not np.isinf(one.magnitudes()).any()


@settings(derandomize=True, deadline=None, max_examples=40)
@given(FIELDS, st.integers(0, 3))
def test_quarter_turns_change_nothing(field, turns):
    known = np.ones(field.shape, dtype=bool)
    before, after = (measure(np.rot90(field, n, axes=(1, 2)), known, BANDS, 0.4) for n in (0, turns))
    # Sums of the same numbers in another order.
    scale = np.abs(field).sum()
    assert np.allclose(before.flux, after.flux, rtol=0, atol=1e-9 * scale + 1e-12, equal_nan=True)
    assert np.array_equal(before.sky, after.sky, equal_nan=True)
    assert np.array_equal(before.noise, after.noise, equal_nan=True)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.floats(1e-6, 1e6))
def test_a_factor_changes_fluxes_and_no_shape(seed, factor):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    field = 5 * np.exp(-(x**2 + y**2) / 18)[None] + rng.normal(0, 0.1, (2, SIDE, SIDE))
    known = np.ones(field.shape, dtype=bool)
    one, other = (measure(values, known, BANDS, 0.4) for values in (field, factor * field))
    assert np.allclose(other.flux, factor * one.flux, rtol=1e-9)
    assert np.allclose(other.noise, factor * one.noise, rtol=1e-9)
    for name in ("r50_px", "concentration", "core_fwhm_px", "snr"):
        assert np.isclose(getattr(other, name), getattr(one, name), rtol=1e-6)
