"""A detector's score comes back from its tail probability."""

from __future__ import annotations

import numpy as np
import pytest

from index.anomalies.model import AnomalyModel
from service.raw_scores import RawScores


@pytest.mark.parametrize("n", [40, 2000])
def test_a_score_comes_back_from_its_tail_probability(n):
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(n, 6)).astype(np.float32)
    model = AnomalyModel.fitted([str(row) for row in range(n)], vectors, seed=1)
    # Usual ones, and some beyond all of the sample.
    scored = model.score(np.concatenate([rng.normal(size=(50, 6)), 4 * rng.normal(size=(20, 6))]))
    raw = RawScores(model)
    for name in model.detectors:
        known = scored.p[name] < 1
        found = [raw.of(name, p) for p in scored.p[name][known].tolist()]
        assert found == pytest.approx(scored.raw[name][known].tolist(), rel=1e-9)
