"""Clients in tests: their keys, and the uploads that they keep."""

from datetime import UTC, datetime, timedelta

from index.catalogue.session import writing
from service.records.keys import issue
from survey.fits.writer import write_fits

UPLOAD, KEPT = "/api/v1/neighbours/upload", "/api/v1/uploads"
FITS = {"content-type": "image/fits"}


def key_of(client, owner, **more):
    """Issue a key in the service's own database; returns the row and the header."""
    with writing(client.app.state.resources.engine)() as session, session.begin():
        row, key = issue(session, owner=owner, **more)
    return row, {"authorization": f"Bearer {key}"}


def long_ago():
    return datetime.now(UTC) - timedelta(days=1)


def fits_of(survey, row):
    return write_fits(survey.read([survey.ids[row]])[0])


def send(client, data, query="keep=true", **headers):
    return client.post(f"{UPLOAD}?{query}", content=data, headers={**FITS, **headers})


def kept(client, data, query="keep=true", **headers):
    answer = send(client, data, query, **headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["query"]["upload_id"]


def assert_problem(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert not any(word in answer.text for word in ("Traceback", ".py", "/tmp/", "sqlite", ".pending"))
