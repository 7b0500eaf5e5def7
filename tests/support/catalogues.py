"""Catalogue surveys (no images) at given positions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from survey.archive import SurveyFolder, SurveyInfo
from survey.publish import SurveyPart, publish_survey
from survey.sphere import hpx29


def catalogue_survey(path: Path, ra_deg, dec_deg, **columns) -> SurveyFolder:
    """Publish a catalogue of positions; None or NaN where unknown; ids are ``<name>-<row>`` unless given."""
    n = len(ra_deg)
    table = {
        "object_id": [f"{path.name}-{row}" for row in range(n)],
        "ra_deg": pa.array(ra_deg, pa.float64(), from_pandas=True),
        "dec_deg": pa.array(dec_deg, pa.float64(), from_pandas=True),
        "hpx29": pa.array(hpx29(np.array(ra_deg, float), np.array(dec_deg, float))),
        "ebv": pa.nulls(n, pa.float64()),
        "z_spec": pa.nulls(n, pa.float64()),
        **columns,
    }
    info = SurveyInfo(name=path.name, title=path.name, kind="catalogue")
    return publish_survey(path, info, [SurveyPart(pa.table(table))])
