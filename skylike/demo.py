"""From nothing to a searchable demo survey, each step skipped when its result is there."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from index.model import GoldenMismatch, Model, OnnxEncoder
from index.released import adopt, fitting
from index.shipped import released_folder
from skylike.building import build_index
from skylike.encoding import Step
from skylike.stamp import Stamp
from survey.archive import SurveyFolder
from survey.manifests import CorruptFolder
from training.fixed import default_contract, fit_fixed

__all__ = ["DEMO_MODELS", "DEMO_SURVEY", "DemoModel", "build_demo"]

DEMO_SURVEY = "demo"
logger = logging.getLogger(__name__)
_SEED = 1
# About one in a hundred leaves the survey: 4,250 galaxies and some remain.
_DEFAULT_N = 4300


@dataclass(frozen=True, slots=True)
class DemoModel:
    """A model that the demo survey is indexed by, where none that comes with Skylike reads its images."""

    id: str
    method: Literal["polar48", "pca48"]
    is_display: bool


DEMO_MODELS = (
    DemoModel("polar48-demo", "polar48", is_display=False),
    # Renders the survey to colour, so that a JPEG has something to search.
    DemoModel("polar48-demo-rgb", "polar48", is_display=True),
)


def build_demo(data_dir: Path, url: str, *, n: int | None, step: Step) -> Stamp:
    """Make the demo survey, find or fit its two models, make their releases and the catalogue.

    Parameters
    ----------
    url
        The database to ingest into.
    n
        Galaxies to render; None takes the survey that is there, whatever its size, or renders 4,300.
    step
        Tells the user what is being done.

    Returns
    -------
    Stamp
        Of what was made, already written.
    """
    timed = _Timed(step)
    survey = _survey(data_dir / "surveys" / DEMO_SURVEY, n, timed)
    manifests = [survey.path / "survey.json"]
    for wanted in DEMO_MODELS:
        model = _model(data_dir / "models", survey, wanted, timed)
        report = build_index(data_dir, url, DEMO_SURVEY, model_id=model.card.id, step=timed)
        manifests += [model.path / "card.json", data_dir / "releases" / report.release / "manifest.json"]
    stamp = Stamp.of(
        data_dir,
        n=_rendered(survey) or len(survey),
        url=url,
        manifests=manifests,
        seconds=timed.seconds,
        released=released_folder(),
    )
    stamp.write(data_dir)
    return stamp


def _survey(path: Path, n: int | None, step: Step) -> SurveyFolder:
    try:
        found = SurveyFolder(path)
        if n is None or _rendered(found) == n:
            return found
    except CorruptFolder:
        pass
    from survey.simulate.survey import simulate_survey  # noqa: PLC0415 - galsim takes a second to load

    wanted = n or _DEFAULT_N
    with step(f"Rendering {wanted} galaxies") as progress:
        return simulate_survey(path, n=wanted, seed=_SEED, progress=progress)


def _rendered(survey: SurveyFolder) -> int | None:
    """Return how many galaxies a survey was rendered with; None if it was not, or with another seed."""
    made = survey.info.extra.get("simulation", {})
    return made.get("n") if made.get("seed") == _SEED else None


def _model(models: Path, survey: SurveyFolder, wanted: DemoModel, step: Step) -> Model:
    """Return the released model that reads the survey's images, else fit one."""
    released = fitting(survey.info, display=wanted.is_display)
    if released is not None and _agrees(released):
        adopted = adopt(released.card.id, models)
        assert adopted is not None
        return adopted
    path = models / wanted.id
    try:
        found = Model.open(path)
        if found.card.training.get("survey_sha256") == survey.sha256:
            return found
    except CorruptFolder:
        pass
    contract = default_contract(wanted.method, survey.info, display=True) if wanted.is_display else None
    with step(f"Fitting {wanted.id}") as progress:
        return fit_fixed(
            wanted.method, survey, out=path, model_id=wanted.id, contract=contract, progress=progress
        )


def _agrees(model: Model) -> bool:
    """Whether this processor gives the model's golden vectors; a fitted model always does."""
    try:
        OnnxEncoder(model)
    except GoldenMismatch as error:
        logger.warning("a released model is passed over", extra={"model": model.card.id, "why": str(error)})
        return False
    return True


@dataclass
class _Timed:
    """Opens steps and remembers how long each took."""

    step: Step
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, title: str) -> Iterator[Callable[[int, int], None]]:
        began = time.monotonic()
        with self.step(title) as progress:
            yield progress
        self.seconds[title] = round(self.seconds.get(title, 0) + time.monotonic() - began, 2)
