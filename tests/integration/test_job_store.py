"""Jobs are made durably, found by their owner alone, bounded, and removed whole."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import anyio
import pyarrow as pa
import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from starlette.requests import Request
from support.job_worker import worker_of
from support.jobs import OWNER, expire, job_store, made, tables

from service.arriving import on_disk
from service.operations.refusals import BatchTooLarge, JobNotFound, JobQuota, JobsOff, JobWithoutResult
from service.records.audit import list_audit
from service.records.jobs import NOBODY, Phase
from service.settings import Settings


@pytest.fixture
def store(database_url, tmp_path):
    with job_store(database_url, tmp_path / "jobs") as made_store:
        yield made_store


def test_a_job_is_found_with_every_row_in_its_chunk(store):
    job = made(store, 2500)
    assert job == store.view(job.row.id, OWNER)
    assert (job.row.phase, job.row.n_rows, job.row.n_chunks) == (Phase.QUEUED, 2500, 3)
    assert [chunk.n_rows for chunk in store.chunks(job.row.id)] == [1000, 1000, 500, 0]
    read = [store.folder.read_chunk(job.row.id, number) for number in range(3)]
    assert pa.concat_tables(read).column("row").to_pylist() == list(range(2500))
    assert job.row.n_bytes == sum(path.stat().st_size for path in (store.folder.root).rglob("*.parquet"))


def test_an_input_without_rows_has_one_chunk_without_rows(store):
    job = store.create(
        "count", {}, iter([pa.table({"row": pa.array([], pa.int64())})]), owner=OWNER, fmt="csv"
    )
    assert (job.row.n_rows, job.row.n_chunks) == (0, 1)
    assert store.folder.read_chunk(job.row.id, 0).num_rows == 0


def test_lists_show_ones_own_jobs_newest_first(store):
    ids = [made(store).row.id for _ in range(3)]
    other = made(store, owner="bob")
    assert [job.row.id for job in store.of_owner(OWNER, limit=10)] == ids[::-1]
    first, second = store.of_owner(OWNER, limit=2)
    rest = store.of_owner(OWNER, limit=2, before=(second.row.created_at, second.row.id))
    assert [job.row.id for job in rest] == ids[:1]
    store.abort(ids[1], OWNER)
    assert [job.row.id for job in store.of_owner(OWNER, limit=9, phase=Phase.ABORTED)] == [ids[1]]
    assert [job.row.id for job in store.of_owner("bob", limit=9)] == [other.row.id]
    assert first.row.id == ids[2]


def test_anothers_job_is_as_absent_as_one_that_never_was(store):
    job_id = made(store).row.id
    for act in (store.view, store.abort, store.start, store.remove):
        for wrong in ((job_id, "bob"), (job_id, NOBODY), ("0" * 32, OWNER)):
            with pytest.raises(JobNotFound):
                act(*wrong)
    assert store.view(job_id, OWNER).row.phase is Phase.QUEUED


def test_the_id_opens_a_job_that_nobody_owns(store):
    job_id = made(store, owner=NOBODY).row.id
    assert store.view(job_id, OWNER) == store.view(job_id, NOBODY)
    assert store.of_owner(OWNER, limit=9) == []


def test_jobs_of_one_owner_are_bounded_and_ended_ones_make_room(database_url, tmp_path):
    with job_store(database_url, tmp_path / "jobs", jobs_per_owner=2) as store:
        ids = [made(store).row.id for _ in range(2)]
        with pytest.raises(JobQuota, match="limit is 2"):
            made(store)
        made(store, owner="bob")
        store.abort(ids[0], OWNER)
        made(store)
        with pytest.raises(JobQuota):
            store.start(ids[0], OWNER)
        assert len(store.folder.ids()) == 4


def test_rows_and_bytes_of_jobs_are_bounded_and_a_refusal_leaves_nothing(database_url, tmp_path):
    with job_store(database_url, tmp_path / "jobs", job_rows=3000, job_bytes_per_owner=100_000) as store:
        with pytest.raises(BatchTooLarge, match="3000 rows"):
            made(store, 3001)
        assert store.folder.ids() == []
        random = pa.table({"row": pa.array([os.urandom(200) for _ in range(300)])})
        store.create("count", {}, iter([random]), owner=OWNER, fmt="csv")
        with pytest.raises(JobQuota, match="bytes"):
            store.create("count", {}, iter([random]), owner=OWNER, fmt="csv")
        assert len(store.folder.ids()) == 1
        assert list((store.folder.root / ".arriving").iterdir()) == []


def test_results_of_an_aborted_jobs_chunks_count_until_it_goes(database_url, tmp_path):
    with job_store(database_url, tmp_path / "jobs", job_bytes_per_owner=60_000) as store:
        job_id = made(store, 20_000, chunk_rows=10_000).row.id
        assert worker_of(store).step()
        store.abort(job_id, OWNER)
        lies = sum(path.stat().st_size for path in store.folder.path(job_id).rglob("*.parquet"))
        with pytest.raises(JobQuota, match=f"{lies} bytes"):
            made(store, 0)
        # It has what it has: that is no reason not to end it.
        assert store.start(job_id, OWNER).row.phase is Phase.QUEUED
        store.remove(job_id, OWNER)
        assert made(store, 1000).row.n_rows == 1000


def test_whoever_makes_the_folder_makes_it_durable(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr("survey.manifests.fsync", flushed.append)
    settings = Settings(jobs_dir=tmp_path / "new" / "jobs")

    async def receive():
        return {"type": "http.request", "body": b"x"}

    async def arrive():
        async with on_disk(Request({"type": "http"}, receive), settings):
            pass

    anyio.run(arrive)
    assert flushed[:2] == [tmp_path, tmp_path / "new"]


def test_a_table_that_cannot_be_made_leaves_nothing(store):
    def broken():
        yield from tables(1500)
        raise ValueError("the upload ended")

    with pytest.raises(ValueError, match="the upload ended"):
        store.create("count", {}, broken(), owner=OWNER, fmt="csv", chunk_rows=1000)
    assert store.folder.ids() == store.of_owner(OWNER, limit=9) == []
    assert list((store.folder.root / ".arriving").iterdir()) == []


def test_a_commit_that_fails_leaves_nothing(store):
    def refuse(_connection):
        raise OperationalError("COMMIT", {}, Exception("disk is full"))

    event.listen(store.engine, "commit", refuse)
    try:
        with pytest.raises(OperationalError):
            made(store)
    finally:
        event.remove(store.engine, "commit", refuse)
    assert store.folder.ids() == store.of_owner(OWNER, limit=9) == []


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_read_only_folder_takes_no_jobs_and_says_so(store, monkeypatch, number):
    def refuse(*_arguments, **_named):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(JobsOff, match="read-only"):
        made(store)


def test_a_pending_job_runs_when_it_is_started_and_only_then(store):
    job_id = made(store, run=False).row.id
    assert store.view(job_id, OWNER).row.phase is Phase.PENDING
    assert store.start(job_id, OWNER).row.phase is Phase.QUEUED
    with pytest.raises(JobWithoutResult, match="QUEUED"):
        store.start(job_id, OWNER)


def test_an_aborted_job_has_ended_once_and_can_be_started_again(store):
    job_id = made(store).row.id
    aborted = store.abort(job_id, OWNER)
    assert aborted.row.phase is Phase.ABORTED
    assert aborted.row.ended_at is not None
    assert store.abort(job_id, OWNER) == aborted
    assert store.start(job_id, OWNER).row.ended_at is None


def test_a_removed_job_leaves_neither_rows_nor_files_and_stands_in_the_audit_trail(store):
    job_id = made(store).row.id
    store.remove(job_id, OWNER)
    assert (store.folder.ids(), store.chunks(job_id)) == ([], [])
    with pytest.raises(JobNotFound):
        store.view(job_id, OWNER)
    with store.reading() as session:
        assert [entry.action for entry in list_audit(session)] == ["job.delete", "job.create"]


def test_a_job_whose_time_is_over_is_not_there(store):
    job_id = made(store).row.id
    expire(store, job_id, 60)
    assert store.view(job_id, OWNER)
    expire(store, job_id)
    with pytest.raises(JobNotFound):
        store.view(job_id, OWNER)
    assert store.of_owner(OWNER, limit=9) == []
