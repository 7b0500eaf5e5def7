"""Anomaly scores."""

from __future__ import annotations

from pydantic import Field

from service.schemas.base import Answer, ReleaseBlock, SearchBlock

__all__ = ["AnomaliesAnswer", "AnomalyAnswer", "AnomalyBlock", "AnomalyNeighbour", "RankedObject"]


class AnomalyNeighbour(Answer):
    """One of the nearest objects, which are the score's cause."""

    object_id: str
    similarity: float


class AnomalyBlock(Answer):
    """How lonely an object is in the embedding."""

    percentile: float = Field(
        description="Share of the release, in per cent, that has nearer neighbours; 100 is the loneliest."
    )
    knn_distance: float = Field(
        description="Mean distance to the nearest neighbours: what the percentile is made of."
    )
    nearest: list[AnomalyNeighbour] = Field(description="The neighbours that the distance was taken to.")


class AnomalyAnswer(Answer):
    """The anomaly score of one object with its cause."""

    release: ReleaseBlock
    search: SearchBlock
    object_id: str
    anomaly: AnomalyBlock


class RankedObject(Answer):
    """One object of the ranking."""

    rank: int
    object_id: str
    percentile: float
    ra_deg: float | None
    dec_deg: float | None
    z_spec: float | None
    mag_r: float | None
    label: str | None


class AnomaliesAnswer(Answer):
    """The most anomalous objects first."""

    release: ReleaseBlock
    n_total: int = Field(description="Objects that the ranking holds.")
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")
    objects: list[RankedObject]
