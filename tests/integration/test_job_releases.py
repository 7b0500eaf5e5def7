"""A job is answered by the release that it names, also when another one is active, or says that it is gone."""

from __future__ import annotations

import shutil

import pyarrow as pa
import pytest
from sqlalchemy import delete
from support.jobs import OWNER, job_store, made
from support.more_releases import another_release
from support.serving import copied

from index.catalogue.session import default_url, writing
from index.catalogue.tables import releases
from service.jobs import handlers
from service.jobs.releases import OpenedReleases
from service.jobs.worker import Worker
from service.records.jobs import Phase
from service.settings import Settings


class Naming:
    """Answers each row with the release that answers."""

    def __init__(self, resources):
        self._resources = resources

    def run(self, spec, chunk, rows):
        served = self._resources.choose(release=spec.parameters["release"])
        return pa.table({"row": rows.column("row"), "release": [served.release.id] * rows.num_rows})

    def meta(self, spec):
        return {}


@pytest.fixture
def data_dir(served_data, tmp_path, monkeypatch):
    monkeypatch.setitem(handlers._REGISTERED, "naming", Naming)
    return copied(served_data, tmp_path / "data")


@pytest.fixture
def store(data_dir):
    with job_store(default_url(data_dir), data_dir / "jobs") as made_store:
        yield made_store


def answered(store, data_dir, release):
    """What becomes of a job that names a release."""
    job_id = made(store, 100, kind="naming", parameters={"release": release}, fmt="csv").row.id
    opened = OpenedReleases(Settings(data_dir=data_dir))
    try:
        Worker(store, opened.handler, lease_seconds=30).run(once=True)
    finally:
        opened.close()
    return store.view(job_id, OWNER)


def test_a_release_that_is_active_no_longer_still_answers_until_it_is_pruned(store, data_dir):
    (old,) = [path.name for path in (data_dir / "releases").glob("tiny--*")]
    new = another_release(data_dir)
    for release in (old, new):
        done = answered(store, data_dir, release)
        assert done.row.phase is Phase.COMPLETED, done.row.error
        (file,) = store.folder.path(done.row.id).iterdir()
        assert file.read_text().count(release) == 100
    with writing(store.engine)() as session, session.begin():
        session.execute(delete(releases).where(releases.c.id == old))
    shutil.rmtree(data_dir / "releases" / old)
    gone = answered(store, data_dir, old).row
    assert gone.phase is Phase.ERROR
    assert gone.error.startswith(f"Release {old}, for which this job was made,")
    assert "Send the rows again" in gone.error
