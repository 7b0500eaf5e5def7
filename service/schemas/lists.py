"""What lists of objects are answered with."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from service.schemas.base import Answer, ReleaseBlock

__all__ = ["ListAnswer", "ListedObject"]


class ListedObject(Answer):
    """One object of a list."""

    rank: int = Field(description="Its place, from 1.")
    object_id: str
    ra_deg: float | None
    dec_deg: float | None
    z_spec: float | None
    z_phot: float | None
    mag_r: float | None
    label: str | None
    columns: dict[str, Any] = Field(
        description="What `columns` asked for; integers beyond 2^53 are texts.",
        examples=[{"r50_arcsec": 2.1}],
    )


class ListAnswer(Answer):
    """A page of a list of objects."""

    release: ReleaseBlock
    filters: dict[str, Any] = Field(
        description="What the objects keep, as searches say it.", examples=[{"z_spec": [0.05, 0.1]}]
    )
    n_total: int = Field(description="Objects of the whole list.")
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")
