"""A survey split into galaxies that its domain knows and others that it does not."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from index.domain import Domain
from index.domain_sample import SAMPLE
from index.fields import field_for
from index.model import Model
from index.released import fitting
from survey.archive import SurveyFolder
from survey.contract import Calibrated, ContractViolation
from survey.cutout import Cutout
from survey.measures import Measures, measure

__all__ = ["HeldOut", "Split", "load", "model_of", "wilson"]


@dataclass(frozen=True)
class HeldOut:
    """A galaxy that the domain has not seen."""

    row: int
    cutout: Cutout
    calibrated: Calibrated


@dataclass(frozen=True)
class Split:
    """Both parts of a survey.

    Attributes
    ----------
    domain
        Of up to 1,500 galaxies, no rendering of one held out among them.
    parents
        By row; renderings of one real galaxy share one.
    """

    survey: SurveyFolder
    model: Model
    domain: Domain
    held_out: list[HeldOut]
    parents: list[Any]


def model_of(data_dir: Path, survey_name: str) -> str:
    """Return the id of the model that a survey was indexed by: a released one that reads its images, else polar48."""
    info = SurveyFolder(data_dir / "surveys" / survey_name).info
    released = fitting(info, display=info.kind == "display")
    wanted = [*([] if released is None else [released.card.id]), f"polar48-{survey_name}"]
    for name in wanted:
        if any((data_dir / "releases").glob(f"{survey_name}--{name}--*")):
            return name
    raise SystemExit(
        f"{survey_name} has no release by {' or '.join(wanted)}: skylike index build {survey_name} --model {wanted[0]}"
    )


def load(data_dir: Path, survey_name: str, model_id: str, *, n: int) -> Split:
    """Read every galaxy once; hold ``n`` out, spread over the survey."""
    survey = SurveyFolder(data_dir / "surveys" / survey_name)
    model = Model.open(data_dir / "models" / model_id)
    named = "parent_id" in survey.objects.column_names
    parents = survey.objects.column("parent_id").to_pylist() if named else survey.ids
    chosen = np.linspace(0, len(survey) - 1, n).astype(int).tolist()
    families = {parents[row] for row in chosen}
    rest = [row for row in range(len(survey)) if parents[row] not in families]
    sampled = set(np.array(rest)[np.linspace(0, len(rest) - 1, min(SAMPLE, len(rest))).astype(int)].tolist())
    held_out, sample = [], []
    wanted = set(chosen)
    for first, cutouts in survey.scan():
        for row, cutout in enumerate(cutouts, first):
            if row not in wanted and row not in sampled:
                continue
            try:
                one = field_for(model.contract, cutout)
            except ContractViolation:
                continue
            if row in wanted:
                held_out.append(HeldOut(row, cutout, one))
            else:
                sample.append(measured(model, one))
        print(f"\r{first + len(cutouts)} of {len(survey)} read", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    domain = Domain.fitted(sample)
    assert domain is not None
    return Split(survey, model, domain, held_out, parents)


def measured(model: Model, one: Calibrated) -> Measures:
    """Measure a field of a model."""
    return measure(one.field, one.known, model.contract.bands, model.contract.pixel_scale_arcsec)


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927, JASA 22, 209)."""
    z = 1.96
    middle = (hits + z * z / 2) / (n + z * z)
    half = z * sqrt(hits * (n - hits) / n + z * z / 4) / (n + z * z)
    return max(0.0, middle - half), min(1.0, middle + half)


def share(found: NDArray[np.bool_] | list[bool]) -> tuple[float, tuple[float, float], int]:
    """Return a share, its interval and of how many."""
    n, hits = len(found), int(np.sum(found))
    return hits / n, wilson(hits, n), n
