"""Sessions in tests: begun, labelled, asked over HTTP."""

SESSIONS, LABELS = "/api/v1/sessions", "/api/v1/labels"


def begun(client, headers=None, **body):
    """Begin a session on the tiny survey; returns what is said of it."""
    answer = client.post(SESSIONS, json={"name": "rings", "survey": "tiny", **body}, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


def label(client, session, *labels, headers=None):
    """Give labels, pairs of an id and a score, in a session."""
    body = {"labels": [{"object_id": name, "value": value} for name, value in labels]}
    answer = client.post(session["links"]["labels"], json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def asked(client, session, what, headers=None):
    """Ask a session for itself, or for ``next``, ``ranking``, ``forecast`` or ``export`` with a query."""
    answer = client.get(f"{SESSIONS}/{session['session_id']}{what and '/' + what}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(answer):
    return [one["object_id"] for one in answer["objects"]]
