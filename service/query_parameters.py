"""Parameters of searches, each written once."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Query
from fastapi.exceptions import RequestValidationError

__all__ = ["Diversity", "Exact", "Explain", "HitCursorText", "MatchText", "MinScore", "Surveys", "surveys_of"]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_MOST_SURVEYS = 64

Exact = Annotated[
    bool, Query(description="Compare every allowed object, even where a quicker index would do.")
]
Explain = Annotated[
    bool,
    Query(
        description="Say how the search was done (`search.plan`), and in `Server-Timing` how long it took."
    ),
]
MinScore = Annotated[
    float | None,
    Query(
        ge=-1,
        le=1,
        allow_inf_nan=False,
        description="Only hits of at least this similarity; at most `k` of them, and `search.truncated` says if there are more.",
    ),
]
Diversity = Annotated[
    float,
    Query(
        ge=0,
        le=1,
        allow_inf_nan=False,
        description=(
            "Prefer hits unlike each other: 0 is the plain ranking, 1 only that. Maximal marginal relevance among the "
            "5 `k` nearest, at least 100."
        ),
    ),
]
MatchText = Annotated[
    str | None,
    Query(
        alias="match",
        max_length=400,
        description=(
            "Only hits near the query object in columns: `column:tolerance`, with `dex` for factors; redshifts within "
            "(z - z0)/(1 + z0). `r`, `z`, `zphot` and `size` are short names."
        ),
        examples=["r:0.5,size:0.2dex,z:0.02"],
    ),
]
HitCursorText = Annotated[
    str | None, Query(alias="cursor", max_length=400, description="`next_cursor` of the page before.")
]
Surveys = Annotated[
    str | None,
    Query(
        alias="surveys",
        max_length=2000,
        description="Search these surveys together, `a,b` or `all`: those with a release of the same model.",
        examples=["all"],
    ),
]


def surveys_of(text: str) -> list[str]:
    """Return the names in ``a,b``.

    Raises
    ------
    RequestValidationError
        If it is no list of names.
    """
    names = [name.strip() for name in text.split(",")]
    if len(names) > _MOST_SURVEYS or not all(_NAME.fullmatch(name) for name in names):
        message = f"write up to {_MOST_SURVEYS} names of surveys with commas between, or `all`"
        raise RequestValidationError([{"type": "value_error", "loc": ("query", "surveys"), "msg": message}])
    return names
