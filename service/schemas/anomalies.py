"""Anomaly scores."""

from __future__ import annotations

from pydantic import Field

from service.schemas.base import Answer, ReleaseBlock, SearchBlock
from service.schemas.lists import ListAnswer, ListedObject

__all__ = ["AnomaliesAnswer", "AnomalyAnswer", "AnomalyBlock", "AnomalyNeighbour", "RankedObject", "SetAside"]

_CAUSE = (
    "What explains the oddity, if it is odd: `data_quality`, `blend` or `astrophysical`; null where the pixels were not "
    "looked at."
)


class AnomalyNeighbour(Answer):
    """One of the nearest objects, which are the score's cause."""

    object_id: str
    similarity: float


class AnomalyBlock(Answer):
    """How lonely an object is in the embedding."""

    percentile: float = Field(
        description="Share of the release, in per cent, that has nearer neighbours; 100 is the loneliest."
    )
    knn_distance: float = Field(
        description="Mean distance to the nearest neighbours: what the percentile is made of."
    )
    nearest: list[AnomalyNeighbour] = Field(description="The neighbours that the distance was taken to.")


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
