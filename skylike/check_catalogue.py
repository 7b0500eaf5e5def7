"""Compares the catalogue with the folders it was filled from."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from index.catalogue.activation import ReleaseRow, list_active
from index.catalogue.migrate import current_revision, head_revision
from index.catalogue.repository import list_surveys
from index.catalogue.session import make_engine, sessions
from index.catalogue.tables import galaxies
from skylike.check import DataCheck
from skylike.findings import Finding, complaint, note, ok

__all__ = ["check_catalogue"]


def check_catalogue(url: str, data: DataCheck) -> Iterator[Finding]:
    """Yield a finding for the schema, every survey and every active release of a catalogue.

    Parameters
    ----------
    data
        After its :meth:`~skylike.check.DataCheck.run`.
    """
    try:
        found = current_revision(url)
    except SQLAlchemyError as error:
        yield complaint(
            "catalogue",
            f"the database cannot be reached: {type(error).__name__}",
            "check SKYLIKE_DATABASE_URL",
        )
        return
    if found != head_revision():
        yield complaint(
            "catalogue schema",
            f"at {found or 'nothing'}; this version needs {head_revision()}",
            "skylike index migrate",
        )
        return
    yield ok("catalogue schema", str(found))
    engine = make_engine(url)
    try:
        with sessions(engine)() as session:
            yield from _surveys(session, data)
            yield from _releases(session, data)
    finally:
        engine.dispose()


def _surveys(session: Session, data: DataCheck) -> Iterator[Finding]:
    grouped = session.execute(select(galaxies.c.survey, func.count().label("n")).group_by(galaxies.c.survey))
    counts: dict[str, int] = {row.survey: row.n for row in grouped}
    rows = {row.name: row for row in list_surveys(session)}
    updates = [release.info.update for release in data.releases.values() if release.info.update]
    supplements = {one["survey"] for update in updates for one in update.supplements}
    for name, folder in data.surveys.items():
        again = f"skylike index build {name}"
        row = rows.get(name)
        if row is None and name in supplements:
            yield ok(f"catalogue {name}", "a supplement: releases read it from its folder")
        elif row is None:
            yield note(f"catalogue {name}", f"the survey is not ingested; {again}")
        elif row.sha256 != folder.sha256:
            yield complaint(
                f"catalogue {name}", f"holds {row.sha256[:12]}; the folder is {folder.sha256[:12]}", again
            )
        elif counts.get(name, 0) != len(folder):
            yield complaint(
                f"catalogue {name}", f"{counts.get(name, 0)} rows for {len(folder)} objects", again
            )
        else:
            yield ok(f"catalogue {name}", f"{len(folder)} rows")
    for name in rows.keys() - data.surveys.keys():
        yield complaint(
            f"catalogue {name}",
            "its survey folder is not here or not whole",
            f"skylike survey import … --survey {name}",
        )


def _releases(session: Session, data: DataCheck) -> Iterator[Finding]:
    active = list_active(session)
    if not active:
        survey = next(iter(data.surveys), "demo")
        yield complaint("active releases", "none: there is nothing to serve", f"skylike index build {survey}")
    for row in active:
        yield _release(row, data)


def _release(row: ReleaseRow, data: DataCheck) -> Finding:
    name, build = f"active {row.id}", f"skylike index build {row.survey} --model {row.model_id}"
    release = data.releases.get(row.id)
    if release is None:
        return complaint(name, "its folder is not here or not whole", build)
    info = release.info
    pairs = {
        "manifest": (row.manifest_sha256, release.sha256),
        "survey": (row.survey_sha256, info.survey_sha256),
        "model": (row.model_sha256, info.model_sha256),
        "count": (str(row.n), str(info.n)),
    }
    wrong = [kind for kind, (ours, theirs) in pairs.items() if ours != theirs]
    if wrong:
        ours, theirs = pairs[wrong[0]]
        return complaint(
            name, f"{wrong[0]}: the catalogue says {ours[:12]}, the release {theirs[:12]}", build
        )
    stale = data.stale(info.survey, info.survey_sha256, info.model_id, info.model_sha256)
    return (
        complaint(name, stale, build)
        if stale
        else ok(name, f"{info.n_galaxies} objects, catalogue and folder agree")
    )
