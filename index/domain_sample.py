"""A sample of a survey's galaxies, measured for the domain of a release."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from index.domain import Domain
from index.fields import Rejection, fields_for
from survey.archive import SurveyFolder
from survey.contract import InputContract
from survey.measures import measure

__all__ = ["SAMPLE", "sample_domain"]

#: Galaxies measured at most. On two cores 1,500 take two to three seconds, most of it reading.
SAMPLE = 1500
# Read in runs: one by one, objects cost ten times as much (survey.archive).
_RUN = 60


def sample_domain(survey: SurveyFolder, contract: InputContract, rows: NDArray[np.int64]) -> Domain | None:
    """Measure galaxies spread evenly over a survey.

    Parameters
    ----------
    rows
        Of the survey, those that are indexed: what the model cannot embed does not tell what it knows.

    Returns
    -------
    Domain or None
        None for a survey without pixels or with too few galaxies.
    """
    if not survey.has_cutouts:
        return None
    indexed = set(rows.tolist())
    sample = []
    for start, stop in _runs(len(survey)):
        for first, cutouts in survey.scan(start, stop, stop - start):
            kept = [cutout for n, cutout in enumerate(cutouts, first) if n in indexed]
            sample += [
                measure(one.field, one.known, contract.bands, contract.pixel_scale_arcsec)
                for one in fields_for(contract, kept)
                if not isinstance(one, Rejection)
            ]
    return Domain.fitted(sample)


def _runs(n: int) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of all rows, or of runs spread evenly over them that hold ``SAMPLE`` in all."""
    count = SAMPLE // _RUN
    if n <= SAMPLE:
        yield 0, n
        return
    for start in np.linspace(0, n - _RUN, count).astype(int).tolist():
        yield start, start + _RUN
