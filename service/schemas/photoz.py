"""Redshift estimates."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from service.operations.estimate_columns import Representation
from service.parameters import ID_PATTERN, MAX_ID_LENGTH, checked_id
from service.schemas.base import Answer, ReleaseBlock, SearchBlock

__all__ = [
    "BatchAnswer",
    "BatchRequest",
    "BatchRow",
    "ColumnReport",
    "Evidence",
    "PhotoZAnswer",
    "PhotoZBlock",
    "Position",
    "Summary",
    "TableReport",
    "is_batch_id",
]


class Summary(Answer):
    """Point estimates and intervals of p(z)."""

    z_best: float = Field(description="The recommended point estimate.", examples=[0.0712])
    z_mode: float
    z_mean: float
    z_median: float
    z_l68: float
    z_u68: float
    z_l90: float | None
    z_u90: float | None
    z_l95: float
    z_u95: float
    z_err68: float | None = Field(description="Half the width of the 68 % interval.")
    z_odds: float = Field(description="Probability within 0.06 (1 + z) of the mode.")
    z_conf: float | None = Field(
        description="Calibrated probability that |z_best - z| / (1 + z) < 0.03; null where it was not calibrated."
    )
    z_n_peaks: int
    z_mode2: float | None = Field(description="Second peak; null with a single one.")
    z_mode2_area: float | None
    z_flags: int = Field(description="`flags` as bits.")
    z_neighbours: float | None = Field(description="Median redshift of the nearest spectroscopic neighbours.")
    support_percentile: float | None = Field(
        description="Of 100 galaxies with a spectrum, how many lie nearer to the others."
    )
    model_id: str
    train_set: str
    n_neighbours: int = Field(description="Spectroscopic neighbours that entered.")
    flags: list[str] = Field(description="Reservations, by name.")


class Evidence(Answer):
    """One spectroscopic neighbour behind the estimate."""

    object_id: str
    similarity: float
    z_spec: float


class PhotoZBlock(Summary):
    """p(z) with its evidence."""

    z_grid: list[float] = Field(description="Empty unless the representation is `grid`.")
    pdf: list[float] = Field(description="Density on `z_grid`; integrates to 1. Empty as `z_grid` is.")
    quantile_levels: list[float] = Field(description="Empty unless the representation is `quantiles`.")
    z_q: list[float] = Field(description="Quantiles at these levels.")
    z_samples: list[float] = Field(description="Empty unless the representation is `samples`.")
    evidence: list[Evidence]


class PhotoZAnswer(Answer):
    """p(z) of one object, of whose evidence its own redshift is no part."""

    release: ReleaseBlock
    search: SearchBlock
    object_id: str
    z_spec: float | None = Field(
        description="The measured redshift: no evidence for the estimate, though a network may have learnt from it."
    )
    photoz: PhotoZBlock


class Position(BaseModel):
    """A place on the sky."""

    model_config = ConfigDict(extra="forbid")

    ra_deg: float = Field(ge=0, lt=360, allow_inf_nan=False)
    dec_deg: float = Field(ge=-90, le=90, allow_inf_nan=False)


def is_batch_id(item: object) -> bool:
    """Whether a value of JSON is an id, as :class:`BatchRequest` takes it."""
    return isinstance(item, str) and 0 < len(item) <= MAX_ID_LENGTH and item.isprintable()


BatchId = Annotated[
    str,
    Field(min_length=1, max_length=MAX_ID_LENGTH, json_schema_extra={"pattern": ID_PATTERN}),
    AfterValidator(checked_id),
]


def _only(given: str, absent: str) -> dict[str, Any]:
    """Return the schema of an object with a list under one name, and nothing or null under the other."""
    return {"required": [given], "properties": {given: {"type": "array"}, absent: {"type": "null"}}}


class BatchRequest(BaseModel):
    """Objects by id or by position."""

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


class ColumnReport(Answer):
    """What a column holds."""

    name: str
    unit: str = Field(description="Empty for a pure number.")
    ucd: str = Field(description="IVOA UCD1+, or empty.")
    description: str


class BatchRow(Answer):
    """One row of the answer, at the place of its row in the request; null where there is no value.

    Beside these members it has those of the representation (``z_q``, ``pdf`` or ``z_samples``) and every column of the
    table that was sent.
    """

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())

    row: int = Field(description="Place in the request, from 0.")
    status: Literal["ok", "not_found", "not_indexed", "no_match", "invalid", "unavailable"]
    message: str | None = Field(description="Why there is no estimate.")
    reason: str | None = Field(description="The same as `message`.")
    object_id: str | None
    ra_deg: float | None = Field(description="Of the object, ICRS.")
    dec_deg: float | None
    match_separation_arcsec: float | None
    z_spec: float | None
    z_best: float | None
    z_mode: float | None
    z_mean: float | None
    z_median: float | None
    z_l68: float | None
    z_u68: float | None
    z_l90: float | None
    z_u90: float | None
    z_l95: float | None
    z_u95: float | None
    z_err68: float | None
    z_odds: float | None
    z_conf: float | None
    z_n_peaks: int | None
    z_mode2: float | None
    z_mode2_area: float | None
    z_flags: int | None
    z_neighbours: float | None
    support_percentile: float | None
    model_id: str | None
    train_set: str | None
    n_neighbours: int | None
    flags: list[str]


class TableReport(Answer):
    """What was understood of a table."""

    format: Literal["csv", "fits", "parquet", "votable"]
    columns: list[str]
    mapping: dict[str, str] = Field(
        description="`object_id`, `ra_deg`, `dec_deg` to the column taken for it."
    )
    units: dict[str, str] = Field(description="Units in which the position was.")
    left_out: list[str] = Field(
        description="Columns that the answer does not repeat: arrays of varying length."
    )
    n_rows: int


class BatchAnswer(Answer):
    """Estimates in the order of the request."""

    release: ReleaseBlock
    search: SearchBlock
    table: TableReport | None = Field(description="Null when JSON was sent.")
    representation: Representation
    z_grid: list[float] | None = Field(description="Of `pdf`; null without one.")
    quantile_levels: list[float] | None = Field(description="Of `z_q`; null without one.")
    columns: list[ColumnReport]
    n: int
    n_ok: int
    rows: list[BatchRow]
