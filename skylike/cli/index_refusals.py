"""What `skylike index` refuses in one sentence, and says of what was left out."""

from __future__ import annotations

from pathlib import Path

import typer

__all__ = ["name_rejected", "refusals", "url_of"]

_SHOWN = 10


def url_of(data_dir: Path, database: str) -> str:
    """Return the database that is meant."""
    from index.catalogue.session import default_url

    return database or default_url(data_dir)


def refusals() -> tuple[type[Exception], ...]:
    """Return the errors whose message says what to do."""
    from sqlalchemy.exc import SQLAlchemyError

    from index.catalogue.activation import NothingToRollBack, ReleaseNotRegistered
    from index.catalogue.ingest import UnusableRow
    from index.catalogue.migrate import MigrationsMissing, SchemaUnknown
    from index.catalogue.session import UnsupportedDatabase
    from index.embed import NothingToEmbed
    from index.model import GoldenMismatch
    from index.vectors.factory import BudgetTooSmall, UnusableRequest
    from index.vectors.gpu import NoGPU
    from skylike.choosing import NoSuchModel
    from survey.manifests import CorruptFolder
    from survey.naming import BadName
    from training.fixed import NotFittable

    return (
        BadName,
        BudgetTooSmall,
        CorruptFolder,
        GoldenMismatch,
        MigrationsMissing,
        NoGPU,
        NoSuchModel,
        NotFittable,
        NothingToEmbed,
        NothingToRollBack,
        ReleaseNotRegistered,
        SQLAlchemyError,
        SchemaUnknown,
        UnsupportedDatabase,
        UnusableRequest,
        UnusableRow,
    )


def name_rejected(rejected: dict[str, str]) -> None:
    """Say on stderr which objects have no place in an index, the first ones of many."""
    for object_id, reason in list(rejected.items())[:_SHOWN]:
        typer.echo(f"not indexed: {object_id}: {reason}", err=True)
    if len(rejected) > _SHOWN:
        typer.echo(f"not indexed: {len(rejected) - _SHOWN} more; --json lists all", err=True)
