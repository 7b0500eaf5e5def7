"""Answers of searches: hits with their certificate, their token and the cursor of the next page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError

from service.answers import answer
from service.certificate import sealed
from service.operations import neighbours
from service.operations.cross_survey import merged_hits, merged_search
from service.operations.cursors import HitCursor, decode_hit_cursor, encode_hit_cursor
from service.operations.refusals import ReleaseMismatch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.responses import Response

    from service.asked import Asked
    from service.operations.finding import Found, Wanted
    from service.resources import Resources
    from service.served import Served

__all__ = ["answer_together", "continued", "nothing_found", "only_without_surveys", "search_answer", "timing"]


def search_answer(
    served: Served,
    found: Found,
    query: Mapping[str, Any],
    asked: Asked,
    *,
    headers: dict[str, str] | None = None,
) -> Response:
    """Return the answer of a search in one release.

    Parameters
    ----------
    headers
        Of a request that asked to explain itself (:func:`timing`): the plan is told then.
    """
    cursor = None
    if found.end is not None:
        cursor = encode_hit_cursor(HitCursor(served.release.id, asked.digest(), *found.end))
    plan = None if headers is None else found.plan
    return answer(
        {
            "release": served.block,
            "search": sealed(found.search, replay=asked.token(served), plan=plan),
            "query": query,
            "next_cursor": cursor,
            "hits": served.hit_texts.of(found.rows, found.similarity, n_before=found.n_before),
        },
        headers=headers,
    )


def continued(
    resources: Resources, cursor: str, asked: Asked, *, release: str | None
) -> tuple[str, HitCursor]:
    """Return the id of the release that a cursor continues with, and where the page before ended.

    Parameters
    ----------
    release
        As the request names it.

    Raises
    ------
    CursorInvalid, CursorMismatch, CursorExpired
        If the cursor does not continue this list.
    ReleaseMismatch
        If the request names another release.
    """
    end = decode_hit_cursor(cursor, digest=asked.digest(), served=resources.releases.keys())
    if release is not None and release != end.release:
        raise ReleaseMismatch(
            f"The cursor continues a list of release {end.release}; name no other beside it."
        )
    return end.release, end


def only_without_surveys(wanted: Wanted) -> None:
    """Refuse what a search in several surveys cannot do.

    Raises
    ------
    RequestValidationError
        If there is a cursor or a diversity.
    """
    for name, is_given in (("cursor", wanted.cursor is not None), ("diversity", wanted.diversity > 0)):
        if is_given:
            message = "does not go together with `surveys`; leave one of the two out"
            raise RequestValidationError([{"type": "value_error", "loc": ("query", name), "msg": message}])


def answer_together(
    parts: Sequence[Served],
    found: Sequence[Found],
    query: dict[str, Any],
    asked: Asked,
    *,
    served: Served,
    wanted: Wanted,
    headers: dict[str, str] | None = None,
) -> Response:
    """Return the answer of a search in several releases.

    Parameters
    ----------
    parts, found
        What was searched, and what each gave.
    served
        Whose vector was searched with.
    """
    hits = merged_hits([neighbours.hits(*pair) for pair in zip(parts, found, strict=True)], found, wanted.k)
    search = merged_search(parts, found, len(hits), is_range=wanted.min_score is not None)
    if not hits:
        query["note"] = nothing_found(search, wanted.min_score)
    others = [part for part in parts if part is not served]
    plan = None if headers is None else found[0].plan
    return answer(
        {
            "release": served.block,
            "search": sealed(
                search, replay=asked.token(served, *others), plan=plan, releases=search["releases"]
            ),
            "query": query,
            "next_cursor": None,
            "hits": hits,
        },
        headers=headers,
    )


def nothing_found(search: Mapping[str, Any], min_score: float | None) -> str:
    """Say that there are no hits, and among how many objects."""
    among = f"among {search['n_searched']:,} objects"
    if min_score is None or not search["n_searched"]:
        return f"There is nothing {among} that are allowed."
    return f"Nothing is as similar as {min_score:g} {among}."


def timing(seconds: float) -> dict[str, str]:
    """Return the header that says how long a search took."""
    return {"Server-Timing": f"search;dur={1000 * seconds:.3f}"}
