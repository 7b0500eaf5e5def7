"""Objects and lists of objects."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from service.schemas.base import Answer, ReleaseBlock

__all__ = ["ConeAnswer", "ConeObject", "ConeQuery", "Links", "ObjectAnswer"]


class Links(Answer):
    """Paths of the same service; null where there is nothing."""

    self: str
    neighbours: str | None
    photoz: str | None
    anomaly: str | None
    cutout: str | None
    thumbnail: str | None


class ObjectAnswer(Answer):
    """One object with everything that the survey says of it."""

    release: ReleaseBlock | None = Field(description="Null when no release of the survey holds the object.")
    survey: str
    object_id: str = Field(examples=["SDSS J100024.12+021200.3"])
    name: str | None = Field(description="IAU name made of the position.")
    ra_deg: float | None
    dec_deg: float | None
    is_indexed: bool = Field(description="Whether the release holds an embedding of it.")
    columns: dict[str, Any] = Field(
        description="The survey's columns; null where unknown.",
        examples=[{"z_spec": 0.0712, "mag_r": 16.9, "label": None}],
    )
    links: Links


class ConeQuery(Answer):
    """The cone that was searched."""

    ra_deg: float
    dec_deg: float
    radius_deg: float


class ConeObject(Answer):
    """One object inside the cone."""

    object_id: str
    ra_deg: float
    dec_deg: float
    separation_deg: float
    z_spec: float | None
    mag_r: float | None
    label: str | None


class ConeAnswer(Answer):
    """Objects inside a cone, nearest first."""

    release: ReleaseBlock | None = Field(description="The survey's default release; null when it has none.")
    query: ConeQuery
    survey: str
    n: int
    overflow: bool = Field(description="Whether the cone holds more objects than `limit`.")
    objects: list[ConeObject]
