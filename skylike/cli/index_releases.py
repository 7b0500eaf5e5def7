"""`skylike index list`, `verify`, `activate` and `rollback`: what was built, and what of it is served."""

from __future__ import annotations

from typing import Annotated

import typer

from skylike.cli.index_refusals import refusals, url_of
from skylike.cli.options import DEFAULT_DATA_DIR, DatabaseURL, DataDir, Json, emit, fail, progress

__all__ = ["activate_", "list_", "rollback_", "verify"]


def list_(data_dir: DataDir = DEFAULT_DATA_DIR, database: DatabaseURL = "", json: Json = False) -> None:
    """List the releases of the data folder; a star marks those that are served."""
    from index.catalogue.activation import list_active
    from index.catalogue.migrate import is_current
    from index.releases import list_releases
    from skylike.catalogue_sessions import catalogue_session

    url = url_of(data_dir, database)
    try:
        active: set[str] = set()
        if is_current(url):
            with catalogue_session(url, reads_only=True) as session:
                active = {row.id for row in list_active(session)}
    except refusals() as error:
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
        with catalogue_session(url_of(data_dir, database)) as session:
            ingest_release(session, opened)
            activate(session, release)
            record(session, owner=command_line_owner(), action="release.activate", subject=release)
    except refusals() as error:
        fail(str(error))
    emit({"active": release}, as_json=json)


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
        with catalogue_session(url_of(data_dir, database)) as session:
            row = rollback(session, survey, model)
            Release.open(data_dir / "releases" / row.id)
            record(session, owner=command_line_owner(), action="release.rollback", subject=row.id)
    except refusals() as error:
        fail(str(error))
    emit({"active": row.id}, as_json=json)
