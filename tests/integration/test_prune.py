"""`skylike index prune` removes what nothing serves, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from sqlalchemy import func, select
from support.tiny_survey import FakeEncoder, tiny_release
from typer.testing import CliRunner

from index.catalogue.activation import activate, list_registered
from index.catalogue.ingest import ingest_release
from index.catalogue.migrate import upgrade
from index.catalogue.session import default_url, make_engine, writing
from index.catalogue.tables import scores
from index.embeddings import EmbeddingStore
from index.releases import Release, build_release
from service.records.audit import list_audit
from skylike.cli.index import app
from survey.archive import SurveyFolder

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def data_dir(tmp_path):
    """Five releases of one survey and model, of which the oldest was active and the second is."""
    tiny_release(tmp_path, n=20, spectra=False)
    for path in (tmp_path / "releases").iterdir():
        path.rename(tmp_path / "unused")
    embeddings = EmbeddingStore.open(tmp_path / "embeddings" / "tiny--fake16")
    survey = SurveyFolder(tmp_path / "surveys" / "tiny")
    built = [
        build_release(
            survey=survey,
            model=FakeEncoder(),
            embeddings=embeddings,
            releases_dir=tmp_path / "releases",
            now=START + timedelta(days=day),
        ).id
        for day in range(5)
    ]
    ask(tmp_path, lambda session: [ingest_release(session, opened(tmp_path, i)) for i in built])
    for day, release_id in enumerate(built[:2]):
        ask(tmp_path, lambda s, i=release_id, d=day: activate(s, i, now=START + timedelta(days=10 + d)))
    return tmp_path


def opened(data_dir, release_id):
    return Release.open(data_dir / "releases" / release_id)


def ask(data_dir, question):
    upgrade(default_url(data_dir))
    engine = make_engine(default_url(data_dir))
    with writing(engine)() as session, session.begin():
        answer = question(session)
    engine.dispose()
    return answer


def ids(data_dir):
    return sorted(path.name for path in (data_dir / "releases").glob("[!.]*"))


def run(data_dir, *arguments):
    result = CliRunner().invoke(app, ["prune", *arguments, "--data-dir", str(data_dir), "--json"])
    assert result.exit_code == 0, result.output
    told = orjson.loads(result.stdout)
    assert told.pop("unfinished_uploads") == told.pop("expired_jobs") == []
    return told


def test_what_is_neither_new_nor_served_nor_rolled_back_to_goes(data_dir):
    before = ids(data_dir)
    assert run(data_dir) == {"removed": [before[2]]}
    kept = [before[n] for n in (0, 1, 3, 4)]
    assert ids(data_dir) == kept
    assert [row.id for row in ask(data_dir, list_registered)] == kept
    count = ask(data_dir, lambda s: s.execute(select(func.count()).select_from(scores)).scalar_one())
    assert count == sum(opened(data_dir, i).info.n for i in kept)
    (entry,) = ask(data_dir, list_audit)
    assert (entry.action, entry.subject) == ("release.prune", before[2])
    assert run(data_dir) == {"removed": []}


def test_the_number_that_stays_can_be_chosen(data_dir):
    before = ids(data_dir)
    assert run(data_dir, "tiny", "--keep", "0") == {"removed": before[2:]}
    assert ids(data_dir) == before[:2]


def test_a_dry_run_only_tells(data_dir):
    before = ids(data_dir)
    assert run(data_dir, "--dry-run") == {"would_remove": [before[2]]}
    assert ids(data_dir) == before
    assert ask(data_dir, list_audit) == []


def test_another_survey_is_left_alone(data_dir):
    assert run(data_dir, "other", "--keep", "0") == {"removed": []}
