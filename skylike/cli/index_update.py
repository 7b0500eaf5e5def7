"""`skylike index update`: adds, changes and withdraws objects between builds."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from skylike.cli.options import DEFAULT_DATA_DIR, DatabaseURL, DataDir, Json, emit, fail, progress

__all__ = ["update"]


def update(
    survey: Annotated[str, typer.Argument(help="Name of an indexed survey in the data folder.")],
    *,
    supplement: Annotated[
        str | None,
        typer.Option("--with", help="Survey in the data folder that holds the new and the changed objects."),
    ] = None,
    withdraw: Annotated[
        Path | None,
        typer.Option("--withdraw", help="Ids to withdraw: one a line, or the column object_id of a table."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Model id; default: of every active release of the survey.")
    ] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database: DatabaseURL = "",
    json: Json = False,
) -> None:
    """Make and activate releases with objects added, changed and withdrawn, without building anew.

    The supplement is a survey imported like any other, of the same kind and bands. Its ids that the survey has are
    changed objects, the others are new. `skylike index rollback` undoes it; the next `index build` merges it.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from index.catalogue.ingest import UnusableRow
    from index.catalogue.migrate import MigrationsMissing, SchemaUnknown
    from index.catalogue.session import UnsupportedDatabase, default_url
    from index.embed import NothingToEmbed
    from index.model import GoldenMismatch
    from index.updates.columns import SupplementMismatch
    from index.updates.delta import NothingToUpdate
    from skylike.id_files import read_ids
    from skylike.updating import NotBuilt, update_index
    from survey.archive import UnknownObject
    from survey.manifests import CorruptFolder
    from survey.sources.table_files import UnreadableTable
    from survey.updated import SupplementDiffers

    try:
        reports = update_index(
            data_dir,
            database or default_url(data_dir),
            survey,
            supplement=supplement,
            withdraw=read_ids(withdraw) if withdraw else (),
            model_id=model,
            step=progress,
        )
    except (
        CorruptFolder,
        GoldenMismatch,
        MigrationsMissing,
        NotBuilt,
        NothingToEmbed,
        NothingToUpdate,
        SQLAlchemyError,
        SchemaUnknown,
        SupplementDiffers,
        SupplementMismatch,
        UnknownObject,
        UnreadableTable,
        UnsupportedDatabase,
        UnusableRow,
    ) as error:
        fail(str(error))
    if json:
        emit({"survey": survey, "updated": [asdict(report) for report in reports]}, as_json=True)
        return
    for report in reports:
        emit({**asdict(report), "rejected": len(report.rejected)}, as_json=False)
