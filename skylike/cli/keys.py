"""`skylike keys`: gives out, lists and revokes the keys of the API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skylike.cli.options import DEFAULT_DATA_DIR, DatabaseURL, DataDir, Json, emit, fail

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.records.keys import KeyRow

app = typer.Typer(help="Give out, list and revoke API keys.", no_args_is_help=True)


@app.command()
def add(  # noqa: PLR0917 - Typer makes options of them
    owner: Annotated[str, typer.Argument(help="In whose name its bearer asks; a person may have many keys.")],
    name: Annotated[str, typer.Option(help="What it is for: 'laptop', 'nightly job'.")] = "",
    expires_days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="Days after which it opens nothing; default: never.")
    ] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseURL = "",
    as_json: Json = False,
) -> None:
    """Make a key and print it, once: it is stored nowhere, only its hash is."""
    from datetime import UTC, datetime, timedelta

    from service.records.audit import record
    from service.records.keys import BadOwner, issue
    from skylike.catalogue_sessions import command_line_owner

    now = datetime.now(UTC)
    expires_at = None if expires_days is None else now + timedelta(days=expires_days)
    with _session(data_dir, database_url) as session:
        try:
            row, key = issue(session, owner=owner, name=name, expires_at=expires_at, now=now)
        except BadOwner as error:
            fail(str(error))
        detail = {"owner": owner, "prefix": row.prefix}
        record(session, owner=command_line_owner(), action="key.add", subject=str(row.id), detail=detail)
    emit({**_told(row), "key": key}, as_json=as_json)
    if not as_json:
        typer.echo("Keep it now; it is not shown again. Send it as: Authorization: Bearer KEY", err=True)


@app.command("list")
def list_(
    data_dir: DataDir = DEFAULT_DATA_DIR, database_url: DatabaseURL = "", as_json: Json = False
) -> None:
    """List every key by its first characters, also expired and revoked ones."""
    from datetime import UTC, datetime

    from service.records.keys import list_keys

    now = datetime.now(UTC)
    with _session(data_dir, database_url, reads_only=True) as session:
        rows = list_keys(session)
    if as_json:
        emit({"keys": [{**_told(row), "opens": row.opens(now)} for row in rows]}, as_json=True)
        return
    for row in rows:
        state = "" if row.opens(now) else "  revoked" if row.revoked_at else "  expired"
        typer.echo(f"{row.id:>4}  {row.prefix}…  {row.owner}  {row.name}{state}")
    if not rows:
        typer.echo("No keys yet: skylike keys add OWNER", err=True)


@app.command()
def revoke(
    key_id: Annotated[int, typer.Argument(metavar="ID", help="Its number in `skylike keys list`.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseURL = "",
    as_json: Json = False,
) -> None:
    """Let a key open nothing any more; running services notice within five seconds."""
    from service.records.audit import record
    from service.records.keys import revoke as revoke_key
    from skylike.catalogue_sessions import command_line_owner

    with _session(data_dir, database_url) as session:
        row = revoke_key(session, key_id)
        if row is None:
            fail(f"There is no key {key_id}; `skylike keys list` shows those there are.")
        detail = {"owner": row.owner, "prefix": row.prefix}
        record(session, owner=command_line_owner(), action="key.revoke", subject=str(row.id), detail=detail)
    emit(_told(row), as_json=as_json)


def _told(row: KeyRow) -> dict[str, Any]:
    def shown(at: Any) -> str | None:
        return at.isoformat(timespec="seconds") if at else None

    return {
        "id": row.id,
        "owner": row.owner,
        "name": row.name,
        "prefix": row.prefix,
        "created_at": shown(row.created_at),
        "expires_at": shown(row.expires_at),
        "revoked_at": shown(row.revoked_at),
    }


@contextmanager
def _session(data_dir: Path, database_url: str, *, reads_only: bool = False) -> Iterator[Session]:
    from sqlalchemy.exc import SQLAlchemyError

    from index.catalogue.migrate import MigrationsMissing, SchemaUnknown
    from index.catalogue.session import UnsupportedDatabase, default_url
    from skylike.catalogue_sessions import catalogue_session

    try:
        with catalogue_session(database_url or default_url(data_dir), reads_only=reads_only) as session:
            yield session
    except (MigrationsMissing, SQLAlchemyError, SchemaUnknown, UnsupportedDatabase) as error:
        fail(str(error))
