"""Neighbours."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from service.schemas.base import Answer, ReleaseBlock, SearchBlock

__all__ = ["Hit", "NeighboursAnswer", "NeighboursQuery"]


class Hit(Answer):
    """One neighbour."""

    rank: int = Field(examples=[1])
    object_id: str = Field(examples=["SDSS J100024.12+021200.3"])
    similarity: float = Field(description="Cosine in [-1, 1]; larger is nearer.", examples=[0.9731])
    ra_deg: float | None
    dec_deg: float | None
    z_spec: float | None
    z_phot: float | None
    mag_r: float | None
    label: str | None
    anomaly_percentile: float | None


class NeighboursQuery(Answer):
    """What the neighbours are neighbours of."""

    kind: Literal["id", "position", "box"]
    object_id: str
    ra_deg: float | None
    dec_deg: float | None
    k: int
    match_separation_arcsec: float | None = Field(
        description="From the place asked for to the object; null when asked by id."
    )
    note: str = Field(description="One sentence where the target needed interpretation, or empty.")


class NeighboursAnswer(Answer):
    """The nearest neighbours, most similar first; the object itself is not among them."""

    release: ReleaseBlock
    search: SearchBlock
    query: NeighboursQuery
    hits: list[Hit]
