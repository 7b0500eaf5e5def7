"""Which anomalies a list is of, as query parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal, get_args

from fastapi import Depends, Query

__all__ = [
    "CAUSE_NAMES",
    "DETECTOR_NAMES",
    "Anomalies",
    "AnomaliesAsked",
    "CauseName",
    "DetectorName",
    "anomalies_asked",
]

DetectorName = Literal["forest", "lof", "density"]
CauseName = Literal["astrophysical", "blend", "data_quality", "any"]
DETECTOR_NAMES: Final[tuple[str, ...]] = get_args(DetectorName)
CAUSE_NAMES: Final[tuple[str, ...]] = get_args(CauseName)

Detector = Annotated[
    DetectorName | None,
    Query(
        description="By which detector: isolation forest, local outlier factor, k-NN density; else the release's default."
    ),
]
Cause = Annotated[
    CauseName | None,
    Query(
        description=(
            "Only objects with this likeliest cause; `any` lists all. By default `astrophysical`, where causes are known."
        )
    ),
]
PMax = Annotated[
    float | None,
    Query(ge=0, le=1, allow_inf_nan=False, description="Only objects with an `anomaly_p` of at most this."),
]
Defects = Annotated[
    list[Annotated[str, Query(max_length=40)]] | None,
    Query(
        alias="defect", max_length=20, description="Only objects with this defect; give it again for others."
    ),
]
DefectsNone = Annotated[bool, Query(description="Only objects without any defect.")]


@dataclass(frozen=True, slots=True)
class AnomaliesAsked:
    """Which objects of a ranking are wanted.

    Attributes
    ----------
    detector
        None for the release's default.
    cause
        None for the astrophysical ones, where causes are known.
    defects
        Any of these; empty asks for none.
    """

    detector: DetectorName | None = None
    cause: CauseName | None = None
    p_max: float | None = None
    defects: tuple[str, ...] = ()
    defects_none: bool = False


def anomalies_asked(
    *,
    detector: Detector = None,
    cause: Cause = None,
    p_max: PMax = None,
    defect: Defects = None,
    defects_none: DefectsNone = False,
) -> AnomaliesAsked:
    """Read the query parameters."""
    return AnomaliesAsked(detector, cause, p_max, tuple(defect or ()), defects_none)


#: What a request asks of the ranking.
Anomalies = Annotated[AnomaliesAsked, Depends(anomalies_asked)]
