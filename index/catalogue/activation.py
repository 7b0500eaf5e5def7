"""Which release of each survey and model is served."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import RowMapping, delete, insert, select, update
from sqlalchemy.orm import Session

from index.catalogue.session import utc
from index.catalogue.tables import active_releases, releases

__all__ = [
    "NothingToRollBack",
    "ReleaseNotRegistered",
    "ReleaseRow",
    "activate",
    "list_active",
    "list_registered",
    "rollback",
]


class ReleaseNotRegistered(KeyError):
    """A release that the catalogue does not know."""

    def __str__(self) -> str:
        return str(self.args[0])


class NothingToRollBack(ValueError):
    """No earlier release was ever active."""


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A release as the catalogue knows it.

    Attributes
    ----------
    manifest_sha256
        The release folder's manifest must have this hash, or it is not served.
    activated_at
        When it was last activated; None if never, or if it was rolled back since.
    is_active
        Whether it is the one served for its survey and model.
    """

    id: str
    survey: str
    model_id: str
    survey_sha256: str
    model_sha256: str
    manifest_sha256: str
    n: int
    dimension: int
    metric: str
    recall_at_10: float
    exact: bool
    created_at: datetime
    activated_at: datetime | None
    is_active: bool


def list_registered(session: Session) -> list[ReleaseRow]:
    """Return every registered release, by survey, model and time."""
    active = set(session.execute(select(active_releases.c.release_id)).scalars())
    query = select(releases).order_by(
        releases.c.survey, releases.c.model_id, releases.c.created_at, releases.c.id
    )
    return [_release(row, is_active=row["id"] in active) for row in session.execute(query).mappings()]


def list_active(session: Session) -> list[ReleaseRow]:
    """Return the active releases, by survey and model."""
    return [release for release in list_registered(session) if release.is_active]


def activate(session: Session, release_id: str, *, now: datetime | None = None) -> ReleaseRow:
    """Make a release the one served for its survey and model; flushes, the caller commits.

    Raises
    ------
    ReleaseNotRegistered
        If it was not ingested.
    """
    row = session.execute(select(releases).where(releases.c.id == release_id)).mappings().one_or_none()
    if row is None:
        raise ReleaseNotRegistered(
            f"release {release_id!r} is not in the catalogue; see `skylike index list`"
        )
    moment = now or datetime.now(UTC)
    _point(session, row)
    session.execute(update(releases).where(releases.c.id == release_id).values(activated_at=moment))
    return _release(row, is_active=True, activated_at=moment)


def rollback(session: Session, survey: str, model_id: str) -> ReleaseRow:
    """Go back to the release that was active before; flushes, the caller commits.

    The release left behind loses its time of activation: no later rollback leads to it.

    Raises
    ------
    NothingToRollBack
        If there is none.
    """
    pointer = active_releases.c
    joined = active_releases.join(releases, releases.c.id == pointer.release_id)
    current = (
        session.execute(
            select(releases).select_from(joined).where(pointer.survey == survey, pointer.model_id == model_id)
        )
        .mappings()
        .one_or_none()
    )
    before = None
    if current is not None:
        column = releases.c
        before = (
            session.execute(
                select(releases)
                .where(
                    column.survey == survey,
                    column.model_id == model_id,
                    column.activated_at < current["activated_at"],
                )
                .order_by(column.activated_at.desc())
                .limit(1)
            )
            .mappings()
            .one_or_none()
        )
    if before is None:
        raise NothingToRollBack(
            f"no earlier release of {survey} by {model_id} was active; see `skylike index list`"
        )
    assert current is not None
    _point(session, before)
    session.execute(update(releases).where(releases.c.id == current["id"]).values(activated_at=None))
    return _release(before, is_active=True)


def _point(session: Session, row: RowMapping) -> None:
    pointer = active_releases.c
    session.execute(
        delete(active_releases).where(pointer.survey == row["survey"], pointer.model_id == row["model_id"])
    )
    session.execute(
        insert(active_releases).values(survey=row["survey"], model_id=row["model_id"], release_id=row["id"])
    )


def _release(row: RowMapping, *, is_active: bool, activated_at: datetime | None = None) -> ReleaseRow:
    activated = activated_at or row["activated_at"]
    times = {"created_at": utc(row["created_at"]), "activated_at": utc(activated) if activated else None}
    return ReleaseRow(**{**row, **times}, is_active=is_active)
