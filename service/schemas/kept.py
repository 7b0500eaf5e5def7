"""Uploads that are kept."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from service.schemas.base import Answer
from service.schemas.uploads import IngestBlock

__all__ = ["KeptUpload", "KeptUploads", "SentFile", "UploadRecord"]


class SentFile(Answer):
    """A file that was sent; it is not kept itself."""

    name: str = Field(description="As the sender called it.", examples=["cutout.fits"])
    n_bytes: int
    sha256: str = Field(description="SHA-256 of the bytes that were sent.")


class KeptUpload(Answer):
    """An upload of yours: its pixels, written anew."""

    upload_id: str = Field(examples=["5f0c3a9d7be2441c8a6f1e0d2b3c4d5e"])
    created_at: str = Field(examples=["2026-11-22T04:05:06.789012+00:00"])
    n_bytes: int = Field(description="On disk.")
    release: str = Field(description="Id of the index release that answered it first.")
    kind: Literal["flux", "display"]
    bands: list[str] = Field(examples=[["sdss:u", "sdss:g", "sdss:r", "sdss:i", "sdss:z"]])
    shape: list[int] = Field(description="Height and width of the cutout in pixels.", examples=[[84, 84]])
    ra_deg: float | None
    dec_deg: float | None
    pixel_scale_arcsec: float | None
    is_calibrated: bool = Field(description="Whether the pixels are in nanomaggies.")
    sent: list[SentFile]
    overrides: dict[str, Any] = Field(description="What was said about the files in the query.")


class KeptUploads(Answer):
    """A page of your uploads, newest first."""

    owner: str = Field(description="In whose name you ask.", examples=["ada"])
    n_total: int
    n_bytes: int = Field(description="Of all of them, on disk.")
    most: int = Field(description="Uploads that you may keep.")
    most_bytes: int = Field(description="Bytes that they may take.")
    next_cursor: str | None = Field(description="Ask for the next page with it; null on the last one.")
    uploads: list[KeptUpload]


class UploadRecord(Answer):
    """An upload of yours with the account of how it was read."""

    upload: KeptUpload
    provenance: dict[str, str] = Field(description="Where the pixels came from, as far as the files said.")
    ingest: IngestBlock
