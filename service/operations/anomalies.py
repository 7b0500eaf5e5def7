"""Anomaly scores of single objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.served import Served

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from index.anomaly import AnomalyScore

__all__ = ["of_row", "of_vector"]


def of_row(served: Served, row: int) -> dict[str, Any]:
    """Score a stored object from its precomputed neighbours."""
    return _block(served, served.release.anomaly.score_row(row))


def of_vector(
    served: Served, vector: NDArray[np.float32], *, without: NDArray[np.int64] | None = None
) -> dict[str, Any]:
    """Score an embedding, shape (D,), unit norm, leaving rows ``without`` out."""
    return _block(served, served.release.anomaly.score(vector, without=without))


def _block(served: Served, score: AnomalyScore) -> dict[str, Any]:
    ids = served.release.columns.ids
    pairs = zip(score.nearest_rows.tolist(), score.nearest_similarity.tolist(), strict=True)
    return {
        "percentile": round(score.percentile, 4),
        "knn_distance": score.knn_distance,
        "nearest": [{"object_id": ids[row], "similarity": round(similarity, 6)} for row, similarity in pairs],
    }
