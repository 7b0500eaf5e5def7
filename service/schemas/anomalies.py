"""Anomaly scores."""

from __future__ import annotations

from pydantic import Field

from service.schemas.base import Answer, ReleaseBlock, SearchBlock
from service.schemas.lists import ListAnswer, ListedObject

__all__ = [
    "AnomaliesAnswer",
    "AnomalyAnswer",
    "AnomalyBlock",
    "AnomalyNeighbour",
    "CauseBlock",
    "CauseEvidence",
    "DetectorScore",
    "RankedObject",
    "SetAside",
]

_CAUSE = (
    "What explains the oddity, if it is odd: `data_quality`, `blend` or `astrophysical`; null where the pixels were not "
    "looked at."
)


class AnomalyNeighbour(Answer):
    """One of the nearest objects."""

    object_id: str
    similarity: float


class DetectorScore(Answer):
    """What one detector says."""

    detector: str = Field(examples=["density"])
    score: float = Field(description="Larger is odder; no two detectors share a scale.")
    anomaly_p: float = Field(
        description="Share of normal galaxies that score at least so high.", examples=[0.0004]
    )


class CauseEvidence(Answer):
    """One finding that speaks for a cause."""

    kind: str = Field(description="The cause.", examples=["data_quality"])
    name: str = Field(
        description="A defect, `neighbour`, or a measurement (as in `domain` of uploads).",
        examples=["saturated"],
    )
    detail: str
    value: float | None
    unit: str
    low: float | None = Field(
        description="Below it is unusual in the catalogue; null where no limit is drawn."
    )
    high: float | None


class CauseBlock(Answer):
    """What explains the oddity of a galaxy, if it is odd: three probabilities that sum to 1."""

    kind: str = Field(description="The likeliest: `data_quality`, `blend` or `astrophysical`.")
    p_data_quality: float
    p_blend: float = Field(description="A neighbour on the sky.")
    p_astrophysical: float = Field(description="The galaxy itself: the rest.")
    defects: list[str] = Field(description="Found in the pixels.", examples=[["saturated"]])
    evidence: list[CauseEvidence]


class AnomalyBlock(Answer):
    """How odd a galaxy is, and why."""

    percentile: float = Field(
        description="100 (1 - `anomaly_p`); in a release of an earlier version the share of it that is less odd, in per cent."
    )
    anomaly_p: float | None = Field(
        description="Tail probability by the default detector; null in a release of an earlier version.",
        examples=[0.0004],
    )
    detector: str | None = Field(description="The default detector.", examples=["density"])
    scores: list[DetectorScore] = Field(description="By every detector.")
    cause: CauseBlock | None = Field(description="Null where the pixels were not looked at.")
    reason: str = Field(description="All this in one sentence.")
    nearest_normal: list[AnomalyNeighbour] = Field(
        description="The nearest galaxies that are not odd themselves: what it would look like if it were normal."
    )
    knn_distance: float = Field(description="Mean distance (1 - similarity) to `nearest`.")
    nearest: list[AnomalyNeighbour] = Field(description="Its ten nearest neighbours, odd or not.")


class AnomalyAnswer(Answer):
    """The anomaly score of one object with its cause."""

    release: ReleaseBlock
    search: SearchBlock
    object_id: str
    anomaly: AnomalyBlock


class RankedObject(ListedObject):
    """One object of the ranking."""

    percentile: float = Field(description="100 (1 - `anomaly_p`) by the detector that was asked for.")
    anomaly_p: float | None = Field(
        description="Share of normal galaxies that are as odd, by that detector; null in a release of an earlier version."
    )
    cause: str | None = Field(description=_CAUSE, examples=["astrophysical"])
    p_data_quality: float | None
    p_blend: float | None
    p_astrophysical: float | None
    defects: list[str] = Field(description="Found in the pixels.", examples=[["saturated"]])
    reason: str = Field(description="All this in one sentence.")


class SetAside(Answer):
    """Objects that are odder than the last one listed, and left out for their cause."""

    n: int
    by_cause: dict[str, int] = Field(
        examples=[{"astrophysical": 0, "blend": 4, "data_quality": 9, "unknown": 0}]
    )
    by_defect: dict[str, int] = Field(examples=[{"saturated": 5, "masked": 4}])


class AnomaliesAnswer(ListAnswer):
    """The most anomalous objects first."""

    detector: str | None = Field(
        description="Whose order it is: null is the default detector, and the only order of a release of an earlier version."
    )
    detectors: list[str] = Field(description="Those that may be asked for.")
    cause: str = Field(
        description="Which objects are listed by their cause; `any` where it is known of none."
    )
    n_by_cause: dict[str, int] = Field(
        description="Objects that keep the filters, by cause; `unknown` where the pixels were not looked at."
    )
    set_aside: SetAside
    objects: list[RankedObject]
