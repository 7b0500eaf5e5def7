"""`skylike index prune`: removes old releases that nothing serves."""

from __future__ import annotations

from typing import Annotated

import typer

from skylike.cli.options import DEFAULT_DATA_DIR, DatabaseURL, DataDir, JobsDir, Json, UploadsDir, emit, fail

__all__ = ["prune"]


def prune(  # noqa: PLR0917 - Typer makes options of them
    survey: Annotated[str | None, typer.Argument(help="Name of a survey; default: all.")] = None,
    keep: Annotated[
        int, typer.Option("--keep", min=0, help="Newest releases that stay of each survey and model.")
    ] = 2,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database: DatabaseURL = "",
    uploads_dir: UploadsDir = None,
    jobs_dir: JobsDir = None,
    json: Json = False,
) -> None:
    """Remove releases beyond the newest ones; what is served, or a rollback leads to, always stays.

    What crashes left of uploads on their way to be kept goes too, and so do jobs whose time is over.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from index.catalogue.migrate import MigrationsMissing, SchemaUnknown
    from index.catalogue.session import UnsupportedDatabase, default_url
    from service.operations.refusals import JobsOff
    from skylike.check_jobs import tidy_jobs
    from skylike.check_uploads import sweep_uploads
    from skylike.pruning import prune_releases

    url = database or default_url(data_dir)
    try:
        removed = prune_releases(data_dir, url, survey, keep=keep, dry_run=dry_run)
        left = sweep_uploads(url, uploads_dir or data_dir / "uploads", dry_run=dry_run)
        jobs = tidy_jobs(url, jobs_dir or data_dir / "jobs", dry_run=dry_run)
    except (JobsOff, MigrationsMissing, SQLAlchemyError, SchemaUnknown, UnsupportedDatabase) as error:
        fail(str(error))
    gone = {"would_remove" if dry_run else "removed": removed}
    emit({**gone, "unfinished_uploads": left, "expired_jobs": jobs}, as_json=json)
