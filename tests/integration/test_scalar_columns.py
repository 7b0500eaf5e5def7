"""A survey's column is kept by release and catalogue alike, whatever its type."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import orjson
import pyarrow as pa
import pytest
from support.catalogues import catalogue_survey

from index.catalogue.ingest import ingest_survey
from index.catalogue.migrate import upgrade
from index.catalogue.repository import get_object
from index.catalogue.session import default_url, make_engine, writing
from index.columns import frozen_columns
from survey.scalars import is_scalar

SCALARS = {
    "date": (pa.array([dt.date(2026, 1, 2)]), "2026-01-02"),
    "price": (pa.array([Decimal("1.50")]), 1.5),
    "word": (pa.array(["spiral"]).dictionary_encode(), "spiral"),
    "large": (pa.array(["text"], pa.large_string()), "text"),
    "flag": (pa.array([True]), True),
}


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.binary(), pa.dictionary(pa.int8(), pa.binary())])
def test_lists_and_bytes_are_no_scalars(kind):
    assert not is_scalar(kind)


def test_release_and_catalogue_keep_the_same_values(tmp_path):
    survey = catalogue_survey(
        tmp_path / "cat", [1.0], [2.0], **{name: array for name, (array, _) in SCALARS.items()}
    )
    expected = {name: value for name, (_, value) in SCALARS.items()}
    table = frozen_columns(
        survey.objects, np.array([0]), {name: np.zeros(1) for name in ("anomaly_percentile", "z_phot")}
    )
    (row,) = table.select(list(SCALARS)).to_pylist()
    assert row == expected
    assert orjson.dumps(row)
    upgrade(default_url(tmp_path))
    engine = make_engine(default_url(tmp_path))
    with writing(engine)() as session:
        ingest_survey(session, survey)
        assert get_object(session, "cat", "cat-0").attributes == expected
    engine.dispose()
