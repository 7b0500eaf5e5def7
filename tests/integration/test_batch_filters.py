"""Filters of batches: each row has what it has by id."""

from __future__ import annotations

import pytest

from service.schemas.neighbours import NeighboursBatchAnswer

_BATCH = "/api/v1/neighbours/batch"


@pytest.mark.parametrize(
    "query",
    [
        "k=5",
        "k=5&z_min=0.2&z_max=0.21",
        "k=118",
        "k=40&exclude=J00004",
        "k=9&dedup=parent",
        "k=5&mag_r_min=40",
    ],
)
def test_each_row_of_a_batch_has_the_neighbours_it_has_by_id(client, query):
    ids = [f"J{n:05d}" for n in range(25)]
    answer = client.post(f"{_BATCH}?{query}", json={"ids": [*ids, "nobody"]})
    NeighboursBatchAnswer.model_validate_json(answer.content)
    body = answer.json()
    for number, object_id in enumerate(ids):
        by_id = client.get(f"/api/v1/objects/{object_id}/neighbours?{query}").json()
        lines = [line for line in body["rows"] if line["row"] == number and line["rank"] is not None]
        told = [(line["rank"], line["object_id"], line["similarity"]) for line in lines]
        # The column of a table is float32, rounded on its own.
        assert told == [
            (hit["rank"], hit["object_id"], pytest.approx(hit["similarity"], abs=2e-6))
            for hit in by_id["hits"]
        ]
    assert body["search"]["filters"] == by_id["search"]["filters"]
    assert [line["status"] for line in body["rows"]][-1] == "not_found"


def test_a_job_has_the_filters_of_its_request(client):
    rows = {"ids": [f"J{n:05d}" for n in range(5)]}
    query = "k=5&z_min=0.1&exact=true"
    at_once = client.post(f"{_BATCH}?{query}", json=rows).json()
    job = client.post(f"{_BATCH}?{query}&async=true", json=rows)
    assert job.status_code == 202
    about = client.get(job.headers["location"]).json()
    assert about["parameters"]["filters"] == at_once["search"]["filters"] == {"z_spec": [0.1, None]}
    client.delete(job.headers["location"])


def test_filters_stand_in_the_body_or_in_the_query_string(client):
    ids, filters = {"ids": ["J00001", "J00002"]}, {"z_spec": [0.1, None], "exclude": ["J00003"]}
    by_query = client.post(f"{_BATCH}?z_min=0.1&exclude=J00003", json=ids).json()
    by_body = client.post(_BATCH, json={**ids, "filters": filters})
    assert by_body.json()["rows"] == by_query["rows"]
    assert by_body.json()["search"]["filters"] == by_query["search"]["filters"] == filters
    again = client.get(f"/api/v1/replay/{by_body.json()['search']['replay']}")
    assert again.content == by_body.content
    both = client.post(f"{_BATCH}?z_min=0.1", json={**ids, "filters": filters})
    assert both.json()["code"] == "filter.invalid"
    for wrong in ([], "z"):
        assert client.post(_BATCH, json={**ids, "filters": wrong}).json()["code"] == "request.invalid"
    elsewhere = client.post("/api/v1/photoz/batch", json={**ids, "filters": filters})
    assert elsewhere.json()["code"] == "request.invalid"


def test_a_batch_with_a_filter_that_cannot_be_applied_is_refused(client):
    refused = client.post(f"{_BATCH}?where=nothing:0..1", json={"ids": ["J00001"]})
    assert (refused.status_code, refused.json()["code"]) == (422, "filter.invalid")
