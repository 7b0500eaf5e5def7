"""Laws of a session step that hold whatever the labels."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from index.interest.features import Features
from index.interest.forecast import forecast
from index.interest.step import step

N = 60
FEATURES = Features.of(np.random.default_rng(0).normal(size=(N, 5)))
START = np.random.default_rng(1).exponential(size=N)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    labels=st.dictionaries(st.integers(0, N - 1), st.floats(0, 5), max_size=N),
    allowed=st.lists(st.booleans(), min_size=N, max_size=N),
    learner=st.sampled_from(("gp", "linear", "forest", "random")),
    n=st.integers(1, 15),
    seed=st.integers(0, 3),
)
def test_a_batch_is_new_allowed_and_full(labels, allowed, learner, n, seed):
    rows, scores = np.array(list(labels), int), np.array(list(labels.values()), float)
    may = np.array(allowed)
    told = {"start": START, "learner": learner, "n": n, "seed": seed, "allowed": may}
    made = step(FEATURES, rows, scores, **told)
    free = may.copy()
    free[rows] = False
    assert len(set(made.rows.tolist())) == len(made.rows) == min(n, free.sum())
    assert free[made.rows].all()
    assert np.all(np.isfinite(made.probability))
    assert np.all((made.interest >= 0) & (made.interest <= 5))
    ascending = np.argsort(made.height)
    assert np.all(np.diff(made.probability[ascending]) >= 0)
    again = step(FEATURES, rows, scores, **told)
    assert np.array_equal(made.rows, again.rows)
    curve = forecast(made)
    assert np.all(np.diff(curve.recall) >= 0)
    assert curve.recall[-1] == 1
    assert curve.inspected[-1] == free.sum()
