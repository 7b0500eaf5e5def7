"""The answer that says why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from service.problems import Problem
from service.validation import clean

__all__ = ["RETRY_AFTER", "ProblemAnswer"]

#: Statuses after which the same request may succeed, with the seconds to wait.
RETRY_AFTER = {429: "1", 503: "1"}


class ProblemAnswer(Response):
    """An RFC 9457 answer, ``application/problem+json``."""

    media_type = "application/problem+json"

    def __init__(
        self,
        problem: Problem,
        request_id: str,
        detail: str = "",
        *,
        more: Mapping[str, Any] | None = None,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        status = status or problem.status
        body: dict[str, Any] = {
            "type": f"/api/v1/problems#{problem.slug}",
            "title": problem.title,
            "status": status,
            "code": problem.slug,
            "detail": clean(detail or problem.title, 1000),
            "request_id": request_id,
        }
        body.update({name: value for name, value in (more or {}).items() if name not in body})
        sent = dict(headers or {})
        if status in RETRY_AFTER:
            sent.setdefault("Retry-After", RETRY_AFTER[status])
        super().__init__(
            orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY), status_code=status, headers=sent
        )
