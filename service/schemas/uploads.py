"""What an upload is answered with."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from service.schemas.anomalies import AnomalyBlock
from service.schemas.base import Answer, ReleaseBlock, SearchBlock
from service.schemas.clusters import MapBlock
from service.schemas.neighbours import Hit
from service.schemas.photoz import PhotoZBlock
from survey.ingest import FLAGS, STEPS

__all__ = ["DomainBlock", "DomainMeasure", "IngestBlock", "IngestStep", "UploadAnswer", "UploadQuery"]


class IngestStep(Answer):
    """One thing that was understood or decided."""

    step: str = Field(
        description=", ".join(f"`{name}`" for name in STEPS) + ".",
        examples=["units"],
    )
    text: str = Field(examples=["BUNIT 'nanomaggy': fluxes are taken as they are."])


class IngestBlock(Answer):
    """The account of how the upload was read."""

    layout: str = Field(examples=["cube"])
    steps: list[IngestStep]
    flags: list[str] = Field(
        description="Reservations, by name: " + ", ".join(f"`{name}`" for name in FLAGS) + ".",
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


class DomainMeasure(Answer):
    """One measurement of the upload beside those of the catalogue's galaxies."""

    name: str = Field(
        description=(
            "`magnitude` (central aperture, asinh, one per band), `brightness` (their mean), `colours` (distance to the "
            "nearest galaxies in colour space), `noise` (of the sky, over the catalogue's), `sky` (its level), `r50`, "
            "`concentration`, `core_fwhm` or `snr`."
        ),
        examples=["r50"],
    )
    band: str | None
    value: float | None = Field(description="Null where it could not be measured.")
    unit: str
    low: float | None = Field(description="Below it is unlikely; null where no limit is drawn.")
    high: float | None
    percentile: float | None = Field(
        description="Share of the catalogue's galaxies whose value is at most as large, in per cent."
    )
    is_unlikely: bool


class DomainBlock(Answer):
    """How far the upload lies from what the release holds."""

    k: int = Field(description="Which neighbour the distance is to.", examples=[10])
    distance: float | None = Field(description="1 - similarity of that neighbour; null with `dry_run`.")
    percentile: float | None = Field(
        description="Share of the catalogue's own galaxies whose k-th neighbour is at most so far, in per cent."
    )
    limit: float = Field(description="From this percentile on the flag is `out_of_domain`.", examples=[99.5])
    n_measured: int = Field(description="Galaxies of the catalogue that the measures are compared with.")
    measures: list[DomainMeasure] = Field(
        description="Empty where the release has no measurements of its galaxies."
    )


class UploadAnswer(Answer):
    """Neighbours, redshift and anomaly of an uploaded galaxy; with `dry_run` the account alone."""

    release: ReleaseBlock
    query: UploadQuery
    ingest: IngestBlock
    domain: DomainBlock
    search: SearchBlock | None = Field(description="Null with `dry_run`.")
    hits: list[Hit]
    photoz: PhotoZBlock | None
    photoz_unavailable: str | None = Field(description="Why there is no redshift; null where there is one.")
    anomaly: AnomalyBlock | None = Field(description="Null with `dry_run`.")
    map: MapBlock | None = Field(
        description="Its place on the map and its cluster; null with `dry_run`, or in a release that has neither."
    )
