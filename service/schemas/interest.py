"""What a session proposes, ranks and forecasts."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from service.schemas.base import Answer, ReleaseBlock
from service.schemas.lists import ListedObject
from service.schemas.sessions import LearnerName

__all__ = ["ForecastAnswer", "NextAnswer", "RankingAnswer"]


class _OfSession(Answer):
    """What every answer of a session says."""

    release: ReleaseBlock
    session_id: str
    name: str
    revision: int = Field(description="Of the labels that it was learned from.")
    learner: LearnerName
    threshold: float
    learned: bool = Field(description="Whether there were labels of two different scores to learn from.")
    n_labels: int
    n_absent: int = Field(description="Labels of objects that the release has not: they teach nothing.")
    n_found: int = Field(description="Labelled objects of at least `threshold` that the filters allow.")
    n_candidates: int = Field(description="Objects that the filters allow and that have no label.")
    release_changed: bool = Field(description="Whether the session began with another release.")
    note: str = Field(description="For people; empty where there is nothing to say.")


class PromisingObject(ListedObject):
    """An object as a session ranks it."""

    interest: float = Field(description="Expected score, 0 to 5.")
    probability: float = Field(
        description="Chance of a score of at least `threshold`, calibrated on the labels."
    )
    own_kind: Literal["score", "artefact"] | None = Field(description="Of the session's label.")
    own_value: float | None = Field(description="Score of the session's label.")


class ProposedObject(PromisingObject):
    """An object to look at next."""

    is_audit: bool = Field(description="Drawn to check the forecast, not because it is promising.")


class NextAnswer(_OfSession):
    """What to look at next: the same until a label is given or withdrawn."""

    objects: list[ProposedObject]


class RankingAnswer(_OfSession):
    """A page of all objects, the most promising first."""

    filters: dict[str, Any] = Field(description="What objects keep beside the session's own filters.")
    n_total: int
    next_cursor: str | None
    objects: list[PromisingObject]


class ReachBlock(Answer):
    """How many more are to be inspected for a share of all interesting ones."""

    target: float = Field(examples=[0.8])
    n: int | None = Field(description="Median; null while nothing can be said.")
    low: int | None
    high: int | None


class TotalBlock(Answer):
    """Interesting objects in all, found ones included: median and band."""

    n: float
    low: float
    high: float


class CurveBlock(Answer):
    """Expected recall against what is inspected from now on, most promising first; lists of one length."""

    inspected: list[int]
    recall: list[float]
    low: list[float]
    high: list[float]


class ForecastAnswer(_OfSession):
    """How much of what is interesting has been seen, and how much more must be looked at."""

    level: float = Field(description="Probability of the bands.", examples=[0.8])
    recall: float = Field(description="Share of all interesting objects that is found: median.")
    total: TotalBlock
    to_reach: ReachBlock
    summary: str = Field(examples=["Inspect about 140 more (90 to 230) to reach 80 %."])
    curve: CurveBlock
