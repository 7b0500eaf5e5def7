"""What an upload is answered with."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from service.schemas.anomalies import AnomalyBlock
from service.schemas.base import Answer, ReleaseBlock, SearchBlock
from service.schemas.neighbours import Hit
from service.schemas.photoz import PhotoZBlock

__all__ = ["IngestBlock", "IngestStep", "UploadAnswer", "UploadQuery"]


class IngestStep(Answer):
    """One thing that was understood or decided."""

    step: str = Field(
        description="`container`, `layout`, `bands`, `units`, `wcs`, `target`, `grid`, `masks`, `release`, `contract` or `search`.",
        examples=["units"],
    )
    text: str = Field(examples=["BUNIT 'nanomaggy': fluxes are taken as they are."])


class IngestBlock(Answer):
    """The account of how the upload was read."""

    layout: str = Field(examples=["cube"])
    steps: list[IngestStep]
    flags: list[str] = Field(
        description=(
            "Reservations, by name: `uncalibrated`, `partial_field`, `masked`, `no_ebv`, `scale_assumed`, `other_filters`, "
            "`band_system_assumed`, `target_assumed`, `mirrored`, `display`, `in_catalogue`, `out_of_domain` …"
        ),
        examples=[["partial_field"]],
    )


class UploadQuery(Answer):
    """What was made of the upload."""

    kind: Literal["upload"]
    bands: list[str] = Field(examples=[["sdss:u", "sdss:g", "sdss:r", "sdss:i", "sdss:z"]])
    shape: list[int] = Field(description="Height and width of the cutout in pixels.", examples=[[84, 84]])
    ra_deg: float | None
    dec_deg: float | None
    pixel_scale_arcsec: float | None
    is_calibrated: bool
    object_id: str | None = Field(
        description="The catalogue's object within 2 arcsec of the upload's position, if there is one."
    )
    match_separation_arcsec: float | None
    upload_id: str | None = Field(
        description="Under which the pixels are kept (`/api/v1/uploads`); null unless `keep` was asked for."
    )


class UploadAnswer(Answer):
    """Neighbours, redshift and anomaly of an uploaded galaxy; with `dry_run` the account alone."""

    release: ReleaseBlock
    query: UploadQuery
    ingest: IngestBlock
    search: SearchBlock | None = Field(description="Null with `dry_run`.")
    hits: list[Hit]
    photoz: PhotoZBlock | None
    photoz_unavailable: str | None = Field(description="Why there is no redshift; null where there is one.")
    anomaly: AnomalyBlock | None = Field(description="Null with `dry_run`.")
