"""Old releases that nothing serves, removed."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path

from sqlalchemy import delete

from index.catalogue.activation import ReleaseRow, list_registered
from index.catalogue.tables import releases
from index.releases import list_releases
from service.records.audit import record
from skylike.catalogue_sessions import catalogue_session, command_line_owner
from survey.locks import alone

__all__ = ["prune_releases", "superfluous"]


@dataclass(frozen=True, slots=True)
class _Known:
    """A release that the data folder or the catalogue has."""

    survey: str
    model_id: str
    created: datetime
    id: str


def superfluous(known: Iterable[_Known], rows: Iterable[ReleaseRow], *, keep: int) -> list[str]:
    """Return the ids of releases beyond the ``keep`` newest of their survey and model, oldest first.

    What is active, and what a rollback would lead to, stays whatever its age.
    """
    rows = list(rows)
    needed = {row.id for row in rows if row.is_active}
    for active in (row for row in rows if row.is_active and row.activated_at):
        before = [
            (row.activated_at, row.id)
            for row in rows
            if (row.survey, row.model_id) == (active.survey, active.model_id)
            and row.activated_at is not None
            and active.activated_at is not None
            and row.activated_at < active.activated_at
        ]
        needed |= {release_id for _, release_id in sorted(before)[-1:]}
    ordered = sorted(known, key=lambda one: (one.survey, one.model_id, one.created, one.id))
    found = []
    for _, group in groupby(ordered, key=lambda one: (one.survey, one.model_id)):
        members = list(group)
        found += [one.id for one in members[: max(0, len(members) - keep)] if one.id not in needed]
    return found


def prune_releases(
    data_dir: Path, url: str, survey: str | None, *, keep: int = 2, dry_run: bool = False
) -> list[str]:
    """Remove superfluous releases, rows first, then folders; returns their ids.

    Parameters
    ----------
    survey
        None for all.
    keep
        Newest releases of each survey and model that stay, whether they are served or not.
    dry_run
        Only tell.
    """
    folder = data_dir / "releases"
    with ExitStack() as stack:
        if not dry_run:
            # A build must not find a release that is about to go.
            for name in sorted({info.survey for info in list_releases(folder)}):
                stack.enter_context(alone(folder / f".{name}.lock"))
        session = stack.enter_context(catalogue_session(url, reads_only=dry_run))
        rows = list_registered(session)
        known = {row.id: _Known(row.survey, row.model_id, row.created_at, row.id) for row in rows}
        for info in list_releases(folder):
            created = datetime.fromisoformat(info.created)
            known[info.id] = _Known(info.survey, info.model_id, created, info.id)
        chosen = [one for one in known.values() if survey in {None, one.survey}]
        removed = superfluous(chosen, rows, keep=keep)
        if dry_run:
            return removed
        for release_id in removed:
            # Its scores and redshifts go with it.
            session.execute(delete(releases).where(releases.c.id == release_id))
            record(session, owner=command_line_owner(), action="release.prune", subject=release_id)
    # A folder without a row is harmless; a row without a folder would be offered.
    for release_id in removed:
        shutil.rmtree(folder / release_id, ignore_errors=True)
    return removed
