"""What every refusal must look like, whoever is refused and why."""

import re

from service.problems import PROBLEMS

# A path, a stack or a library of ours.
_OURS = re.compile(r"Traceback|File \"|site-packages|\.py\b|/tmp/|/root/|/home/|sqlalchemy|astropy|Errno")


def assert_problem(answer, status, code, *, secret=""):
    """A registered, self-consistent RFC 9457 problem that repeats nothing of what was sent; returns its body."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text[:500]
    assert answer.headers["x-content-type-options"] == "nosniff"
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), body
    problem = PROBLEMS[body["code"]]
    assert body["type"] == f"/api/v1/problems#{problem.slug}"
    assert (body["title"], body["status"]) == (problem.title, status)
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["detail"]
    assert "input" not in body
    assert "ctx" not in body
    assert not _OURS.search(answer.text), answer.text
    assert not secret or secret not in answer.text
    return body
