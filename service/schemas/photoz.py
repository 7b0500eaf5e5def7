"""Redshift estimates."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from service.parameters import ID_PATTERN, MAX_ID_LENGTH, checked_id
from service.schemas.base import Answer, ReleaseBlock, SearchBlock

__all__ = [
    "BatchAnswer",
    "BatchRequest",
    "BatchRow",
    "Evidence",
    "PhotoZAnswer",
    "PhotoZBlock",
    "Position",
    "Summary",
    "TableReport",
]


class Summary(Answer):
    """Point estimates and intervals of p(z)."""

    z_best: float = Field(description="The recommended point estimate.", examples=[0.0712])
    z_mode: float
    z_mean: float
    z_median: float
    z_l68: float
    z_u68: float
    z_l95: float
    z_u95: float
    z_odds: float = Field(description="Probability within 0.06 (1 + z) of the point estimate.")
    n_neighbours: int = Field(description="Spectroscopic neighbours that entered.")
    flags: list[str] = Field(description="Reservations, by name.")


class Evidence(Answer):
    """One spectroscopic neighbour behind the estimate."""

    object_id: str
    similarity: float
    z_spec: float


class PhotoZBlock(Summary):
    """p(z) with its evidence."""

    z_grid: list[float]
    pdf: list[float] = Field(description="Density on `z_grid`; integrates to 1.")
    evidence: list[Evidence]


class PhotoZAnswer(Answer):
    """p(z) of one object, from its neighbours; its own redshift is left out."""

    release: ReleaseBlock
    search: SearchBlock
    object_id: str
    z_spec: float | None = Field(description="The measured redshift, which the estimate did not see.")
    photoz: PhotoZBlock


class Position(BaseModel):
    """A place on the sky."""

    model_config = ConfigDict(extra="forbid")

    ra_deg: float = Field(ge=0, lt=360, allow_inf_nan=False)
    dec_deg: float = Field(ge=-90, le=90, allow_inf_nan=False)


BatchId = Annotated[
    str,
    Field(min_length=1, max_length=MAX_ID_LENGTH, json_schema_extra={"pattern": ID_PATTERN}),
    AfterValidator(checked_id),
]


def _only(given: str, absent: str) -> dict[str, Any]:
    """Return the schema of an object with a list under one name, and nothing or null under the other."""
    return {"required": [given], "properties": {given: {"type": "array"}, absent: {"type": "null"}}}


class BatchRequest(BaseModel):
    """Up to 2,000 objects, by id or by position."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"ids": ["J00001", "J00002"]}],
            "oneOf": [_only("ids", "positions"), _only("positions", "ids")],
        },
    )

    ids: list[BatchId] | None = Field(
        default=None, min_length=1, description="Object ids; an id may occur twice."
    )
    positions: list[Position] | None = Field(
        default=None, min_length=1, description="Instead of ids: places matched to objects."
    )


class BatchRow(Answer):
    """One row of the answer, at the place of its row in the request; null where there is no value."""

    row: int = Field(description="Place in the request, from 0.")
    status: Literal["ok", "not_found", "not_indexed", "no_match", "invalid", "unavailable"]
    reason: str | None = Field(description="Why there is no estimate.")
    object_id: str | None
    match_separation_arcsec: float | None
    z_spec: float | None
    z_best: float | None
    z_mode: float | None
    z_mean: float | None
    z_median: float | None
    z_l68: float | None
    z_u68: float | None
    z_l95: float | None
    z_u95: float | None
    z_odds: float | None
    n_neighbours: int | None
    flags: list[str]


class TableReport(Answer):
    """What was understood of a table."""

    format: Literal["csv", "fits", "parquet", "votable"]
    columns: list[str]
    mapping: dict[str, str] = Field(
        description="`object_id`, `ra_deg`, `dec_deg` to the column taken for it."
    )
    n_rows: int


class BatchAnswer(Answer):
    """Estimates in the order of the request."""

    release: ReleaseBlock
    search: SearchBlock
    table: TableReport | None = Field(description="Null when JSON was sent.")
    n: int
    n_ok: int
    rows: list[BatchRow]
