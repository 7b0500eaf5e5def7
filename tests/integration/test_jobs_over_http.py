"""Jobs over HTTP: watched, waited for, cancelled, started again, removed, their answers fetched; by their owners alone."""

from __future__ import annotations

import io
import threading
import time
from itertools import count

import pyarrow.parquet as pq
import pytest
from support.job_worker import Squares, worker_of
from support.jobs import made
from support.owners import assert_problem, key_of
from support.serving import client_of, register_all

from service.records.jobs import NOBODY
from service.schemas.jobs import JobAnswer, Jobs


@pytest.fixture(scope="module")
def client(served_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("jobs")
    url = f"sqlite:///{folder / 'records.db'}"
    register_all(served_data, url)
    # From elsewhere: whoever sends no key is nobody.
    with client_of(served_data, database_url=url, jobs_dir=folder / "jobs", host="0.0.0.0") as client:
        yield client


@pytest.fixture
def ada(client):
    """Headers of a key of its own for each test; its jobs go with the test."""
    owner = f"ada{next(NUMBERS)}"
    headers = key_of(client, owner)[1]
    yield headers
    for job in client.get("/api/v1/jobs", headers=headers).json()["jobs"]:
        client.delete(job["href"], headers=headers)


NUMBERS = count(1)


def name_of(client, headers):
    return client.get("/api/v1/jobs", headers=headers).json()["owner"]


def store_of(client):
    return client.app.state.resources.jobs


def posted(client, headers=None, n=500, **more):
    owner = NOBODY if headers is None else name_of(client, headers)
    return made(store_of(client), n, chunk_rows=100, owner=owner, **more).row.id


def work(client, handler=None):
    worker_of(store_of(client), handler=handler).run(once=True)


def path_of(job_id, rest=""):
    return f"/api/v1/jobs/{job_id}{rest}"


def test_a_job_is_told_from_its_queue_to_its_answer(client, ada):
    job_id = posted(client, ada)
    before = client.get(path_of(job_id), headers=ada)
    assert before.headers["cache-control"] == "private, no-store"
    told = JobAnswer(**before.json())
    assert (told.phase, told.owner, told.results) == ("QUEUED", name_of(client, ada), [])
    assert (told.progress.rows_done, told.progress.rows_total, told.progress.eta_s) == (0, 500, None)
    early = client.get(path_of(job_id, "/results/result"), headers=ada)
    assert_problem(early, 409, "job.unfinished")
    assert "0 of 500 rows" in early.json()["detail"]
    assert early.json()["progress"]["rows_total"] == 500
    work(client)
    told = JobAnswer(**client.get(path_of(job_id), headers=ada).json())
    assert (told.phase, told.progress.rows_done, told.progress.chunks_done) == ("COMPLETED", 500, 5)
    (result,) = told.results
    answer = client.get(result.href, headers=ada)
    assert answer.headers["content-type"] == result.media_type
    assert len(answer.content) == result.n_bytes
    table = pq.read_table(io.BytesIO(answer.content))
    assert table.column("square").to_pylist() == [row * row for row in range(500)]


def test_half_way_through_the_time_left_is_told(client, ada):
    job_id = posted(client, ada, parameters={"seconds": 0.05})
    worker = worker_of(store_of(client))
    for _ in range(3):
        worker.step()
    told = JobAnswer(**client.get(path_of(job_id), headers=ada).json())
    assert (told.phase, told.progress.rows_done) == ("EXECUTING", 300)
    assert told.progress.eta_s == pytest.approx(200 / told.progress.rows_per_s)
    assert told.progress.rows_per_s < 100 / 0.05


def test_parts_of_the_answer_and_its_hash_can_be_asked_for(client, ada):
    job_id = posted(client, ada, fmt="csv")
    work(client)
    path = path_of(job_id, "/results/result")
    whole = client.get(path, headers=ada)
    assert whole.headers["content-type"].startswith("text/csv")
    assert whole.headers["content-disposition"].endswith('.csv"')
    tag = whole.headers["etag"]
    part = client.get(path, headers={**ada, "range": "bytes=5-24", "if-range": tag})
    assert (part.status_code, part.content) == (206, whole.content[5:25])
    other = client.get(path, headers={**ada, "range": "bytes=5-24", "if-range": '"another"'})
    assert (other.status_code, other.content) == (200, whole.content)
    assert client.get(path, headers={**ada, "range": f"bytes={len(whole.content)}-"}).status_code == 416
    same = client.get(path, headers={**ada, "if-none-match": f'"x", W/{tag}'})
    assert (same.status_code, same.content) == (304, b"")


def test_waiting_ends_when_the_phase_changes(client, ada):
    job_id = posted(client, ada)
    begun = time.monotonic()
    later = threading.Timer(0.3, store_of(client).abort, (job_id, name_of(client, ada)))
    later.start()
    told = client.get(path_of(job_id, "?wait=-1"), headers=ada).json()
    assert told["phase"] == "ABORTED"
    assert time.monotonic() - begun < 5
    # A job that has ended is not waited for.
    assert client.get(path_of(job_id, "?wait=8"), headers=ada).json() == told
    later.join()


def test_waiting_ends_with_the_time_and_is_not_called_slow(client, ada, monkeypatch, caplog):
    monkeypatch.setattr("service.operations.jobs.LONGEST_WAIT", 1.2)
    caplog.set_level("INFO", "service.middleware")
    job_id = posted(client, ada)
    begun = time.monotonic()
    assert client.get(path_of(job_id, "?wait=3600"), headers=ada).json()["phase"] == "QUEUED"
    assert 1.2 <= time.monotonic() - begun < 6
    assert "slow request" not in caplog.messages
    assert_problem(client.get(path_of(job_id, "?wait=nan"), headers=ada), 422, "request.invalid")


def test_a_cancelled_job_has_no_answer_until_it_is_started_again(client, ada):
    job_id = posted(client, ada)
    worker_of(store_of(client)).step()
    aborted = client.post(path_of(job_id, "/abort"), headers=ada).json()
    assert (aborted["phase"], aborted["progress"]["rows_done"]) == ("ABORTED", 100)
    assert_problem(client.get(path_of(job_id, "/results/result"), headers=ada), 409, "job.phase")
    assert client.post(path_of(job_id, "/start"), headers=ada).json()["phase"] == "QUEUED"
    assert_problem(client.post(path_of(job_id, "/start"), headers=ada), 409, "job.phase")
    handler = Squares()
    work(client, handler)
    assert 0 not in handler.ran
    assert client.get(path_of(job_id, "/results/result"), headers=ada).status_code == 200


def test_a_job_that_failed_says_why(client, ada):
    job_id = posted(client, ada)
    assert client.get(path_of(job_id, "/error"), headers=ada).json()["error"] is None
    work(client, Squares(bad_chunk=1))
    told = client.get(path_of(job_id, "/error"), headers=ada)
    assert (told.json()["phase"], "Rows 101 to 200" in told.json()["error"]) == ("ERROR", True)
    refused = client.get(path_of(job_id, "/results/result"), headers=ada)
    assert_problem(refused, 409, "job.phase")
    assert told.json()["error"] in refused.json()["detail"]


def test_a_removed_job_is_gone_with_its_files(client, ada):
    job_id = posted(client, ada)
    work(client)
    assert client.delete(path_of(job_id), headers=ada).status_code == 204
    for rest in ("", "/error", "/results/result"):
        assert_problem(client.get(path_of(job_id, rest), headers=ada), 404, "job.not_found")
    assert job_id not in store_of(client).folder.ids()


def test_nobody_sees_or_touches_anothers_job(client, ada):
    job_id = posted(client, ada)
    work(client)
    bob = key_of(client, "bob")[1]
    nobody = {}
    asked = [
        (method, path_of(job_id, rest))
        for method, rest in (
            ("GET", ""),
            ("GET", "/error"),
            ("GET", "/results/result"),
            ("POST", "/abort"),
            ("POST", "/start"),
            ("DELETE", ""),
        )
    ]
    for headers in (bob, nobody):
        for method, path in asked:
            refused = client.request(method, path, headers=headers)
            absent = client.request(method, path.replace(job_id, "0" * 32), headers=headers)
            assert_problem(refused, 404, "job.not_found")
            same = {
                **absent.json(),
                "detail": refused.json()["detail"],
                "request_id": refused.json()["request_id"],
            }
            assert refused.json() == same
    assert client.get("/api/v1/jobs", headers=bob).json()["jobs"] == []
    assert client.get(path_of(job_id), headers=ada).json()["phase"] == "COMPLETED"


def test_the_id_of_a_job_made_without_a_key_opens_it_and_no_list_shows_it(client, ada):
    job_id = posted(client)
    for headers in ({}, ada):
        told = client.get(path_of(job_id), headers=headers).json()
        assert (told["job_id"], told["owner"]) == (job_id, None)
    assert client.get("/api/v1/jobs", headers=ada).json()["jobs"] == []
    assert_problem(client.get("/api/v1/jobs"), 401, "auth.key_needed")
    assert client.delete(path_of(job_id)).status_code == 204


def test_lists_go_by_pages_and_phases(client, ada):
    ids = [posted(client, ada) for _ in range(3)]
    client.post(path_of(ids[0], "/abort"), headers=ada)
    first = Jobs(**client.get("/api/v1/jobs?limit=2", headers=ada).json())
    assert [job.job_id for job in first.jobs] == [ids[2], ids[1]]
    second = Jobs(**client.get(f"/api/v1/jobs?limit=2&cursor={first.next_cursor}", headers=ada).json())
    assert ([job.job_id for job in second.jobs], second.next_cursor) == ([ids[0]], None)
    aborted = client.get("/api/v1/jobs?phase=ABORTED", headers=ada).json()
    assert [job["job_id"] for job in aborted["jobs"]] == [ids[0]]
    assert_problem(client.get("/api/v1/jobs?cursor=x", headers=ada), 422, "cursor.invalid")


def test_an_answer_whose_file_is_gone_is_said_to_be_lost(client, ada):
    job_id = posted(client, ada)
    work(client)
    next(store_of(client).folder.path(job_id).iterdir()).unlink()
    assert_problem(client.get(path_of(job_id, "/results/result"), headers=ada), 410, "job.lost")


def test_a_restarted_service_has_the_jobs_of_before_and_a_worker_finishes_them(
    served_data, database_url, tmp_path
):
    register_all(served_data, database_url)
    where = {"database_url": database_url, "jobs_dir": tmp_path / "jobs"}
    with client_of(served_data, **where) as client:
        # In the name of this machine's own user, who needs no key.
        job_id = posted(client, {})
        worker_of(store_of(client)).step()
    with client_of(served_data, **where) as client:
        assert client.get(path_of(job_id)).json()["progress"]["rows_done"] == 100
        work(client)
        assert client.get(path_of(job_id, "/results/result")).status_code == 200
