"""`skylike index ingest` and `migrate`: the catalogue alone."""

from __future__ import annotations

from typing import Annotated

import typer

from skylike.cli.index_refusals import refusals, url_of
from skylike.cli.options import DEFAULT_DATA_DIR, DatabaseURL, DataDir, Json, emit, fail, progress

__all__ = ["ingest", "migrate"]


def ingest(
    survey: Annotated[str, typer.Argument(help="Name of a survey in the data folder.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database: DatabaseURL = "",
    json: Json = False,
) -> None:
    """Bring a survey's table alone into the catalogue, for catalogues without images."""
    from skylike.building import ingest as ingest_into
    from survey.archive import SurveyFolder

    try:
        folder = SurveyFolder(data_dir / "surveys" / survey)
        rows = ingest_into(url_of(data_dir, database), folder, step=progress)
    except refusals() as error:
        fail(str(error))
    emit({"survey": survey, "objects": len(folder), "rows_written": rows}, as_json=json)


def migrate(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database: DatabaseURL = "",
    check: Annotated[
        bool, typer.Option("--check", help="Only compare; exit 1 if the schema is not current.")
    ] = False,
    json: Json = False,
) -> None:
    """Bring the database to this version's schema."""
    from index.catalogue.migrate import current_revision, head_revision, upgrade

    url = url_of(data_dir, database)
    try:
        if not check:
            upgrade(url)
        revision = current_revision(url)
    except refusals() as error:
        fail(str(error))
    emit({"revision": revision, "head": head_revision()}, as_json=json)
    if revision != head_revision():
        raise typer.Exit(1)
