"""What is over goes, what is not stays, and what has lost its files is named."""

from __future__ import annotations

import os
import shutil

import pytest
from support.job_worker import worker_of
from support.jobs import OWNER, expire, job_store, made

from service.jobs.tidy import over, tidy
from service.records.jobs import Phase
from skylike.check_jobs import check_jobs, tidy_jobs


@pytest.fixture
def store(database_url, tmp_path):
    with job_store(database_url, tmp_path / "jobs") as made_store:
        yield made_store


def test_what_is_over_goes_with_its_files_and_what_is_not_stays(store):
    gone, stays, completed = (made(store, 100, chunk_rows=100).row.id for _ in range(3))
    expire(store, gone)
    store.abort(stays, OWNER)
    worker_of(store).run(once=True)
    # As if the worker had died between its commit and its clearing up.
    shutil.copytree(store.folder.path(stays), store.folder.path(completed), dirs_exist_ok=True)
    unknown = store.folder.root / ("f" * 32)
    unknown.mkdir()
    old = unknown.with_name("e" * 32)
    old.mkdir()
    os.utime(old, (0, 0))
    assert over(store) == [old.name]
    assert tidy(store) == [old.name]
    assert sorted(store.folder.ids()) == sorted([stays, completed, unknown.name])
    assert store.view(completed, OWNER).row.phase is Phase.COMPLETED
    assert [path.suffix for path in store.folder.path(completed).iterdir()] == [".parquet"]
    assert not store.folder.has_input(completed)
    assert store.chunks(gone) == []
    assert store.folder.has_input(stays)


def test_the_check_finds_jobs_without_their_files_and_prune_removes_what_is_over(store, tmp_path):
    url = store.engine.url.render_as_string(hide_password=False)
    done, queued, lost, gone = (made(store, 100, chunk_rows=100).row.id for _ in range(4))
    for job_id in (queued, lost):
        store.abort(job_id, OWNER)
    expire(store, gone)
    worker_of(store).step()
    worker_of(store).step()
    shutil.rmtree(store.folder.path(lost))
    bad, good = check_jobs(url, store.folder.root)
    assert (bad.name, bad.state, good.state) == (f"job {lost}", "complaint", "ok")
    assert good.found.startswith("2, 0 of them")
    file = next(store.folder.path(done).iterdir())
    file.write_bytes(file.read_bytes()[:-1])
    assert {one.name for one in check_jobs(url, store.folder.root)} == {f"job {lost}", f"job {done}", "jobs"}
    assert tidy_jobs(url, store.folder.root, dry_run=True) == [gone]
    assert tidy_jobs(url, store.folder.root) == [gone]
    assert tidy_jobs(url, store.folder.root) == []
