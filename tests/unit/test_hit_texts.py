from __future__ import annotations

import numpy as np
import orjson
import pytest

from service import hit_texts
from service.hit_texts import HIT_COLUMNS, HitTexts

NAME = 'Zo\u00eb "\\'
VALUES = {
    "object_id": ["a", NAME, "c", "d"],
    "ra_deg": [0.1, None, 359.999999999, 1e-7],
    "dec_deg": [-90.0, None, 1e-300, 5.0],
    "z_spec": [None, 0.05, 1.0, 0.1],
    "z_phot": [float(np.float32(0.1)), None, 0.2, 0.3],
    "mag_r": [17.0, 1e21, None, 20.0],
    "label": ["spiral", None, NAME, ""],
    "anomaly_percentile": [99.9, 0.0, None, 1.0],
}
SIMILARITY = np.array([1.0, 0.99999994, 1e-7, -0.25], np.float32)


class Columns:
    def take(self, rows, names):
        return {name: [VALUES[name][row] for row in rows] for name in names}


def plain(rows, similarity, n_before):
    """The same hits as dictionaries, which orjson writes."""
    return [
        {"rank": n_before + n, "survey": NAME, "similarity": round(float(one), 6)}
        | {name: VALUES[name][row] for name in HIT_COLUMNS}
        for n, (row, one) in enumerate(zip(rows, similarity, strict=True), 1)
    ]


@pytest.mark.parametrize("n_before", [0, 997, 5000])
@pytest.mark.parametrize("kept", [1, 100])
def test_joined_hits_are_byte_for_byte_what_orjson_writes(monkeypatch, n_before, kept):
    monkeypatch.setattr(hit_texts, "_KEPT", kept)
    texts = HitTexts(Columns(), NAME)
    for rows in ([0], [3, 1, 2, 0], [1, 1, 0], []):
        similarity = SIMILARITY[: len(rows)]
        joined = texts.of(np.array(rows, np.int32), similarity, n_before=n_before)
        assert orjson.dumps({"hits": joined}) == orjson.dumps({"hits": plain(rows, similarity, n_before)})
