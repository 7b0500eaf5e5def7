"""What an audit of a release finds: one sky under several ids, labels in conflict, artefacts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.audit.conflicts import Conflicts, find_conflicts
from index.audit.one_sky import find_one_sky
from index.audit.pairs import SkyPairs, groups_of
from index.audit.posterior import FEWEST, Posterior, out_of_fold
from index.release import Release
from survey.archive import SurveyFolder

__all__ = ["Artefacts", "Audit", "Conflicting", "audit_release"]

Progress = Callable[[str, int, int], None]
_DEFECTS = "defects"


class _LeftOut(Exception):
    """Why a part was left out."""


@dataclass(frozen=True, slots=True, eq=False)
class Conflicting:
    """Labels against looks.

    Attributes
    ----------
    rows
        Rows of the survey that have a label and an embedding, shape (m,).
    codes
        Their labels, as numbers of ``posterior.labels``, shape (m,).
    posterior
        What their look speaks for; row n is ``rows[n]``.
    found
        The ranking, in rows of the posterior.
    """

    rows: NDArray[np.int64]
    codes: NDArray[np.int64]
    posterior: Posterior
    found: Conflicts


@dataclass(frozen=True, slots=True, eq=False)
class Artefacts:
    """Cutouts with defects, the likeliest to be explained by them first.

    Attributes
    ----------
    rows
        Of the survey, int64, shape (a,).
    defects
        Names joined with commas.
    p_data_quality
        Probability that an oddity is explained by them; NaN where unknown, shape (a,).
    """

    rows: NDArray[np.int64]
    defects: list[str]
    p_data_quality: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """The findings, in rows of the survey.

    Attributes
    ----------
    release_id, survey
        What was audited.
    ids
        Object ids by row.
    labels
        Label of each row, None where it has none.
    pairs, groups
        Of one sky, and the number of each row's group.
    radius_arcsec
        Within which positions made a pair; None where positions were not compared.
    conflicts, artefacts
        None where that part was left out.
    left_out
        Part, why it was left out and what would bring it.
    notes
        What a part that was done cannot see.
    """

    release_id: str
    survey: str
    ids: list[str]
    labels: list[str | None]
    pairs: SkyPairs
    groups: NDArray[np.int32]
    radius_arcsec: float | None
    conflicts: Conflicting | None
    artefacts: Artefacts | None
    left_out: dict[str, str]
    notes: dict[str, str]


def audit_release(
    release: Release,
    survey: SurveyFolder,
    *,
    cache: Path,
    label: str = "label",
    radius_arcsec: float | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Audit a release and the survey that it indexes; a part that cannot be done is left out, saying why.

    Parameters
    ----------
    cache
        Folder in which the search for pairs by pixels is kept.
    label
        Column of the survey that holds the labels.
    radius_arcsec
        Positions nearer than this are a pair; default: half the side of a cutout.

    Raises
    ------
    ValueError
        If the survey has no column ``label``, and another than the default was asked for.
    CorruptFolder
        If the survey or the release is damaged.
    """
    tell = progress or (lambda *_: None)
    labels = _labels(survey, label)
    sky = find_one_sky(survey, cache=cache, radius_arcsec=radius_arcsec, progress=tell)
    groups = groups_of(sky.pairs.rows, len(survey))
    left_out = dict(sky.left_out)
    conflicts, artefacts = None, None
    try:
        conflicts = _conflicts(release, survey, labels, groups, tell)
    except _LeftOut as reason:
        left_out["label conflicts"] = str(reason)
    try:
        artefacts = _artefacts(release, survey)
    except _LeftOut as reason:
        left_out["artefacts"] = str(reason)
    return Audit(
        release_id=release.id,
        survey=survey.info.name,
        ids=survey.ids,
        labels=labels,
        pairs=sky.pairs,
        groups=groups,
        radius_arcsec=sky.radius_arcsec,
        conflicts=conflicts,
        artefacts=artefacts,
        left_out=left_out,
        notes=sky.notes,
    )


def _labels(survey: SurveyFolder, label: str) -> list[str | None]:
    if label not in survey.objects.column_names:
        if label != "label":
            raise ValueError(
                f"survey {survey.info.name} has no column {label!r}; it has {', '.join(survey.objects.column_names)}"
            )
        return [None] * len(survey)
    return [None if value is None else str(value) for value in survey.objects.column(label).to_pylist()]


def _conflicts(
    release: Release,
    survey: SurveyFolder,
    labels: list[str | None],
    groups: NDArray[np.int32],
    tell: Progress,
) -> Conflicting:
    counts = Counter(one for one in labels if one is not None)
    names = tuple(sorted(name for name, n in counts.items() if n >= FEWEST))
    indexed = {release.columns.ids[row]: row for row in release.galaxies.tolist()}
    rows = np.array(
        [row for row, one in enumerate(labels) if one in names and survey.ids[row] in indexed], np.int64
    )
    codes = np.array([names.index(str(labels[row])) for row in rows], np.int64)
    if len(np.unique(codes)) < 2:
        raise _LeftOut(
            f"no two labels have {FEWEST} indexed galaxies or more each; name a column with --label"
        )
    posterior = out_of_fold(
        release.store.vectors(np.array([indexed[survey.ids[row]] for row in rows], np.int64)),
        codes,
        groups[rows],
        names,
        progress=lambda done, of: tell("Learning labels", done, of),
    )
    return Conflicting(rows, codes, posterior, find_conflicts(posterior, codes))


def _artefacts(release: Release, survey: SurveyFolder) -> Artefacts:
    columns = release.columns
    if _DEFECTS not in columns.names:
        raise _LeftOut(
            "the release was built before cutouts were inspected; build it anew: "
            f"skylike index build {survey.info.name}"
        )
    defects = columns.array(_DEFECTS)
    if not any(one is not None for one in defects):
        raise _LeftOut("no cutout was inspected")
    probability = np.asarray(columns.array("p_data_quality"), np.float64)
    there = set(survey.ids)
    found = [row for row in release.galaxies.tolist() if defects[row] and columns.ids[row] in there]
    order = sorted(found, key=lambda row: (-np.nan_to_num(probability[row]), columns.ids[row]))
    return Artefacts(
        np.array([survey.row_of(columns.ids[row]) for row in order], np.int64),
        [str(defects[row]) for row in order],
        probability[np.array(order, np.int64)],
    )
