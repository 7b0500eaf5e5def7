"""`skylike sessions` and `skylike labels`: what people look for and what they said, for whoever runs the service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skylike.cli.options import DEFAULT_DATA_DIR, DatabaseURL, DataDir, Json, emit, fail
from skylike.cli.records import records_session, write_labels

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.records.sessions import SessionRow
    from service.schemas.session_files import SessionExport

app = typer.Typer(help="List, export and import interest sessions.", no_args_is_help=True)
labels_app = typer.Typer(help="Export labels.", no_args_is_help=True)

Owner = Annotated[str, typer.Option(help="In whose name; `local` is this machine's own user.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="The file; JSON goes to stdout without one.")]
Form = Annotated[str, typer.Option("--format", help="json, csv, votable, fits or parquet.")]


@app.command("list")
def list_(
    owner: Annotated[str, typer.Option(help="Only this owner's; everybody's if empty.")] = "",
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseURL = "",
    as_json: Json = False,
) -> None:
    """List interest sessions, oldest first."""
    from service.operations.session_files import described
    from service.records.sessions import all_sessions, tallies

    with records_session(data_dir, database_url, reads_only=True) as session:
        rows = [row for row in all_sessions(session) if owner in ("", row.owner)]
        told = [
            {**described(row), "n_labels": tallies(session, row.owner, [row.id])[row.id].n_labels}
            for row in rows
        ]
    if as_json:
        emit({"sessions": told}, as_json=True)
        return
    for one in told:
        state = "" if one["closed_at"] is None else "  closed"
        typer.echo(
            f"{one['session_id']}  {one['owner']}  {one['survey']}  {one['n_labels']} labels  {one['name']}{state}"
        )
    if not told:
        typer.echo("No sessions yet: begin one on the page /sessions.", err=True)


@app.command()
def export(  # noqa: PLR0917 - Typer makes options of them
    session_id: Annotated[str, typer.Argument(metavar="ID", help="As `skylike sessions list` shows it.")],
    fmt: Form = "json",
    out: Out = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseURL = "",
    as_json: Json = False,
) -> None:
    """Write a session with all labels it ever had; the JSON can be imported, here or elsewhere."""
    from service.operations.session_files import described, exported
    from service.records.labels import Which

    with records_session(data_dir, database_url, reads_only=True) as session:
        row = _found(session, session_id)
        which = Which(session_id=row.id, history=True)
        whole = {"session": described(row)} if fmt != "json" else exported(session, row)
        result = write_labels(session, row.owner, which, fmt=fmt, out=out, whole=whole)
    if result is not None:
        emit(result, as_json=as_json)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="What `export` wrote as JSON.")],
    owner: Owner = "local",
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseURL = "",
    as_json: Json = False,
) -> None:
    """Make a new session of an exported one; it needs an active release of its survey."""
    from service.operations.refusals import Refusal
    from service.operations.session_files import described, imported
    from service.records.keys import LOCAL, BadOwner, checked_owner
    from service.settings import Settings

    body = _read(file)
    try:
        owner = LOCAL if owner == LOCAL else checked_owner(owner)
    except BadOwner as error:
        fail(str(error))
    with records_session(data_dir, database_url) as session:
        onto = _release_for(session, body)
        try:
            row = imported(session, Settings(), onto, owner, body)
        except Refusal as error:
            fail(str(error))
        told = {**described(row), "n_labels": len(body.labels)}
    emit(told, as_json=as_json)


@labels_app.command("export")
def export_labels(  # noqa: PLR0917 - Typer makes options of them
    owner: Owner = "local",
    survey: Annotated[str, typer.Option(help="Only labels of this survey.")] = "",
    history: Annotated[bool, typer.Option("--history", help="Also those that hold no longer.")] = False,
    fmt: Form = "json",
    out: Out = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseURL = "",
    as_json: Json = False,
) -> None:
    """Write an owner's labels, those of sessions and others, in the order in which they were made."""
    from service.operations.labels import told
    from service.records.labels import Which, list_labels

    which = Which(survey=survey or None, history=history)
    with records_session(data_dir, database_url, reads_only=True) as session:
        whole: dict[str, Any] = {"owner": owner}
        if fmt == "json":
            whole["labels"] = [told(row) for row in list_labels(session, owner, which)]
        result = write_labels(session, owner, which, fmt=fmt, out=out, whole=whole)
    if result is not None:
        emit(result, as_json=as_json)


def _found(session: Session, session_id: str) -> SessionRow:
    from service.records.sessions import all_sessions

    row = next((row for row in all_sessions(session) if row.id == session_id), None)
    if row is None:
        fail(f"There is no session {session_id!r}; `skylike sessions list` shows those there are.")
    return row


def _read(file: Path) -> SessionExport:
    from pydantic import ValidationError

    from service.schemas.session_files import SessionExport

    try:
        return SessionExport.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        fail(
            f"{file.name} is no exported session: {where}: {first['msg']}. Export one: skylike sessions export ID"
        )


def _release_for(session: Session, body: SessionExport) -> Any:
    from index.catalogue.activation import list_active
    from service.operations.session_files import Onto

    told = body.session
    own = [row for row in list_active(session) if row.survey == told.survey]
    by_model = [row for row in own if row.model_id == told.model]
    if not own:
        fail(f"Survey {told.survey} has no active release here. Build one: skylike index build {told.survey}")
    chosen = (by_model or own)[0]
    return Onto(chosen.survey, chosen.id, chosen.model_id)
