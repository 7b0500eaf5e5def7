"""From nothing to a searchable demo survey, each step skipped when its result is there."""

from __future__ import annotations

import getpass
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from index.catalogue.activation import activate, list_active
from index.catalogue.ingest import ingest_release, ingest_survey
from index.catalogue.migrate import upgrade
from index.catalogue.session import make_engine, sessions
from index.embed import embed_survey
from index.embeddings import EmbeddingMismatch, EmbeddingStore
from index.model import Model
from index.release import Release
from index.releases import build_release, find_release
from service.records.audit import record
from skylike.stamp import Stamp
from survey.archive import SurveyFolder
from survey.manifests import CorruptFolder
from training.fixed import default_contract, fit_fixed

__all__ = ["DEMO_MODELS", "DEMO_SURVEY", "DemoModel", "Progress", "Step", "build_demo"]

Progress = Callable[[int, int], None]
#: Opens a named step; what it yields takes (done, total).
Step = Callable[[str], AbstractContextManager[Progress]]

DEMO_SURVEY = "demo"
_SEED = 1


@dataclass(frozen=True, slots=True)
class DemoModel:
    """A model that the demo survey is indexed by."""

    id: str
    method: Literal["polar48", "pca48"]
    is_display: bool
    title: str


DEMO_MODELS = (
    DemoModel("polar48-demo", "polar48", is_display=False, title="ugriz"),
    DemoModel("polar48-demo-rgb", "polar48", is_display=True, title="colour images"),
)


def build_demo(data_dir: Path, url: str, *, n: int, step: Step) -> Stamp:
    """Make the demo survey, its two models, their releases and the catalogue.

    Parameters
    ----------
    url
        The database to ingest into.
    n
        Galaxies to render; about 6 % leave the survey's magnitude limit.
    step
        Tells the user what is being done.

    Returns
    -------
    Stamp
        Of what was made, already written.
    """
    job = _Job(data_dir, url, step)
    survey = job.survey(n)
    releases = [job.release(survey, job.model(survey, model), model) for model in DEMO_MODELS]
    job.catalogue(survey, releases)
    manifests = [
        survey.path / "survey.json",
        *(data_dir / "models" / model.id / "card.json" for model in DEMO_MODELS),
        *(release.path / "manifest.json" for release in releases),
    ]
    stamp = Stamp.of(data_dir, n=n, url=url, manifests=manifests, seconds=job.seconds)
    stamp.write(data_dir)
    return stamp


@dataclass
class _Job:
    """One run; remembers what took how long."""

    data_dir: Path
    url: str
    step: Step
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, name: str, title: str) -> Iterator[Progress]:
        began = time.monotonic()
        with self.step(title) as progress:
            yield progress
        self.seconds[name] = round(time.monotonic() - began, 2)

    def survey(self, n: int) -> SurveyFolder:
        path = self.data_dir / "surveys" / DEMO_SURVEY
        try:
            found = SurveyFolder(path)
            made = found.info.extra.get("simulation", {})
            if (made.get("n"), made.get("seed")) == (n, _SEED):
                return found
        except CorruptFolder:
            pass
        from survey.simulate.survey import simulate_survey  # noqa: PLC0415 - galsim takes a second to load

        with self.timed("simulate", f"Rendering {n} galaxies") as progress:
            return simulate_survey(path, n=n, seed=_SEED, progress=progress)

    def model(self, survey: SurveyFolder, wanted: DemoModel) -> Model:
        path = self.data_dir / "models" / wanted.id
        try:
            found = Model.open(path)
            if found.card.training.get("survey_sha256") == survey.sha256:
                return found
        except CorruptFolder:
            pass
        contract = default_contract(wanted.method, survey.info, display=True) if wanted.is_display else None
        with self.timed(f"fit {wanted.id}", f"Fitting {wanted.method} to {wanted.title}") as progress:
            return fit_fixed(
                wanted.method, survey, out=path, model_id=wanted.id, contract=contract, progress=progress
            )

    def release(self, survey: SurveyFolder, model: Model, wanted: DemoModel) -> Release:
        releases_dir = self.data_dir / "releases"
        info = find_release(releases_dir, survey, model)
        if info is None:
            path = self.data_dir / "embeddings" / f"{survey.info.name}--{model.card.id}"
            with self.timed(f"embed {model.card.id}", f"Embedding {wanted.title}") as progress:
                try:
                    embed_survey(survey, model, path, progress=progress)
                except (EmbeddingMismatch, CorruptFolder):
                    # Of an earlier demo: its survey or its model is gone.
                    shutil.rmtree(path)
                    embed_survey(survey, model, path, progress=progress)
            with self.timed(f"index {model.card.id}", f"Indexing {wanted.title}") as progress:
                info = build_release(
                    survey=survey,
                    model=model,
                    embeddings=EmbeddingStore.open(path),
                    releases_dir=releases_dir,
                    progress=progress,
                )
        return Release.open(releases_dir / info.id)

    def catalogue(self, survey: SurveyFolder, releases: list[Release]) -> None:
        with self.timed("catalogue", "Filling the catalogue") as progress:
            upgrade(self.url)
            engine = make_engine(self.url)
            try:
                with sessions(engine).begin() as session:
                    ingest_survey(session, survey, progress)
                    active = {release.id for release in list_active(session)}
                    for release in releases:
                        ingest_release(session, release)
                        if release.id not in active:
                            activate(session, release.id)
                            record(session, owner=_owner(), action="release.activate", subject=release.id)
            finally:
                engine.dispose()


def _owner() -> str:
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):
        # A container's user has no name.
        return "cli:unknown"
