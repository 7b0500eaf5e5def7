"""Whatever the reference scores, a tail probability falls with the score and calibrates the sample itself."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from index.anomalies.tail import Tail

FINITE = st.floats(-1e6, 1e6, allow_nan=False, width=32)
SAMPLES = hnp.arrays(np.float64, st.integers(1, 200), elements=FINITE)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(SAMPLES, hnp.arrays(np.float64, 20, elements=FINITE))
def test_it_never_rises_with_the_score(sample, asked):
    p = Tail.fitted(sample).probability(np.sort(np.concatenate([asked, sample])))
    assert (np.diff(p) <= 1e-12).all()
    assert ((p > 0) & (p <= 1)).all()


@settings(derandomize=True, max_examples=60, deadline=None)
@given(SAMPLES)
def test_in_the_body_it_is_the_share_of_the_sample_that_scores_so_high(sample):
    tail = Tail.fitted(sample)
    body = sample[sample <= tail.threshold]
    expected = [(sample >= one).mean() for one in body]
    np.testing.assert_allclose(tail.probability(body), expected, rtol=1e-9)
