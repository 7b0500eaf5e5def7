"""From the body of a question with several examples to its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.requests import Request

from index.queries.rocchio import Weights
from service.json_bodies import invalid, json_of, validated
from service.operations.multi import Examples
from service.operations.refusals import ObjectNotFound, VectorUnusable
from service.schemas.multi import MOST_EXAMPLES, MultiRequest
from service.schemas.photoz import is_batch_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from service.resources import Resources
    from service.served import Served

__all__ = ["examples_of", "multi_body"]

_LISTS = ("positives", "negatives", "minus")


async def multi_body(request: Request) -> tuple[MultiRequest, bytes]:
    """Read the body, as its parts and as it was sent.

    Raises
    ------
    UnreadableBody
        If it is no JSON.
    RequestValidationError
        If it is no such question; of wrong examples the first alone is told.
    """
    data = await request.body()
    value = json_of(data)
    if not isinstance(value, dict):
        raise invalid("", "Give an object with `positives`.")
    lists = {name: value[name] for name in _LISTS if name in value}
    for name, items in lists.items():
        _check(name, items)
    # The lists are checked already: an error for each of a thousand values helps nobody and takes seconds.
    asked = validated(MultiRequest, {**value, **{name: items[:1] for name, items in lists.items()}})
    return asked.model_copy(update=lists), data


def examples_of(resources: Resources, served: Served, body: MultiRequest) -> Examples:
    """Return the vectors of a question's examples in one release.

    Raises
    ------
    ObjectNotFound, ObjectNotIndexed
        If the release has not one that was named.
    VectorUnusable
        If one cannot be compared with the release's vectors, or the method takes no negatives.
    """
    rows: list[int] = []
    liked = _vectors(resources, served, "positives", body.positives, rows)
    disliked = _vectors(resources, served, "negatives", body.negatives, rows)
    if len(disliked) and body.method in {"mean", "max"}:
        raise VectorUnusable(f"Negatives have no place in `{body.method}`; ask by `rocchio` or `best_score`.")
    weights = Weights(body.alpha, body.beta, body.gamma)
    return Examples(body.method, liked, disliked, weights, tuple(sorted(set(rows))))


def _vectors(
    resources: Resources, served: Served, name: str, items: Sequence[str | list[float]], rows: list[int]
) -> NDArray[np.float32]:
    """Return unit vectors, shape (len(items), D); the rows of those that are objects are added to ``rows``."""
    found = np.empty((len(items), served.release.info.dimension), np.float32)
    for place, item in enumerate(items):
        if isinstance(item, str):
            try:
                row = served.row_of(item)
            except ObjectNotFound as error:
                raise resources.not_found(item, served.survey) from error
            rows.append(row)
            found[place] = served.release.store.vector(row)
        else:
            found[place] = _unit(served, f"{name}.{place}", item)
    return found


def _unit(served: Served, where: str, numbers: list[float]) -> NDArray[np.float32]:
    """Return an embedding as the release holds it: a model's own one is projected where the release is."""
    release = served.release
    dimension, projection = release.info.dimension, release.projection
    own = dimension if projection is None else projection.dimension_in
    if len(numbers) not in (dimension, own):
        raise VectorUnusable(
            f"{where} has {len(numbers)} numbers; embeddings of {served.block['model']} have {own}."
        )
    vector = np.array(numbers, np.float64)
    length = float(np.linalg.norm(vector))
    if not 0 < length < np.inf:
        raise VectorUnusable(f"{where} has no direction: it is all zeros, or too long.")
    unit = (vector / length).astype(np.float32)
    return unit if len(unit) == dimension else release.project(unit[None])[0]


def _check(name: str, items: Any) -> None:
    if not isinstance(items, list):
        raise invalid(name, "is no list")
    if len(items) > MOST_EXAMPLES:
        raise invalid(name, f"has {len(items)} items; the limit is {MOST_EXAMPLES}")
    if name == "positives" and not items:
        raise invalid(name, "is empty; give at least one example")
    for place, item in enumerate(items):
        if is_batch_id(item) or (name != "minus" and _is_vector(item)):
            continue
        what = "is no object id" if name == "minus" else "is neither an object id nor a list of numbers"
        raise invalid(f"{name}.{place}", what)


def _is_vector(item: Any) -> bool:
    return isinstance(item, list) and bool(item) and all(type(one) in (int, float) for one in item)
