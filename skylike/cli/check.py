"""`skylike check`: says whether surveys, models, releases and catalogue are whole and agree."""

from __future__ import annotations

import typer

from skylike.cli.doctor import show
from skylike.cli.options import DEFAULT_DATA_DIR, DatabaseURL, DataDir, JobsDir, Json, UploadsDir

app = typer.Typer()


@app.command()
def check(
    *,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseURL = "",
    uploads_dir: UploadsDir = None,
    jobs_dir: JobsDir = None,
    as_json: Json = False,
) -> None:
    """Compute every hash and compare models, releases, catalogue, kept uploads and jobs; each complaint names its remedy."""
    from index.catalogue.session import default_url
    from skylike.check import DataCheck
    from skylike.check_catalogue import check_catalogue
    from skylike.check_jobs import check_jobs
    from skylike.check_uploads import check_uploads

    data = DataCheck(data_dir)
    findings = list(data.run())
    url = database_url or default_url(data_dir)
    findings += check_catalogue(url, data)
    findings += check_uploads(url, uploads_dir or data_dir / "uploads")
    findings += check_jobs(url, jobs_dir or data_dir / "jobs")
    show(findings, as_json=as_json)
