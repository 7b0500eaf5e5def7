"""Jobs: where they stand, how far they are, where their answer lies."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from service.schemas.base import Answer
from service.schemas.photoz import ColumnReport

__all__ = ["JobAnswer", "JobError", "JobProgress", "JobResult", "JobRows", "Jobs"]

_MOMENT = ["2026-11-22T04:05:06.789+00:00"]
PhaseName = Literal["PENDING", "QUEUED", "EXECUTING", "COMPLETED", "ERROR", "ABORTED"]


class JobProgress(Answer):
    """How far a job is; finished rows stay finished, whatever dies."""

    rows_done: int
    rows_total: int
    chunks_done: int = Field(description="Chunks are what workers commit.")
    chunks_total: int
    rows_per_s: float | None = Field(description="Over the latest chunks; null before there are two.")
    eta_s: float | None = Field(
        description="Seconds until the last row at this speed; null where nobody knows."
    )


class JobResult(Answer):
    """The answer of a completed job."""

    id: Literal["result"] = Field(description="As UWS clients expect it.")
    href: str = Field(examples=["/api/v1/jobs/5f0c3a9d7be2441c8a6f1e0d2b3c4d5e/results/result"])
    media_type: str = Field(examples=["application/x-votable+xml"])
    n_bytes: int
    sha256: str


class JobRows(Answer):
    """The answer of a job made with ``format=json``, as the path that made it answers at once."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())

    columns: list[ColumnReport]
    n: int = Field(description="Rows.")
    rows: list[dict[str, Any]]


class JobAnswer(Answer):
    """A job."""

    job_id: str = Field(examples=["5f0c3a9d7be2441c8a6f1e0d2b3c4d5e"])
    kind: str = Field(description="What is answered.", examples=["photoz"])
    phase: PhaseName = Field(description="As in IVOA UWS 1.1.")
    owner: str | None = Field(
        description="Of the key that it was made with; null if without one: then its id opens it."
    )
    format: str = Field(description="Of the answer.", examples=["votable"])
    parameters: dict[str, Any] = Field(description="As they were understood; `release` answers the rows.")
    progress: JobProgress
    created_at: str = Field(examples=_MOMENT)
    started_at: str | None = Field(examples=_MOMENT)
    ended_at: str | None = Field(examples=_MOMENT)
    expires_at: str = Field(description="When it goes with its answer.", examples=_MOMENT)
    error: str | None = Field(description="Why it ended in ERROR, and what to do.")
    href: str = Field(
        description="Ask here again; `?wait=8` answers when the phase changes, or after 8 s.",
        examples=["/api/v1/jobs/5f0c3a9d7be2441c8a6f1e0d2b3c4d5e"],
    )
    results: list[JobResult] = Field(description="Empty before the end.")


class Jobs(Answer):
    """A page of the jobs of your key, newest first."""

    owner: str = Field(examples=["ada"])
    next_cursor: str | None = Field(description="Ask for the next page with it; null on the last one.")
    jobs: list[JobAnswer]


class JobError(Answer):
    """Why a job ended in ERROR."""

    job_id: str
    phase: PhaseName
    error: str | None = Field(description="Null unless the phase is ERROR.")
