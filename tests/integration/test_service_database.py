"""The paths that ask the database, on both databases, well and unwell."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import event
from support.serving import client_of, register_all

from survey.archive import SurveyFolder
from survey.sky import separation_deg


@pytest.fixture
def on_database(served_data, database_url):
    register_all(served_data, database_url)
    with client_of(served_data, database_url=database_url) as client:
        yield client


def test_a_cone_holds_what_a_brute_force_search_holds(on_database, served_data):
    objects = SurveyFolder(served_data / "surveys" / "tiny").objects
    ra, dec = (objects.column(name).to_numpy() for name in ("ra_deg", "dec_deg"))
    ids = np.array(objects.column("object_id").to_pylist())
    for ra0, dec0 in ((0.0, 0.0), (359.999, 20.0), (45.0, 90.0), (200.0, -85.0), (ra[3], dec[3])):
        distance = separation_deg(ra0, dec0, ra, dec)
        order = [n for n in np.argsort(distance) if distance[n] <= 10]
        query = f"ra={float(ra0)!r}&dec={float(dec0)!r}&radius=10"
        answer = on_database.get(f"/api/v1/objects?{query}").json()
        assert [one["object_id"] for one in answer["objects"]] == list(ids[order])
        np.testing.assert_allclose(
            [one["separation_deg"] for one in answer["objects"]], distance[order], atol=1e-9
        )
        assert answer["overflow"] is False


def test_overflow_says_that_there_is_more(on_database, served_data):
    row = SurveyFolder(served_data / "surveys" / "tiny").objects.slice(0, 1).to_pylist()[0]
    query = f"ra={row['ra_deg']}&dec={row['dec_deg']}&radius=10"
    whole = on_database.get(f"/api/v1/objects?{query}").json()
    assert whole["n"] >= 1
    cut = on_database.get(f"/api/v1/objects?{query}&limit=1")
    assert cut.json()["objects"] == whole["objects"][:1]
    assert cut.json()["overflow"] is (whole["n"] > 1)
    assert (cut.headers.get("x-overflow") == "true") is (whole["n"] > 1)


def test_a_commit_that_fails_is_no_200(on_database):
    def refuse(_connection):
        raise RuntimeError("the commit failed")

    engine = on_database.app.state.resources.engine
    path = "/api/v1/objects?ra=0&dec=0&radius=1"
    assert on_database.get(path).status_code == 200
    event.listen(engine, "commit", refuse)
    try:
        refused = on_database.get(path)
    finally:
        event.remove(engine, "commit", refuse)
    assert (refused.status_code, refused.json()["code"]) == (500, "service.error")
    assert on_database.get(path).status_code == 200


def test_without_its_database_the_service_reads_on_but_is_not_ready(on_database):
    engine = on_database.app.state.resources.engine

    def unreachable(_dialect, _record, _arguments, _parameters):
        raise engine.dialect.dbapi.OperationalError("could not connect to /srv/private")

    engine.dispose()
    event.listen(engine, "do_connect", unreachable)
    try:
        refused = [on_database.get(path) for path in ("/readyz", "/api/v1/objects?ra=0&dec=0&radius=1")]
        by_id = on_database.get("/api/v1/objects/J00000/neighbours")
        alive = on_database.get("/livez")
    finally:
        event.remove(engine, "do_connect", unreachable)
    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (503, "database.unavailable")
        assert answer.headers["retry-after"]
        assert "private" not in answer.text
    assert (by_id.status_code, alive.status_code) == (200, 200)
    assert on_database.get("/readyz").status_code == 200
