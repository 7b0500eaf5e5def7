"""The ranked list: which objects it holds, what it says of each, and what was set aside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from index.selection import Selection
from service.anomaly_parameters import AnomaliesAsked
from service.formats.fields import field
from service.lists import ObjectList, selected
from service.operations.anomaly_words import oddity_text, reason
from service.operations.causes import DIGITS
from service.operations.refusals import InvalidFilter
from service.rankings import CAUSES, Rankings

if TYPE_CHECKING:
    from index.release import Release

__all__ = ["FIELDS", "ranked"]

_PROBABILITY: Final = "stat.probability"
#: What the list says of an object beside its columns, in files.
FIELDS: Final = (
    field("percentile", pa.float64(), ucd="stat.rank", description="100 (1 - anomaly_p)"),
    field(
        "anomaly_p", pa.float64(), ucd=_PROBABILITY, description="share of normal galaxies that are as odd"
    ),
    field("cause", pa.string(), ucd="meta.code", description="what explains the oddity, if it is odd"),
    field("p_data_quality", pa.float64(), ucd=_PROBABILITY, description="chance that the data explain it"),
    field("p_blend", pa.float64(), ucd=_PROBABILITY, description="chance that a neighbour on the sky does"),
    field(
        "p_astrophysical", pa.float64(), ucd=_PROBABILITY, description="chance that the galaxy itself is odd"
    ),
    field(
        "defects", pa.string(), ucd="meta.code.qual", description="found in the pixels, with commas between"
    ),
    field("reason", pa.string(), ucd="meta.note", description="all this in one sentence"),
)


def ranked(
    release: Release, rankings: Rankings, asked: AnomaliesAsked, selection: Selection, end: int
) -> tuple[ObjectList, dict[str, Any]]:
    """Return the list, with what is said of its first ``end`` objects together.

    Raises
    ------
    InvalidFilter, BadSelection
        If the release cannot apply what is asked.
    """
    candidates = selected(release, _asked_of(rankings, asked), selection)
    counts = rankings.count_causes(candidates)
    cause = asked.cause or ("any" if rankings.causes is None else "astrophysical")
    listed, aside = _parted(rankings, candidates, cause, end)
    texts = _Texts(release, rankings.p(asked.detector))
    members = {
        "filters": {**selection.to_json(), **_own_filters(asked)},
        "detector": asked.detector,
        "detectors": list(rankings.detectors),
        "cause": cause,
        "n_by_cause": counts,
        "set_aside": {
            "n": len(aside),
            "by_cause": rankings.count_causes(aside),
            "by_defect": rankings.count_defects(aside),
        },
    }
    return ObjectList(release, listed, FIELDS, texts.in_files, texts.in_pages), members


def _asked_of(rankings: Rankings, asked: AnomaliesAsked) -> NDArray[np.int64]:
    """Return the order of a detector without what its score or its pixels rule out."""
    if asked.detector is not None and asked.detector not in rankings.detectors:
        listed = ", ".join(rankings.detectors) or "none: build it anew with `skylike index build`"
        raise InvalidFilter(
            f"The release was not scored by the detector {asked.detector!r}. Its detectors: {listed}."
        )
    if asked.cause not in (None, "any") and rankings.causes is None:
        raise InvalidFilter(
            f"The release knows no causes, so that it cannot list those that are {asked.cause}: leave `cause` out, or build "
            "it anew with `skylike index build`."
        )
    order, p = rankings.order(asked.detector), rankings.p(asked.detector)
    if asked.p_max is not None:
        if p is None:
            raise InvalidFilter(
                "The release has no `anomaly_p` that `p_max` could bound; bound `anomaly_percentile` with `where`."
            )
        # In order of p, unknown ones last.
        order = order[: int(np.searchsorted(p[order], asked.p_max, side="right"))]
    if asked.defects:
        unknown = sorted(set(asked.defects) - set(rankings.defects))
        if unknown:
            listed = ", ".join(rankings.defects) or "none"
            raise InvalidFilter(
                f"No object of the release has the defect {unknown[0][:40]!r}; the defects found are: {listed}."
            )
        order = order[rankings.with_defects(asked.defects)[order]]
    if asked.defects_none:
        if rankings.causes is None:
            raise InvalidFilter(
                "The pixels of the release were not looked at, so that nobody knows what has no defect: leave `defects_none` "
                "out, or build it anew with `skylike index build`."
            )
        order = order[~rankings.with_defects(rankings.defects)[order]]
    return order


def _parted(
    rankings: Rankings, candidates: NDArray[np.int64], cause: str, end: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of a cause, and those of other causes that stand before the ``end``-th of them."""
    if cause == "any" or rankings.causes is None:
        return candidates, candidates[:0]
    is_listed = rankings.causes[candidates] == CAUSES.index(cause)
    places = np.flatnonzero(is_listed)
    last = places[end - 1] if end <= len(places) else len(candidates)
    return candidates[places], candidates[:last][~is_listed[:last]]


def _own_filters(asked: AnomaliesAsked) -> dict[str, Any]:
    given = {"p_max": asked.p_max, "defect": list(asked.defects), "defects_none": asked.defects_none}
    return {name: value for name, value in given.items() if value not in (None, [], False)}


@dataclass(frozen=True, slots=True, eq=False)
class _Texts:
    """What is said of each object of a ranking.

    Attributes
    ----------
    p
        Tail probabilities by row of the release; None where it has none.
    """

    release: Release
    p: NDArray[np.float64] | None

    def in_files(self, rows: NDArray[np.int64], first: int) -> Mapping[str, Sequence[Any]]:
        said = dict(self.in_pages(rows, first))
        said["defects"] = [",".join(names) for names in said["defects"]]
        return said

    def in_pages(self, rows: NDArray[np.int64], _first: int) -> Mapping[str, Sequence[Any]]:
        columns = self.release.columns
        n = len(rows)

        def taken(name: str) -> list[Any]:
            return columns.take(rows, [name])[name] if name in columns.names else [None] * n

        p = [None] * n if self.p is None else [None if one != one else one for one in self.p[rows].tolist()]  # noqa: PLR0124 - NaN
        percentile = taken("anomaly_percentile") if self.p is None else [_percentile(one) for one in p]
        quality, blend = _rounded(taken("p_data_quality")), _rounded(taken("p_blend"))
        own = _rounded(
            None if q is None or b is None else max(0.0, 1 - q - b)
            for q, b in zip(quality, blend, strict=True)
        )
        cause = taken("cause")
        defects = [[name for name in (word or "").split(",") if name] for word in taken("defects")]
        sentences = map(reason, map(oddity_text, p, percentile), cause, quality, blend, defects)
        return {
            "percentile": [None if one is None else round(one, 4) for one in percentile],
            "anomaly_p": p,
            "cause": cause,
            "p_data_quality": quality,
            "p_blend": blend,
            "p_astrophysical": own,
            "defects": defects,
            "reason": list(sentences),
        }


def _rounded(values: Iterable[float | None]) -> list[float | None]:
    return [None if value is None else round(value, DIGITS) for value in values]


def _percentile(p: float | None) -> float | None:
    return None if p is None else 100 * (1 - p)
