"""Survey and release folders into the catalogue."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from index.catalogue.bulk import insert_rows
from index.catalogue.tables import galaxies, photoz, releases, scores, surveys
from index.estimates import ARRAYS
from index.release import Release
from survey.archive import SurveyFolder
from survey.scalars import is_scalar, stored_type

__all__ = ["IngestReport", "UnusableRow", "ingest_release", "ingest_survey"]

_BATCH = 10_000
_COLUMNS = ("object_id", "ra_deg", "dec_deg", "hpx29", "ebv", "z_spec")
_SCORES = ("anomaly_percentile", "anomaly_p", "cause", "defects")
_PHOTOMETRY = ("flux_", "mag_")

Progress = Callable[[int, int], None]


class UnusableRow(ValueError):
    """A row that no database can hold."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest did.

    Attributes
    ----------
    rows
        Rows written; 0 when the catalogue held them already.
    seconds
        Wall time.
    """

    rows: int
    seconds: float


def ingest_survey(session: Session, survey: SurveyFolder, progress: Progress | None = None) -> IngestReport:
    """Bring a survey's objects into the catalogue; flushes, the caller commits.

    A survey that is there with the same hash is left alone; another version of it is replaced.

    Raises
    ------
    UnusableRow
        If an id or a text holds a NUL character.
    """
    began = time.perf_counter()
    name = survey.info.name
    stored = session.execute(select(surveys.c.sha256).where(surveys.c.name == name)).scalar()
    count = session.execute(
        select(func.count()).select_from(galaxies).where(galaxies.c.survey == name)
    ).scalar_one()
    if stored == survey.sha256 and count == len(survey):
        return IngestReport(0, time.perf_counter() - began)
    session.execute(delete(galaxies).where(galaxies.c.survey == name))
    session.execute(delete(surveys).where(surveys.c.name == name))
    session.execute(
        insert(surveys).values(
            name=name,
            title=survey.info.title,
            kind=survey.info.kind,
            sha256=survey.sha256,
            n_objects=len(survey),
            info=survey.info.to_json(),
            ingested_at=datetime.now(UTC),
        )
    )
    done = 0
    for batch in survey.objects.to_batches(max_chunksize=_BATCH):
        insert_rows(
            session, galaxies, ("survey", *_COLUMNS, "photometry", "attributes"), _galaxy_rows(name, batch)
        )
        done += batch.num_rows
        if progress is not None:
            progress(done, len(survey))
    return IngestReport(done, time.perf_counter() - began)


def ingest_release(session: Session, release: Release, progress: Progress | None = None) -> IngestReport:
    """Register a release with its redshifts and anomaly scores; flushes, the caller commits.

    A release that is there with the same manifest is left alone.
    """
    began = time.perf_counter()
    stored = session.execute(select(releases.c.manifest_sha256).where(releases.c.id == release.id)).scalar()
    if stored == release.sha256:
        return IngestReport(0, time.perf_counter() - began)
    _register(session, release, is_known=stored is not None)
    # A withdrawn row has no score, and its id may be another row's now.
    known = release.galaxies
    insert_rows(session, scores, ("release_id", "object_id", *_SCORES), _score_rows(release, known))
    rows = len(known) + _ingest_photoz(session, release, progress)
    return IngestReport(rows, time.perf_counter() - began)


def _score_rows(release: Release, known: NDArray[np.int64]) -> Iterator[tuple[Any, ...]]:
    columns = release.columns
    there = [name for name in _SCORES if name in columns.names]
    taken = columns.take(known, ["object_id", *there])
    absent = [None] * len(known)
    values = (taken[name] if name in there else absent for name in _SCORES)
    return zip([release.id] * len(known), taken["object_id"], *values, strict=True)


def _register(session: Session, release: Release, *, is_known: bool) -> None:
    """Write the release's row; one that is known stays in place, since it may be active."""
    info = release.info
    values = {
        "survey": info.survey,
        "model_id": info.model_id,
        "survey_sha256": info.survey_sha256,
        "model_sha256": info.model_sha256,
        "manifest_sha256": release.sha256,
        "n": info.n,
        "dimension": info.dimension,
        "metric": info.metric,
        "recall_at_10": info.recall_at_10,
        "exact": info.exact,
        "created_at": datetime.fromisoformat(info.created),
    }
    if is_known:
        for table in (scores, photoz):
            session.execute(delete(table).where(table.c.release_id == info.id))
        session.execute(update(releases).where(releases.c.id == info.id).values(**values))
    else:
        session.execute(insert(releases).values(id=info.id, **values))


def _ingest_photoz(session: Session, release: Release, progress: Progress | None) -> int:
    ids, columns = release.columns.ids, release.photoz_columns()
    if columns is None:
        return 0
    # What has no estimate has no row.
    known = np.flatnonzero(np.isfinite(columns["z_best"]))
    for start in range(0, len(known), _BATCH):
        chosen = known[start : start + _BATCH]
        values = (_numbers(columns[name][chosen]) for name in ARRAYS)
        rows = zip([release.id] * len(chosen), [ids[row] for row in chosen], *values, strict=True)
        insert_rows(session, photoz, ("release_id", "object_id", *ARRAYS), rows)
        if progress is not None:
            progress(start + len(chosen), len(known))
    return len(known)


def _numbers(values: NDArray[Any]) -> list[Any]:
    """Python numbers of an array, NaN as None."""
    return [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 - NaN differs from itself


def _galaxy_rows(survey: str, batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    columns = {
        name: _values(batch.column(name))
        for name in batch.schema.names
        if is_scalar(batch.schema.field(name).type)
    }
    photometry = [name for name in columns if name.startswith(_PHOTOMETRY)]
    attributes = [name for name in columns if name not in _COLUMNS and name not in photometry]
    fixed = zip(*(columns[name] for name in _COLUMNS), strict=True)
    json_photometry, json_attributes = (
        _json(columns, photometry, batch.num_rows),
        _json(columns, attributes, batch.num_rows),
    )
    for row, fluxes, others in zip(fixed, json_photometry, json_attributes, strict=True):
        if "\x00" in row[0] or "\\u0000" in others:
            raise UnusableRow(
                f"survey {survey}: object {row[0]!r} holds a NUL character; remove it from the table"
            )
        yield (survey, *row, fluxes, others)


def _json(columns: dict[str, list[Any]], names: list[str], n: int) -> Iterator[str]:
    """Give each row's values as a JSON object, without nulls."""
    if not names:
        return iter(["{}"] * n)
    rows = zip(*(columns[name] for name in names), strict=True)
    return (
        orjson.dumps({k: v for k, v in zip(names, row, strict=True) if v is not None}).decode()
        for row in rows
    )


def _values(column: pa.Array) -> list[Any]:
    """Python values of a column, NaN and infinities as None."""
    column = column.cast(stored_type(column.type))
    if not pa.types.is_floating(column.type):
        values: list[Any] = column.to_pylist()
        return values
    array = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    finite = np.isfinite(array)
    if finite.all():
        return list(array.tolist())
    return [value if ok else None for value, ok in zip(array.tolist(), finite.tolist(), strict=True)]
