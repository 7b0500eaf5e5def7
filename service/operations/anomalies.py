"""Anomaly scores and the ranked list."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from service.operations.neighbours import columns_of
from service.operations.refusals import CursorExpired, CursorInvalid
from service.served import Served

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from index.anomaly import AnomalyScore

__all__ = ["decode_cursor", "of_row", "of_vector", "ranked"]

_CURSOR = re.compile(r"(\d{1,12}):([a-z0-9._-]{1,64})", re.ASCII)


def of_row(served: Served, row: int) -> dict[str, Any]:
    """Score a stored object from its precomputed neighbours."""
    return _block(served, served.release.anomaly.score_row(row))


def of_vector(
    served: Served, vector: NDArray[np.float32], *, without: NDArray[np.int64] | None = None
) -> dict[str, Any]:
    """Score an embedding, shape (D,), unit norm, leaving rows ``without`` out."""
    return _block(served, served.release.anomaly.score(vector, without=without))


def ranked(served: Served, *, start: int, limit: int) -> tuple[list[dict[str, Any]], str | None]:
    """Return one page of the ranking, the most anomalous first, with the cursor of the next page."""
    order = served.ranking
    rows = order[start : start + limit]
    page = []
    for rank, row in enumerate(columns_of(served, rows), start + 1):
        row.pop("z_phot")
        page.append({"rank": rank, "percentile": round(row.pop("anomaly_percentile"), 4), **row})
    end = start + len(rows)
    return page, encode_cursor(served.release.id, end) if end < len(order) else None


def encode_cursor(release_id: str, start: int) -> str:
    """Return an opaque text that continues the ranking of one release."""
    return base64.urlsafe_b64encode(f"{start}:{release_id}".encode()).decode().rstrip("=")


def decode_cursor(cursor: str, served: Collection[str]) -> tuple[str, int]:
    """Return the release and the start that a cursor stands for.

    Raises
    ------
    CursorInvalid
        If it was not made by :func:`ranked`.
    CursorExpired
        If its release is not ``served`` any more.
    """
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise CursorInvalid("Give `next_cursor` of the page before, unchanged, or none for the first page.")
    start, release_id = int(match[1]), match[2]
    if release_id not in served:
        raise CursorExpired(
            "The ranking that this cursor continues is no longer served. Begin again without a cursor."
        )
    return release_id, start


def _block(served: Served, score: AnomalyScore) -> dict[str, Any]:
    ids = served.release.columns.ids
    pairs = zip(score.nearest_rows.tolist(), score.nearest_similarity.tolist(), strict=True)
    return {
        "percentile": round(score.percentile, 4),
        "knn_distance": score.knn_distance,
        "nearest": [{"object_id": ids[row], "similarity": round(similarity, 6)} for row, similarity in pairs],
    }
