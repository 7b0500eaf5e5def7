"""`skylike index`: builds, lists, verifies and switches what is served."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from skylike.cli.index_update import update
from skylike.cli.options import DEFAULT_DATA_DIR, DatabaseURL, DataDir, Json, emit, fail, progress
from skylike.cli.prune import prune

app = typer.Typer(help="Build, list, verify and switch index releases.", no_args_is_help=True)
app.command()(prune)
app.command()(update)

_SHOWN = 10


def _url(data_dir: Path, database: str) -> str:
    from index.catalogue.session import default_url

    return database or default_url(data_dir)


def _refusals() -> tuple[type[Exception], ...]:
    from sqlalchemy.exc import SQLAlchemyError

    from index.catalogue.activation import NothingToRollBack, ReleaseNotRegistered
    from index.catalogue.ingest import UnusableRow
    from index.catalogue.migrate import MigrationsMissing, SchemaUnknown
    from index.catalogue.session import UnsupportedDatabase
    from index.embed import NothingToEmbed
    from index.model import GoldenMismatch
    from skylike.building import NoSuchModel
    from survey.manifests import CorruptFolder
    from survey.naming import BadName
    from training.fixed import NotFittable

    return (
        BadName,
        CorruptFolder,
        GoldenMismatch,
        MigrationsMissing,
        NoSuchModel,
        NotFittable,
        NothingToEmbed,
        NothingToRollBack,
        ReleaseNotRegistered,
        SQLAlchemyError,
        SchemaUnknown,
        UnsupportedDatabase,
        UnusableRow,
    )


@app.command()
def build(
    survey: Annotated[str, typer.Argument(help="Name of a survey in the data folder.")],
    model: Annotated[
        str | None, typer.Option("--model", help="Model id; default: the survey's own, fitted if needed.")
    ] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database: DatabaseURL = "",
    json: Json = False,
) -> None:
    """Embed a survey, build and verify a release, fill the catalogue, activate.

    Finished steps are skipped; an interrupted embedding continues.
    """
    from skylike.building import build_index

    try:
        report = build_index(data_dir, _url(data_dir, database), survey, model_id=model, step=progress)
    except _refusals() as error:
        fail(str(error))
    _name_rejected(report.rejected)
    shown: dict[str, Any] = asdict(report)
    emit(shown if json else {**shown, "rejected": len(report.rejected)}, as_json=json)


@app.command()
def photoz(
    survey: Annotated[str, typer.Argument(help="Name of a survey in the data folder.")],
    *,
    model: Annotated[
        str | None, typer.Option("--model", help="Model id; default: the survey's own, fitted if needed.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write every redshift to this Parquet file.")
    ] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database: DatabaseURL = "",
    json: Json = False,
) -> None:
    """Estimate the redshift of every galaxy of a survey, as `index build` does, and write them out.

    By the model's redshift network, else from the survey's spectra. Finished steps are skipped; an interrupted one
    continues.
    """
    from index.release import Release
    from skylike.building import build_index
    from skylike.photoz_table import flag_counts, write_table

    if out is not None and not out.parent.is_dir():
        fail(f"there is no folder {out.parent} to write {out.name} to")
    try:
        report = build_index(data_dir, _url(data_dir, database), survey, model_id=model, step=progress)
        release = Release.open(data_dir / "releases" / report.release)
        if release.photoz.unavailable is not None:
            fail(f"{survey} has no redshifts by {report.model}: {release.photoz.unavailable}")
        if out is not None:
            write_table(release, out)
    except _refusals() as error:
        fail(str(error))
    _name_rejected(report.rejected)
    estimated = {"release": report.release, "survey": survey, "model": report.model, "n": report.n}
    rejected = report.rejected if json else len(report.rejected)
    emit({**estimated, "rejected": rejected, "flags": flag_counts(release)}, as_json=json)


def _name_rejected(rejected: dict[str, str]) -> None:
    for object_id, reason in list(rejected.items())[:_SHOWN]:
        typer.echo(f"not indexed: {object_id}: {reason}", err=True)
    if len(rejected) > _SHOWN:
        typer.echo(f"not indexed: {len(rejected) - _SHOWN} more; --json lists all", err=True)


@app.command("list")
def list_(data_dir: DataDir = DEFAULT_DATA_DIR, database: DatabaseURL = "", json: Json = False) -> None:
    """List the releases of the data folder; a star marks those that are served."""
    from index.catalogue.activation import list_active
    from index.catalogue.migrate import is_current
    from index.releases import list_releases
    from skylike.catalogue_sessions import catalogue_session

    url = _url(data_dir, database)
    try:
        active: set[str] = set()
        if is_current(url):
            with catalogue_session(url, reads_only=True) as session:
                active = {row.id for row in list_active(session)}
    except _refusals() as error:
        fail(str(error))
    releases = [
        {**info.to_json(), "n_galaxies": info.n_galaxies, "is_active": info.id in active}
        for info in list_releases(data_dir / "releases")
    ]
    if json:
        emit({"releases": releases}, as_json=True)
        return
    for release in releases:
        mark = "*" if release["is_active"] else " "
        typer.echo(
            f"{mark} {release['id']}  {release['n_galaxies']} galaxies  {release['dimension']}-d  {release['created']}"
        )


@app.command()
def verify(
    release: Annotated[str | None, typer.Argument(help="Release id; default: all.")] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    json: Json = False,
) -> None:
    """Hash every file of releases and let each vector find itself."""
    from index.release import Release
    from survey.manifests import CorruptFolder

    folder = data_dir / "releases"
    ids = [release] if release else sorted(p.parent.name for p in folder.glob("[!.]*/manifest.json"))
    verified, broken = [], {}
    with progress("Verifying") as report:
        for done, release_id in enumerate(ids, start=1):
            try:
                Release.open(folder / release_id, verify="full")
                verified.append(release_id)
            except CorruptFolder as error:
                broken[release_id] = str(error)
            report(done, len(ids))
    emit({"verified": verified, "broken": broken}, as_json=json)
    if broken:
        raise typer.Exit(1)


@app.command("activate")
def activate_(
    release: Annotated[str, typer.Argument(help="Release id.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database: DatabaseURL = "",
    json: Json = False,
) -> None:
    """Serve this release for its survey and model; a running service takes it within seconds."""
    from index.catalogue.activation import activate
    from index.catalogue.ingest import ingest_release
    from index.release import Release
    from service.records.audit import record
    from skylike.catalogue_sessions import catalogue_session, command_line_owner

    try:
        opened = Release.open(data_dir / "releases" / release)
        with catalogue_session(_url(data_dir, database)) as session:
            ingest_release(session, opened)
            activate(session, release)
            record(session, owner=command_line_owner(), action="release.activate", subject=release)
    except _refusals() as error:
        fail(str(error))
    emit({"active": release}, as_json=json)


@app.command("rollback")
def rollback_(
    survey: Annotated[str, typer.Argument(help="Name of a survey.")],
    model: Annotated[str, typer.Option("--model", help="Model id.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database: DatabaseURL = "",
    json: Json = False,
) -> None:
    """Serve the release that was active before; a running service takes it within seconds."""
    from index.catalogue.activation import rollback
    from index.release import Release
    from service.records.audit import record
    from skylike.catalogue_sessions import catalogue_session, command_line_owner

    try:
        with catalogue_session(_url(data_dir, database)) as session:
            row = rollback(session, survey, model)
            Release.open(data_dir / "releases" / row.id)
            record(session, owner=command_line_owner(), action="release.rollback", subject=row.id)
    except _refusals() as error:
        fail(str(error))
    emit({"active": row.id}, as_json=json)


@app.command()
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
        rows = ingest_into(_url(data_dir, database), folder, step=progress)
    except _refusals() as error:
        fail(str(error))
    emit({"survey": survey, "objects": len(folder), "rows_written": rows}, as_json=json)


@app.command()
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

    url = _url(data_dir, database)
    try:
        if not check:
            upgrade(url)
        revision = current_revision(url)
    except _refusals() as error:
        fail(str(error))
    emit({"revision": revision, "head": head_revision()}, as_json=json)
    if revision != head_revision():
        raise typer.Exit(1)
