"""The page of a job: what the API says of it, and its buttons; from our own pages only."""

from __future__ import annotations

import pytest
from support.html import Page
from support.job_worker import Squares, worker_of
from support.jobs import made
from support.serving import client_of, register_all

from service.records.jobs import NOBODY


@pytest.fixture(scope="module")
def client(served_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("job_pages")
    url = f"sqlite:///{folder / 'records.db'}"
    register_all(served_data, url)
    with client_of(served_data, database_url=url, jobs_dir=folder / "jobs") as client:
        yield client


@pytest.fixture
def store(client):
    return client.app.state.resources.jobs


def page_of(client, job_id):
    answer = client.get(f"/jobs/{job_id}")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "private, no-store")
    return answer.text, Page(answer.text)


def press(client, job_id, act, **headers):
    return client.post(f"/jobs/{job_id}/{act}", headers=headers, follow_redirects=False)


def test_a_job_is_shown_from_its_queue_to_its_download(client, store):
    job_id = made(store, 3000, owner="local").row.id
    html, page = page_of(client, job_id)
    assert 'data-live="running"' in html
    assert "QUEUED 0 of 3,000 rows" in page.words
    worker = worker_of(store)
    worker.step()
    worker.step()
    _, page = page_of(client, job_id)
    assert "EXECUTING 2,000 of 3,000 rows" in page.words
    assert "rows/s, about" in page.words
    worker.run(once=True)
    html, page = page_of(client, job_id)
    assert 'data-live="over"' in html
    (link,) = [link["href"] for link in page.links if link["href"].endswith("/results/result")]
    assert client.get(link).status_code == 200
    assert press(client, job_id, "delete").status_code == 303
    assert client.get(f"/jobs/{job_id}").status_code == 404


def test_a_job_is_cancelled_and_goes_on_at_a_button(client, store):
    job_id = made(store, owner="local").row.id
    answer = press(client, job_id, "abort")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/jobs/{job_id}")
    assert "ABORTED" in page_of(client, job_id)[1].words
    press(client, job_id, "start")
    assert "QUEUED" in page_of(client, job_id)[1].words
    store.remove(job_id, "local")


def test_why_a_job_failed_stands_on_its_page(client, store):
    job_id = made(store, 100, owner=NOBODY).row.id
    worker_of(store, handler=Squares(bad_chunk=0)).run(once=True)
    page = page_of(client, job_id)[1]
    assert "Rows 1 to 100 failed three times" in page.words
    assert "Its address opens it" in page.words


@pytest.mark.parametrize("act", ["abort", "start", "delete"])
def test_another_site_presses_no_button(client, store, act):
    job_id = made(store, owner=NOBODY).row.id
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        assert press(client, job_id, act, **headers).status_code == 403
    assert store.view(job_id, NOBODY).row.phase == "QUEUED"
    store.remove(job_id, NOBODY)


def test_a_job_that_is_not_there_is_a_page_that_says_so(client):
    answer = client.get(f"/jobs/{'0' * 32}")
    assert answer.status_code == 404
    assert "You have no such job." in Page(answer.text).words
