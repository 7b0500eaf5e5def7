"""Whatever becomes of its workers, a job's answer has every row once."""

from __future__ import annotations

import os
import signal
import threading
import time
from datetime import timedelta

import pyarrow.parquet as pq
import pytest
from support.job_worker import POINTS, Squares, process, worker_of
from support.jobs import OWNER, expire, job_store, made

from service.jobs.lease import Leases
from service.operations.refusals import UnknownRelease
from service.records.jobs import Phase


@pytest.fixture
def store(database_url, tmp_path):
    with job_store(database_url, tmp_path / "jobs") as made_store:
        yield made_store


def phase(store, job_id):
    return store.view(job_id, OWNER).row.phase


def wait_for(condition, seconds=20.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


def answer_of(store, job_id):
    (file,) = store.folder.path(job_id).iterdir()
    return pq.read_table(file)


def assert_whole(store, job_id, n):
    """Every row once, in order, with its answer; and nothing else is left on the disk."""
    wait_for(lambda: phase(store, job_id) is Phase.COMPLETED)
    wait_for(lambda: len(list(store.folder.path(job_id).iterdir())) == 1)
    table = answer_of(store, job_id)
    assert table.column("row").to_pylist() == list(range(n))
    assert table.column("square").to_pylist() == [row * row for row in range(n)]


def test_one_worker_answers_every_row_in_order(store):
    job_id = made(store, 2500).row.id
    worker_of(store).run(once=True)
    assert_whole(store, job_id, 2500)
    view = store.view(job_id, OWNER)
    assert (view.progress.rows_done, view.progress.chunks_done) == (2500, 4)
    assert view.row.created_at <= view.row.started_at <= view.row.ended_at
    assert view.row.n_bytes == next(store.folder.path(job_id).iterdir()).stat().st_size


def test_two_workers_share_a_job_and_no_chunk_is_run_twice(store):
    job_id = made(store, 3000, chunk_rows=100).row.id
    handlers = [Squares(), Squares()]
    workers = [worker_of(store, handler=handler, lease_seconds=30) for handler in handlers]
    threads = [threading.Thread(target=worker.run, kwargs={"once": True}) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_whole(store, job_id, 3000)
    assert sorted(handlers[0].ran + handlers[1].ran) == list(range(30))
    assert all(chunk.token == 1 for chunk in store.chunks(job_id))


def test_jobs_take_turns(store):
    ids = [made(store, 300, chunk_rows=100, owner=owner).row.id for owner in ("ada", "bob")]
    leases = Leases(store, holder="a", seconds=30)
    taken = [leases.take() for _ in range(6)]
    assert [lease.spec.job_id for lease in taken] == ids * 3
    assert [lease.number for lease in taken] == [0, 0, 1, 1, 2, 2]
    assert leases.take() is None


def test_the_answer_is_written_only_when_nothing_is_missing(store):
    made(store, 200, chunk_rows=100)
    leases = Leases(store, holder="a", seconds=30)
    first, second = leases.take(), leases.take()
    assert leases.take() is None
    for lease in (first, second):
        table = Squares().run(
            lease.spec, lease.number, store.folder.read_chunk(lease.spec.job_id, lease.number)
        )
        written = store.folder.write_chunk(lease.spec.job_id, lease.number, lease.token, table)
        assert leases.commit(lease, written)
    assert leases.take().is_last


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_in_a_chunk_loses_and_doubles_nothing(store, repository, point):
    job_id = made(store, 500, chunk_rows=100).row.id
    with process(store, repository, lease_seconds=0.5, point=point, chunk=2) as dying:
        assert dying.wait(30) == -signal.SIGKILL, dying.stderr.read()
    done = [chunk.number for chunk in store.chunks(job_id) if chunk.result]
    assert done == [0, 1]
    worker_of(store).run(once=True)
    assert_whole(store, job_id, 500)
    # What was acknowledged before the kill was not done again.
    pids = answer_of(store, job_id).column("pid").to_pylist()
    assert [pid == os.getpid() for pid in pids] == [False] * 200 + [True] * 300


def test_a_worker_killed_while_it_writes_the_answer_loses_nothing(store, repository):
    job_id = made(store, 300, chunk_rows=100).row.id
    with process(store, repository, lease_seconds=0.5, point="the result is committed", chunk=3) as dying:
        assert dying.wait(30) == -signal.SIGKILL, dying.stderr.read()
    assert phase(store, job_id) is Phase.EXECUTING
    worker_of(store).run(once=True)
    assert_whole(store, job_id, 300)


def test_a_worker_that_stood_still_beyond_its_lease_commits_nothing(store, repository):
    job_id = made(store, 200, chunk_rows=100, parameters={"seconds": 0.4}).row.id
    with process(store, repository, lease_seconds=0.6) as stopped:
        wait_for(lambda: store.chunks(job_id)[0].holder is not None)
        stopped.send_signal(signal.SIGSTOP)
        worker_of(store).run(once=True)
        assert phase(store, job_id) is Phase.COMPLETED
        before = store.chunks(job_id)
        stopped.send_signal(signal.SIGCONT)
        stopped.send_signal(signal.SIGTERM)
        assert stopped.wait(20) == 0
        assert "lease lost" in stopped.stderr.read()
    assert store.chunks(job_id) == before
    assert (before[0].token, before[0].lapses) == (2, 1)
    assert_whole(store, job_id, 200)
    assert set(answer_of(store, job_id).column("pid").to_pylist()) == {os.getpid()}


def test_a_lease_that_was_taken_over_neither_lasts_nor_commits_nor_fails_the_chunk(store):
    made(store, 100, chunk_rows=100)
    leases = Leases(store, holder="slow", seconds=0.05)
    late = leases.take()
    time.sleep(0.1)
    taken = Leases(store, holder="quick", seconds=30).take()
    assert (taken.number, taken.token) == (late.number, late.token + 1)
    written = store.folder.write_chunk(
        late.spec.job_id, 0, late.token, store.folder.read_chunk(late.spec.job_id, 0)
    )
    assert not leases.extend(late)
    assert not leases.commit(late, written)
    leases.fail(late, "late")
    leases.give_back(late)
    chunk = store.chunks(late.spec.job_id)[0]
    assert (chunk.result, chunk.failures, chunk.holder, chunk.token) == (None, 0, "quick", 2)


def test_a_heart_keeps_the_lease_of_a_slow_chunk(store):
    job_id = made(store, 100, chunk_rows=100, parameters={"seconds": 1.2}).row.id
    slow = threading.Thread(target=worker_of(store, lease_seconds=0.5).run, kwargs={"once": True})
    slow.start()
    wait_for(lambda: store.chunks(job_id)[0].holder is not None)
    other = Leases(store, holder="other", seconds=30)
    while (lease := other.take()) is None and slow.is_alive():
        time.sleep(0.02)
    if lease is not None:
        assert lease.is_last
        other.give_back(lease)
    slow.join()
    assert_whole(store, job_id, 100)
    assert store.chunks(job_id)[0].token == 1


def test_a_chunk_that_hangs_loses_its_lease_and_its_worker_is_told_to_end(store, monkeypatch):
    monkeypatch.setattr("service.jobs.heart._PATIENCE", 1)
    job_id = made(store, 100, chunk_rows=100, parameters={"seconds": 0.6}).row.id
    gave_up = []
    worker = worker_of(store, lease_seconds=0.15, give_up=lambda: gave_up.append(True))
    assert worker.step()
    assert gave_up
    assert store.chunks(job_id)[0].result is None


def test_a_handler_that_raises_is_tried_three_times_and_finished_chunks_stay(store):
    job_id = made(store, 300, chunk_rows=100).row.id
    handler = Squares(bad_chunk=1)
    worker_of(store, handler=handler).run(once=True)
    view = store.view(job_id, OWNER)
    assert view.row.phase is Phase.ERROR
    assert view.row.error.startswith("Rows 101 to 200 failed three times (ValueError).")
    assert "secret" not in view.row.error
    assert handler.ran.count(1) == 3
    done = [chunk.number for chunk in store.chunks(job_id) if chunk.result]
    assert view.progress.rows_done == 100 * len(done) > 0
    # Mended, it goes on from there.
    handler = Squares()
    store.start(job_id, OWNER)
    worker_of(store, handler=handler).run(once=True)
    assert_whole(store, job_id, 300)
    assert set(handler.ran).isdisjoint(done)


def test_a_refusal_ends_the_job_at_once_with_its_own_words(store):
    job_id = made(store, 300, chunk_rows=100).row.id

    def gone(_spec):
        raise UnknownRelease("Release r1 was pruned. Send the rows again.")

    worker = worker_of(store)
    worker._handler_of = gone
    worker.run(once=True)
    view = store.view(job_id, OWNER)
    assert (view.row.phase, view.row.error) == (Phase.ERROR, "Release r1 was pruned. Send the rows again.")


def test_a_chunk_that_kills_every_worker_ends_its_job(store, monkeypatch):
    monkeypatch.setattr("service.jobs.lease.MOST_LAPSES", 2)
    job_id = made(store, 100, chunk_rows=100).row.id
    for _ in range(3):
        assert Leases(store, holder="dies", seconds=0.01).take()
        time.sleep(0.03)
    assert Leases(store, holder="dies", seconds=0.01).take() is None
    assert phase(store, job_id) is Phase.ERROR
    assert "ended its worker 3 times" in store.view(job_id, OWNER).row.error


def test_what_is_answered_for_a_cancelled_job_does_not_count(store):
    job_id = made(store, 200, chunk_rows=100).row.id
    leases = Leases(store, holder="a", seconds=30)
    lease = leases.take()
    store.abort(job_id, OWNER)
    written = store.folder.write_chunk(job_id, 0, lease.token, store.folder.read_chunk(job_id, 0))
    assert not leases.commit(lease, written)
    assert leases.take() is None
    store.start(job_id, OWNER)
    worker_of(store).run(once=True)
    assert_whole(store, job_id, 200)


def test_a_job_removed_under_its_worker_is_gone(store):
    job_id = made(store, 100, chunk_rows=100).row.id
    handler = Squares()
    run = handler.run

    def removed_meanwhile(*arguments):
        store.remove(job_id, OWNER)
        return run(*arguments)

    handler.run = removed_meanwhile
    worker_of(store, handler=handler).step()
    assert store.folder.ids() == store.chunks(job_id) == []


def test_a_damaged_result_is_answered_again(store):
    job_id = made(store, 300, chunk_rows=100).row.id
    worker = worker_of(store)
    for _ in range(3):
        worker.step()
    name = store.chunks(job_id)[1].result
    file = store.folder.chunk_file(job_id, name)
    file.write_bytes(file.read_bytes()[:-9])
    worker.run(once=True)
    assert_whole(store, job_id, 300)
    assert store.chunks(job_id)[1].token == 2


def test_a_worker_asked_to_end_finishes_the_chunk_in_hand_and_gives_nothing_up(store, repository):
    job_id = made(store, 1000, chunk_rows=100, parameters={"seconds": 0.3}).row.id
    with process(store, repository, lease_seconds=30) as asked:
        wait_for(lambda: store.chunks(job_id)[0].holder is not None)
        asked.send_signal(signal.SIGTERM)
        assert asked.wait(20) == 0
    chunks = store.chunks(job_id)
    assert chunks[0].result
    assert all(chunk.holder is None for chunk in chunks)


def test_an_answer_does_not_count_for_a_job_that_was_ended_at_that_moment(store, monkeypatch):
    job_id = made(store, 100, chunk_rows=100).row.id
    worker = worker_of(store)
    worker.step()
    # The chunk may still be committed, since PostgreSQL shows the job as it was; the job may not.
    monkeypatch.setattr("service.jobs.lease.change_phase", lambda *_a, **_n: False)
    worker.step()
    monkeypatch.undo()
    assert store.chunks(job_id)[-1].result is None
    store.abort(job_id, OWNER)
    store.start(job_id, OWNER)
    worker.run(once=True)
    assert_whole(store, job_id, 100)


def test_a_job_that_is_worked_on_does_not_run_out_of_time(store):
    job_id = made(store, 100, chunk_rows=100).row.id
    expire(store, job_id, 60)
    before = store.view(job_id, OWNER).row
    assert Leases(store, holder="a", seconds=30).take()
    after = store.view(job_id, OWNER).row
    assert after.expires_at - before.expires_at > store.life - timedelta(seconds=90)


def test_kills_are_spread_over_the_chunks_and_end_no_healthy_job(store, monkeypatch):
    monkeypatch.setattr("service.jobs.lease.MOST_LAPSES", 2)
    job_id = made(store, 400, chunk_rows=100).row.id
    for _ in range(8):
        # Each worker is killed with its chunk in hand.
        assert Leases(store, holder="dies", seconds=0.01).take()
        time.sleep(0.03)
    assert [chunk.token for chunk in store.chunks(job_id)] == [2, 2, 2, 2, 0]
    worker_of(store).run(once=True)
    assert_whole(store, job_id, 400)
