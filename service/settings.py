"""Everything that an operator can set, read once from the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["Settings"]


class Settings(BaseSettings):
    """One process's configuration; each field is the environment variable ``SKYLIKE_<FIELD>``."""

    model_config = SettingsConfigDict(env_prefix="SKYLIKE_", frozen=True, extra="ignore")

    data_dir: Path = Field(
        Path("skylike-data"), description="Folder of surveys, models, embeddings and releases."
    )
    database_url: str | None = Field(
        None,
        description="SQLAlchemy URL of the catalogue, e.g. `postgresql+psycopg://user@host/skylike`; SQLite in the data folder when unset.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on; `0.0.0.0` opens it to other machines.")
    port: int = Field(8000, ge=0, le=65535, description="TCP port to listen on.")
    default_survey: str | None = Field(
        None, description="Survey that answers when a request names none; the first one activated when unset."
    )
    verify: Literal["quick", "full"] = Field(
        "quick", description="Hashes checked at start: `quick` manifests and small files, `full` every byte."
    )
    reload_seconds: float = Field(
        5.0,
        ge=0,
        le=86_400,
        description="After so many seconds the service looks whether other releases are active, and takes them; 0 only at SIGHUP.",
    )
    threads: int = Field(1, ge=1, le=256, description="Threads of one encoder call and of one exact search.")
    search_workers: int = Field(
        2, ge=1, le=64, description="Searches and estimates that run at the same time."
    )
    search_threads: int = Field(
        1,
        ge=1,
        le=64,
        description="Passes over a release that run at the same time; each answers all searches by vector that wait, up to 64.",
    )
    search_queue: int = Field(
        256, ge=0, le=4096, description="Searches that may wait; beyond it the answer is 503."
    )
    heavy_per_client: int = Field(
        4,
        ge=1,
        le=1024,
        description="Uploads and batches that one client may have running; beyond it the answer is 429.",
    )
    batch_rows: int = Field(2000, ge=1, le=100_000, description="Rows of one batch request.")
    cutout_rows: int = Field(
        200, ge=1, le=10_000, description="Cutouts of one batch that are answered at once; more become a job."
    )
    archive_max_bytes: int = Field(
        1 << 30,
        ge=1024,
        description="Largest archive or table of cutouts, in bytes, and the most that it may unpack to.",
    )
    json_max_bytes: int = Field(1 << 20, ge=1024, description="Largest JSON request body, in bytes.")
    upload_max_bytes: int = Field(
        32 << 20, ge=1024, description="Largest upload (FITS, image or table), in bytes."
    )
    table_max_bytes: int = Field(
        256 << 20, ge=1024, description="Largest table sent as the body of a batch, in bytes."
    )
    upload_anonymous: bool | None = Field(
        default=None,
        description="Whether uploads are taken from clients without a key; when unset, only from this machine's own user, on a service that listens on loopback.",
    )
    uploads_dir: Path | None = Field(
        None, description="Folder of the uploads that are kept; `uploads` in the data folder when unset."
    )
    kept_per_owner: int = Field(
        1000, ge=0, description="Uploads that one owner may keep; beyond it the answer is 409."
    )
    kept_bytes_per_owner: int = Field(
        1 << 30, ge=0, description="Bytes on disk that one owner's kept uploads may take."
    )
    workers: int = Field(
        1,
        ge=0,
        le=64,
        description="Worker processes that `skylike serve` starts for jobs; 0 where `skylike worker` runs on its own.",
    )
    jobs_dir: Path | None = Field(
        None, description="Folder of jobs, shared with the workers; `jobs` in the data folder when unset."
    )
    job_rows: int = Field(1_000_000, ge=1, description="Rows of one job; beyond it the answer is 413.")
    job_days: float = Field(
        7.0, gt=0, le=3650, description="Days after which a job goes with its result, counted from its end."
    )
    jobs_per_owner: int = Field(
        4,
        ge=0,
        description="Unfinished jobs that one owner may have, and all clients without a key together; beyond it the answer is 409.",
    )
    job_bytes_per_owner: int = Field(
        4 << 30,
        ge=0,
        description="Bytes on disk that one owner's jobs may take; beyond it the answer is 409.",
    )
    job_lease_seconds: float = Field(
        30.0,
        gt=0,
        le=3600,
        description="After which a chunk of a job goes to another worker if its own is not heard of.",
    )
    sessions_per_owner: int = Field(
        200, ge=0, description="Interest sessions that one owner may have; beyond it the answer is 409."
    )
    labels_per_session: int = Field(
        10_000,
        ge=1,
        le=100_000,
        description="Labels of one session, those that hold no longer included; beyond it the answer is 409.",
    )
    labels_per_owner: int = Field(
        1_000_000, ge=0, description="Labels of one owner altogether; beyond it the answer is 409."
    )
    learning_workers: int = Field(
        1, ge=1, le=64, description="Sessions that learn from their labels at the same time."
    )
    sandbox_children: int = Field(
        2, ge=1, le=64, description="Uploads parsed at the same time, each in its own child process."
    )
    sandbox_queue: int = Field(
        16, ge=0, le=1024, description="Uploads that may wait to be parsed; beyond it the answer is 503."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severe log line written."
    )
    log_format: Literal["json", "text"] = Field(
        "json", description="Log lines for machines (`json`) or for people (`text`)."
    )

    @property
    def url(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database_url or f"sqlite:///{self.data_dir / 'catalogue.db'}"

    @property
    def kept_dir(self) -> Path:
        """The folder of kept uploads in force."""
        return self.uploads_dir or self.data_dir / "uploads"

    @property
    def job_dir(self) -> Path:
        """The folder of jobs in force."""
        return self.jobs_dir or self.data_dir / "jobs"
