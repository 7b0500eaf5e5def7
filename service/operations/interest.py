"""Where a session stands: what it learned of its labels, and what is made of that."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from index.selection import Selection
from service.formats.fields import field
from service.lists import ObjectList, by_value, selected
from service.operations import sessions
from service.records.labels import SCORE, LabelRow, Which, list_labels
from service.records.sessions import SessionRow
from service.selection_json import parse_filters
from survey.archive import UnknownObject

if TYPE_CHECKING:
    from index.interest.forecast import Forecast
    from index.interest.step import Step
    from service.resources import Resources
    from service.served import Served

__all__ = ["IN_BATCH", "Standing", "batch", "foreseen", "members", "ranking", "standing"]

#: Objects of a batch where nobody says how many.
IN_BATCH: Final = 10
_FIELDS: Final = (
    field("interest", pa.float32(), description="expected score, 0 to 5"),
    field("probability", pa.float64(), ucd="stat.probability", description="chance of an interesting score"),
    field("own_kind", pa.string(), ucd="meta.code", description="of the session's label: score or artefact"),
    field("own_value", pa.float64(), description="score of the session's label, 0 to 5"),
)
# What a release of an older format has not, is null.
_SHOWN: Final = ("cause", "p_data_quality", "p_blend", "anomaly_percentile")
# Of an object that is odder than all the reference sample.
_LEAST_P: Final = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """A session with the step that its labels lead to.

    Attributes
    ----------
    served
        The release that it goes on with.
    labels
        Those that hold, by row of that release.
    n_absent
        Labels that hold of objects which that release has not.
    """

    row: SessionRow
    served: Served
    labels: Mapping[int, LabelRow]
    n_absent: int
    step: Step


def standing(resources: Resources, owner: str, session_id: str, n: int = IN_BATCH) -> Standing:
    """Return where a session stands; learns if that is not known already, so it belongs into a thread of its own.

    The same labels give the same answer in every process.

    Parameters
    ----------
    n
        Size of the next batch.

    Raises
    ------
    SessionNotFound
        If the owner has no such session.
    ReleaseGone
        If no release of its survey and model is served.
    BadSelection
        If that cannot apply its filters.
    """
    with resources.sessions() as session:
        row = sessions.find(session, owner, session_id)
        labels = list_labels(session, owner, Which(session_id=session_id))
    served = sessions.release_of(resources, row)
    by_row, n_absent = _by_row(served, labels)
    key = _key(row, served, labels, n)
    step = resources.shared.learning.step(key, lambda: _step(resources, served, row, by_row, n))
    return Standing(row, served, by_row, n_absent, step)


def members(stands: Standing) -> dict[str, Any]:
    """Return what every answer says of the session it is of."""
    row, step = stands.row, stands.step
    release = stands.served.release.id
    return {
        "session_id": row.id,
        "name": row.name,
        "revision": row.revision,
        "learner": row.learner,
        "threshold": row.threshold,
        "learned": step.learned,
        "n_labels": len(stands.labels) + stands.n_absent,
        "n_absent": stands.n_absent,
        "n_found": step.found,
        "n_candidates": int(step.candidates.sum()),
        "release_changed": release != row.release_id,
        "note": _note(stands),
    }


def batch(stands: Standing) -> list[dict[str, Any]]:
    """Return the next objects to look at, as lists tell objects."""
    listed = ObjectList(stands.served.release, stands.step.rows, _FIELDS, _values(stands))
    return [
        {**one, "is_audit": bool(is_audit)}
        for one, is_audit in zip(
            listed.page(0, len(listed.rows), _known(stands.served)), stands.step.audits, strict=True
        )
    ]


def ranking(stands: Standing, selection: Selection) -> ObjectList:
    """Return all objects that the session's filters and a selection allow, the most promising first.

    Raises
    ------
    BadSelection
        If the release cannot apply it.
    """
    release = stands.served.release
    order = by_value(release, stands.step.probability, descending=True)
    own = selected(release, order, parse_filters(stands.row.filters))
    return ObjectList(release, selected(release, own, selection), _FIELDS, _values(stands))


def foreseen(stands: Standing) -> Forecast:
    """Return the forecast of how much there is left to find."""
    from index.interest.forecast import forecast  # noqa: PLC0415 - loads scipy

    return forecast(stands.step, seed=stands.row.seed)


def _step(
    resources: Resources, served: Served, row: SessionRow, labels: Mapping[int, LabelRow], n: int
) -> Step:
    from index.interest.step import step  # noqa: PLC0415 - loads scipy

    scored = {place: label.value for place, label in labels.items() if label.kind == SCORE}
    return step(
        resources.shared.learning.features(served),
        np.array(list(scored), np.int64),
        np.array(list(scored.values()), np.float64),
        start=_oddity(served),
        learner=row.learner,
        n=n,
        seed=row.seed,
        allowed=_allowed(served, parse_filters(row.filters), labels),
        threshold=row.threshold,
    )


def _allowed(served: Served, selection: Selection, labels: Mapping[int, LabelRow]) -> NDArray[np.bool_]:
    """Return what may be proposed, and is counted in the forecast: of entries of one object the first, artefacts never."""
    release = served.release
    allowed = np.zeros(release.info.n, np.bool_)
    allowed[selected(release, release.galaxies, selection)] = True
    if selection.dedup is not None and labels:
        groups = release.masks.groups(selection.dedup)
        own = np.array(list(labels), np.int64)
        allowed &= ~np.isin(groups, groups[own])
        allowed[own] = True
    allowed[[place for place, label in labels.items() if label.kind != SCORE]] = False
    return allowed


def _oddity(served: Served) -> NDArray[np.float64]:
    """Return how odd each object is before anything is learned: -log10 of its tail probability, shape (N,).

    Times the chance that the data do not explain it, where that is known: else a session would begin with the artefacts.
    """
    columns = served.release.columns
    if "anomaly_p" in columns.names:
        p = columns.array("anomaly_p")
    else:
        p = 1 - np.asarray(columns.array("anomaly_percentile"), np.float64) / 100
    odd = np.asarray(-np.log10(np.clip(np.nan_to_num(p, nan=1.0), _LEAST_P, 1)))
    if "p_data_quality" not in columns.names:
        return odd
    return odd * (1 - np.nan_to_num(np.asarray(columns.array("p_data_quality"), np.float64)))


def _by_row(served: Served, labels: Sequence[LabelRow]) -> tuple[dict[int, LabelRow], int]:
    found: dict[int, LabelRow] = {}
    for label in labels:
        try:
            found[served.release.columns.row_of(label.object_id)] = label
        except UnknownObject:
            continue
    return found, len(labels) - len(found)


def _key(row: SessionRow, served: Served, labels: Sequence[LabelRow], n: int) -> str:
    """Return a hash of all that a step depends on."""
    parts = [row.id, served.release.sha256, row.learner, row.threshold, row.filters, row.seed, n]
    said = [label.id for label in labels]
    return hashlib.blake2b(orjson.dumps([*parts, said]), digest_size=16).hexdigest()


def _known(served: Served) -> tuple[str, ...]:
    return tuple(name for name in _SHOWN if name in served.release.columns.names)


def _values(stands: Standing) -> Callable[[NDArray[np.int64], int], dict[str, Sequence[Any]]]:
    step, labels = stands.step, stands.labels

    def of(rows: NDArray[np.int64], _first: int) -> dict[str, Sequence[Any]]:
        own = [labels.get(row) for row in rows.tolist()]
        return {
            "interest": [round(one, 4) for one in step.interest[rows].tolist()],
            "probability": [round(one, 6) for one in step.probability[rows].tolist()],
            "own_kind": [label and label.kind for label in own],
            "own_value": [label and label.value for label in own],
        }

    return of


def _note(stands: Standing) -> str:
    """Say what a person should know of the answer; empty where nothing is."""
    said = []
    if stands.served.release.id != stands.row.release_id:
        said.append(
            f"Release {stands.row.release_id}, with which the session began, is served no longer; it goes on with "
            f"{stands.served.release.id} by object ids."
        )
    if stands.n_absent:
        said.append(f"{stands.n_absent} labelled objects are not in the release and teach nothing.")
    if not stands.step.candidates.any():
        said.append("Everything that the filters allow is labelled.")
    elif not stands.step.learned:
        said.append("Nothing is learned until objects of two different scores are labelled.")
    return " ".join(said)
