"""From the body of a question by vectors to unit vectors, and to what is asked of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from service.errors import UnreadableBody, UnsupportedMedia
from service.json_bodies import invalid, json_of, validated
from service.media import media_type_of
from service.operations.refusals import VectorUnusable
from service.schemas.vectors import MOST_VECTORS, VectorsRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from starlette.requests import Request

    from service.served import Served

__all__ = ["RAW", "unit_vectors", "vectors_body"]

#: Content type of raw vectors: little-endian float32, one after another.
RAW: Final = "application/octet-stream"
# Stands for the vectors where all else is validated.
_SOME_VECTORS: Final = [[1.0]]


async def vectors_body(
    request: Request, given: Mapping[str, Any]
) -> tuple[VectorsRequest, list[Any] | NDArray[np.float32], bytes]:
    """Read what is asked, the vectors as they were sent, and the body.

    Parameters
    ----------
    given
        Parameters of the query string that were given, by name.

    Raises
    ------
    UnsupportedMedia
        If the body is neither JSON nor raw.
    UnreadableBody
        If it is no JSON, or raw and no whole number of values.
    RequestValidationError
        If it is no such question, or a parameter stands in the query string as well.
    """
    kind = media_type_of(request.headers.get("content-type"))
    if kind not in {"application/json", RAW}:
        raise UnsupportedMedia(f"Send vectors as application/json, or raw float32 as {RAW}.")
    data = await request.body()
    if kind == RAW:
        if len(data) % 4:
            raise UnreadableBody(f"{len(data)} bytes are no whole number of float32 values.")
        return VectorsRequest.model_construct(**given), np.frombuffer(data, "<f4"), data
    value = json_of(data)
    if not isinstance(value, dict):
        raise invalid("", "Give an object with `vectors`.")
    vectors = value.pop("vectors", None)
    if twice := sorted(value.keys() & given.keys()):
        raise invalid(twice[0], "stands in the body and in the query string; give it once")
    if not isinstance(vectors, list):
        raise invalid("vectors", "is no list; give a list of vectors, each a list of numbers")
    # The numbers are checked as an array: an error for each of a million would help nobody.
    asked = validated(VectorsRequest, {**given, **value, "vectors": _SOME_VECTORS})
    return asked, vectors, data


def unit_vectors(served: Served, sent: list[Any] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Return unit vectors in the space that a release searches, shape (Q, D).

    Parameters
    ----------
    sent
        Rows of numbers, as long as the model's embeddings or as the vectors that the release searches; or the numbers of
        embeddings one after another.

    Raises
    ------
    RequestValidationError
        If they are none, or too many.
    VectorUnusable
        If they are of another length, or one has no direction.
    """
    release, model = served.release, served.model.card
    lengths = dict.fromkeys((model.dimension, release.info.dimension))
    vectors = _shaped(sent, list(lengths), model.id)
    if not 0 < len(vectors) <= MOST_VECTORS:
        raise invalid("vectors", f"has {len(vectors)} vectors; give 1 to {MOST_VECTORS}")
    norms = np.sqrt(np.einsum("qd,qd->q", vectors, vectors))
    good = np.isfinite(norms) & (norms > 0)
    if not good.all():
        raise VectorUnusable(
            f"vectors.{int(good.argmin())}: has no direction: it is all zeros, not finite, or too long."
        )
    unit = (vectors / norms[:, None]).astype(np.float32)
    return release.project(unit) if unit.shape[1] == model.dimension else unit


def _shaped(sent: list[Any] | NDArray[np.float32], lengths: list[int], model: str) -> NDArray[np.float64]:
    wanted = " or ".join(map(str, lengths))
    if isinstance(sent, np.ndarray):
        # Of a release that is projected, sixteen short vectors could as well be one embedding.
        if not len(sent) or len(sent) % lengths[0]:
            raise VectorUnusable(
                f"{len(sent)} values are no vectors of {lengths[0]} numbers, as {model} gives them."
            )
        return sent.reshape(-1, lengths[0]).astype(np.float64)
    for place, one in enumerate(sent):
        if not isinstance(one, list):
            raise invalid(f"vectors.{place}", "is no list of numbers")
        if len(one) not in lengths or len(one) != len(sent[0]):
            raise VectorUnusable(
                f"vectors.{place}: has {len(one)} numbers; embeddings of {model} have {wanted}, all the same."
            )
    try:
        vectors = np.array(sent)
    except (ValueError, TypeError, OverflowError):
        vectors = np.array([None])
    if sent and vectors.dtype.kind not in "if":
        raise invalid("vectors", "holds something that is no number")
    return vectors.astype(np.float64)
