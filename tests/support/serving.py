"""A small data folder that can be served, and clients of it."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.tiny_survey import tiny_contract, tiny_survey

from index.catalogue.activation import activate
from index.catalogue.ingest import ingest_release, ingest_survey
from index.catalogue.migrate import upgrade
from index.catalogue.session import default_url, make_engine, sessions
from index.embed import embed_survey
from index.embeddings import EmbeddingStore
from index.releases import Release, build_release
from service.main import create_app
from service.settings import Settings
from survey.archive import SurveyFolder
from training.fixed import fit_fixed

with warnings.catch_warnings():
    # Starlette announces a successor of httpx that does not exist as a dependency yet.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

__all__ = ["TestClient", "build_data_dir", "catalogue_only", "client_of", "index_survey"]

N = 120


def build_data_dir(data_dir: Path) -> Path:
    """Fill a folder: survey ``tiny`` (the last object spoilt) and survey ``rgb`` of display images, both indexed."""
    for name, kind in (("tiny", "flux"), ("rgb", "display")):
        spoilt = 1 if kind == "flux" else 0
        survey = tiny_survey(
            data_dir / "surveys" / name, n=N if kind == "flux" else 60, kind=kind, seed=spoilt, spoilt=spoilt
        )
        index_survey(data_dir, survey, kind=kind)
    return data_dir


def index_survey(data_dir: Path, survey: SurveyFolder, *, kind: str = "flux") -> str:
    """Fit, embed, build, ingest, activate; returns the release's id."""
    name = survey.info.name
    model_id = f"pca48-{name}"
    usable = survey.ids[:-1]
    model = fit_fixed(
        "pca48",
        survey,
        out=data_dir / "models" / model_id,
        model_id=model_id,
        contract=tiny_contract(kind),
        object_ids=usable,
    )
    embeddings = data_dir / "embeddings" / f"{name}--{model_id}"
    embed_survey(survey, model, embeddings)
    info = build_release(
        survey=survey,
        model=model,
        embeddings=EmbeddingStore.open(embeddings),
        releases_dir=data_dir / "releases",
    )
    url = default_url(data_dir)
    upgrade(url)
    engine = make_engine(url)
    with sessions(engine)() as session, session.begin():
        ingest_survey(session, survey)
        ingest_release(session, Release.open(data_dir / "releases" / info.id))
        activate(session, info.id)
    engine.dispose()
    return info.id


def catalogue_only(data_dir: Path, survey: SurveyFolder) -> None:
    """Bring a survey into the catalogue without indexing it."""
    engine = make_engine(default_url(data_dir))
    with sessions(engine)() as session, session.begin():
        ingest_survey(session, survey)
    engine.dispose()


def copied(source: Path, target: Path) -> Path:
    """Copy a data folder, so that a test may spoil it."""
    shutil.copytree(source, target)
    return target


@contextmanager
def client_of(data_dir: Path, **settings: object) -> Iterator[TestClient]:
    """Run the service on a data folder in this process."""
    app = create_app(Settings(data_dir=data_dir, log_level="ERROR", **settings))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
