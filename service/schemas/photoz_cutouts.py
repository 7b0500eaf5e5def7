"""Redshift estimates of a batch of cutouts."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import Answer, ReleaseBlock, SearchBlock
from service.schemas.photoz import ColumnReport

__all__ = ["CutoutRow", "CutoutsAnswer"]


class CutoutRow(BaseModel):
    """One member; beside these stand the columns of an estimate, all null where it was refused."""

    model_config = ConfigDict(extra="allow")

    row: int = Field(description="Place in the archive, from 0; folders do not count.")
    name: str = Field(description="Of the member, or the id of the table's row.", examples=["ngc1300.fits"])
    status: Literal["ok", "refused"]
    code: str | None = Field(description="Why it was refused, for programs.", examples=["fits.band_missing"])
    message: str | None = Field(description="Why it was refused, for people.")
    object_id: str | None = Field(
        description="Object of the survey that the image shows; its spectrum does not count."
    )
    ingest_flags: list[str] = Field(description="Reservations, as of a single upload.")
    z_best: float | None = Field(description="The recommended point estimate.", examples=[0.0712])
    z_flags: int | None = Field(description="Reservations about the estimate, by bit; `flags` names them.")


class CutoutsAnswer(Answer):
    """One row for each member, in the order of the archive."""

    release: ReleaseBlock
    search: SearchBlock
    representation: str
    z_grid: list[float] | None = Field(description="Bin centres of `pdf`, for `representation=grid`.")
    quantile_levels: list[float] | None = Field(
        description="Levels of `z_q`, for `representation=quantiles`."
    )
    columns: list[ColumnReport]
    rows: list[CutoutRow]
    n: int
    n_ok: int
