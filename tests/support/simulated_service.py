"""A service on a small simulated survey with a rotation-insensitive model, as the demo is, in a dozen seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.galaxy_files import Written
from support.serving import client_of, register

from index.embed import embed_survey
from index.embeddings import EmbeddingStore
from index.releases import build_release
from survey.archive import SurveyFolder
from survey.simulate.survey import simulate_survey
from training.fixed import fit_fixed

__all__ = ["MODEL", "SEED", "N", "build_simulated", "ordinary", "posted", "service_on"]

N, SEED, MODEL = 150, 3, "polar48-sim"
PATH = "/api/v1/neighbours/upload"


def build_simulated(data_dir: Path) -> Path:
    """Simulate, fit, embed, build, register."""
    survey = simulate_survey(data_dir / "surveys" / "sim", n=N, seed=SEED, workers=1)
    model = fit_fixed("polar48", survey, out=data_dir / "models" / MODEL, model_id=MODEL)
    embeddings = data_dir / "embeddings" / f"sim--{MODEL}"
    embed_survey(survey, model, embeddings)
    info = build_release(
        survey=survey,
        model=model,
        embeddings=EmbeddingStore.open(embeddings),
        releases_dir=data_dir / "releases",
    )
    register(data_dir, survey, info.id)
    return data_dir


def ordinary(survey: SurveyFolder, n: int, *, skip: int = 0) -> list[str]:
    """Return ids of galaxies without a planted oddity, evenly spread through the catalogue."""
    odd = survey.objects.column("oddity").to_pylist()
    plain = [one for one, oddity in zip(survey.ids, odd, strict=True) if oddity is None]
    step = max(1, len(plain) // n)
    return plain[skip::step][:n]


@contextmanager
def service_on(data_dir: Path) -> Iterator[object]:
    """Run the service on a folder of `build_simulated`."""
    with client_of(data_dir) as client:
        yield client


def posted(client, written: Written, **query: str):
    """Send files as a form; returns the HTTP answer."""
    parts = [("file", (name, data, "application/octet-stream")) for name, data in written.files]
    return client.post(PATH, params={**written.query, **query}, files=parts)
