"""A small data folder that can be served, and clients of it."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from support.tiny_survey import tiny_contract, tiny_survey

from index.catalogue.activation import activate
from index.catalogue.ingest import ingest_release, ingest_survey
from index.catalogue.migrate import upgrade
from index.catalogue.session import default_url, make_engine, writing
from index.embed import embed_survey
from index.embeddings import EmbeddingStore
from index.releases import Release, build_release
from index.vectors.factory import IndexRequest
from service.main import create_app
from service.settings import Settings
from survey.archive import SurveyFolder
from training.fixed import fit_fixed

with warnings.catch_warnings():
    # Starlette announces a successor of httpx that does not exist as a dependency yet.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

__all__ = ["TestClient", "build_data_dir", "client_of", "copied", "index_survey", "register", "register_all"]

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


def index_survey(
    data_dir: Path, survey: SurveyFolder, *, kind: str = "flux", index: IndexRequest | None = None
) -> str:
    """Fit, embed, build, ingest, activate; returns the release's id."""
    name = survey.info.name
    model_id = f"pca48-{name}"
    model = fit_fixed(
        "pca48",
        survey,
        out=data_dir / "models" / model_id,
        model_id=model_id,
        contract=tiny_contract(kind),
        object_ids=survey.ids[:-1],
    )
    embeddings = data_dir / "embeddings" / f"{name}--{model_id}"
    embed_survey(survey, model, embeddings)
    info = build_release(
        survey=survey,
        model=model,
        embeddings=EmbeddingStore.open(embeddings),
        releases_dir=data_dir / "releases",
        index=index,
    )
    register(data_dir, survey, info.id)
    return info.id


def register(
    data_dir: Path, survey: SurveyFolder, *release_ids: str, url: str = "", is_active: bool = True
) -> None:
    """Bring a survey with its releases into the catalogue, and activate these."""
    url = url or default_url(data_dir)
    upgrade(url)
    engine = make_engine(url)
    with writing(engine)() as session, session.begin():
        ingest_survey(session, survey)
        for release_id in release_ids:
            ingest_release(session, Release.open(data_dir / "releases" / release_id))
            if is_active:
                activate(session, release_id)
    engine.dispose()


def register_all(data_dir: Path, url: str) -> None:
    """Fill another database from a data folder."""
    for path in sorted((data_dir / "surveys").iterdir()):
        own = [release.name for release in (data_dir / "releases").glob(f"{path.name}--*")]
        register(data_dir, SurveyFolder(path), *own, url=url)


def copied(source: Path, target: Path) -> Path:
    """Copy a data folder, so that a test may spoil it."""
    shutil.copytree(source, target)
    return target


@contextmanager
def client_of(data_dir: Path, **settings: object) -> Iterator[TestClient]:
    """Run the service on a data folder in this process."""
    given = {"log_level": "ERROR", "reload_seconds": 0, **settings}
    app = create_app(Settings(data_dir=data_dir, **given))
    # As a client on the same machine asks: without a key it may then upload (service/loopback.py). Of a connection
    # that is none the kernel knows nothing.
    own = patch("service.loopback.is_own_users", lambda client, server: None)
    home = {"base_url": "http://127.0.0.1:8000", "client": ("127.0.0.1", 50_000)}
    with own, TestClient(app, **home, raise_server_exceptions=False) as client:
        yield client
