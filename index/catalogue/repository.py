"""What is asked of the catalogue: objects, cones, surveys."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from index.catalogue.session import utc
from index.catalogue.tables import galaxies, surveys
from survey.archive import UnknownObject
from survey.sphere import cone_ranges, separation_deg

__all__ = ["ConeMatch", "Galaxy", "SurveyRow", "cone", "get_object", "get_objects", "list_surveys"]

_MAX_RANGES = 64
_IN_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class SurveyRow:
    """A survey of the catalogue."""

    name: str
    title: str
    kind: str
    sha256: str
    n_objects: int
    info: dict[str, Any]
    ingested_at: datetime


@dataclass(frozen=True, slots=True)
class Galaxy:
    """An object of the catalogue; what is unknown is None.

    Attributes
    ----------
    photometry
        The columns ``flux_…`` and ``mag_…``.
    attributes
        The survey's other columns.
    """

    survey: str
    object_id: str
    ra_deg: float | None
    dec_deg: float | None
    hpx29: int | None
    ebv: float | None
    z_spec: float | None
    photometry: dict[str, Any]
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ConeMatch:
    """An object in a cone with its distance from the middle."""

    galaxy: Galaxy
    separation_deg: float


def list_surveys(session: Session) -> list[SurveyRow]:
    """Return all surveys by name."""
    rows = session.execute(select(surveys).order_by(surveys.c.name)).mappings()
    return [SurveyRow(**{**row, "ingested_at": utc(row["ingested_at"])}) for row in rows]


def get_object(session: Session, survey: str, object_id: str) -> Galaxy:
    """Return one object.

    Raises
    ------
    UnknownObject
        If the survey has no such id.
    """
    return get_objects(session, survey, [object_id])[0]


def get_objects(session: Session, survey: str, object_ids: list[str]) -> list[Galaxy]:
    """Return objects in the order asked for.

    Raises
    ------
    UnknownObject
        If the survey has not all of them.
    """
    found: dict[str, Galaxy] = {}
    for start in range(0, len(object_ids), _IN_AT_ONCE):
        asked = [i for i in object_ids[start : start + _IN_AT_ONCE] if _is_storable(i)]
        query = select(galaxies).where(galaxies.c.survey == survey, galaxies.c.object_id.in_(asked))
        found |= {row["object_id"]: Galaxy(**row) for row in session.execute(query).mappings()}
    missing = [object_id for object_id in object_ids if object_id not in found]
    if missing:
        raise UnknownObject(f"no object {missing[0]!r} in survey {survey}")
    return [found[object_id] for object_id in object_ids]


def cone(
    session: Session,
    *,
    survey: str | None,
    ra_deg: float,
    dec_deg: float,
    radius_deg: float,
    limit: int = 1000,
    without: Collection[str] = (),
) -> list[ConeMatch]:
    """Return the objects around a position, nearest first; equal separations by survey and id.

    Parameters
    ----------
    survey
        None searches every survey.
    radius_deg
        0 to 180; the rim belongs to the cone.
    limit
        Most objects returned: the nearest ones.
    without
        Ids that are not returned.

    Raises
    ------
    BadTarget
        If the position or the radius is off the sphere.
    """
    ranges = cone_ranges(ra_deg, dec_deg, radius_deg, _MAX_RANGES)
    names = [survey] if survey is not None else list(session.execute(select(surveys.c.name)).scalars())
    near = [
        row for name in names for row in _candidates(session, name, ranges) if row.object_id not in without
    ]
    if not near:
        return []
    separation = separation_deg(ra_deg, dec_deg, [row.ra_deg for row in near], [row.dec_deg for row in near])
    inside = np.flatnonzero(separation <= radius_deg).tolist()
    inside.sort(key=lambda n: (separation[n], near[n].survey, near[n].object_id))
    chosen = [(near[n].survey, near[n].object_id, float(separation[n])) for n in inside[:limit]]
    whole = {
        (name, galaxy.object_id): galaxy
        for name in names
        for galaxy in get_objects(session, name, [i for s, i, _ in chosen if s == name])
    }
    return [ConeMatch(whole[name, object_id], distance) for name, object_id, distance in chosen]


def _candidates(session: Session, survey: str, ranges: list[tuple[int, int]]) -> list[Row[Any]]:
    """Rows of a survey in some ranges of cells.

    The bounds are literals and each alternative names the survey: so PostgreSQL plans with the values and
    SQLite takes the index for every alternative. The text is put together here because building it from
    expressions took four milliseconds, more than the search.
    """
    inside = " OR ".join(f"(survey = :survey AND hpx29 BETWEEN {low:d} AND {high:d})" for low, high in ranges)
    query = text(f"SELECT survey, object_id, ra_deg, dec_deg FROM galaxies WHERE {inside}")  # noqa: S608 - integers only
    return list(session.execute(query, {"survey": survey}))


def _is_storable(object_id: str) -> bool:
    """Whether a database can hold a text; asked about another, its driver would raise."""
    return "\x00" not in object_id and not any("\ud800" <= c <= "\udfff" for c in object_id)
