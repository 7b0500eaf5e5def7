"""The oddity of a galaxy split into data quality, a neighbour, and the galaxy itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Literal

from index.reservations import Reading
from survey.blends import Blend
from survey.defects.verdict import Verdict
from survey.inspection import Inspection

__all__ = ["KINDS", "Cause", "Evidence", "Kind", "cause_of"]

Kind = Literal["data_quality", "blend", "astrophysical"]
KINDS: tuple[Kind, ...] = ("data_quality", "blend", "astrophysical")

# What a defect of each severity leaves to the other causes, and the neighbour's influence at which it is as likely the
# cause as the galaxy itself: benchmarks/discovery_artefacts.py measures both.
_P_DEFECT = {"note": 0.05, "warning": 0.97, "bad": 0.99}
_INFLUENCE, _STEEPNESS = 0.08, 2.3


@dataclass(frozen=True, slots=True)
class Evidence:
    """One finding that speaks for a cause.

    Attributes
    ----------
    kind
        The cause that it speaks for.
    name
        A defect (:data:`survey.defects.verdict.DEFECTS`), ``neighbour``, or a measurement of :class:`index.domain.Domain`.
    detail
        One sentence with the measured value.
    value, unit, low, high
        The measurement and its usual range among the catalogue's galaxies, where there is one number.
    """

    kind: Kind
    name: str
    detail: str
    value: float | None = None
    unit: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """What explains the oddity of a galaxy, if it is one: three probabilities that sum to 1.

    Attributes
    ----------
    kind
        The likeliest.
    evidence
        What speaks for each, data quality first.
    """

    kind: Kind
    p_data_quality: float
    p_blend: float
    p_astrophysical: float
    evidence: tuple[Evidence, ...]


def cause_of(inspection: Inspection, readings: Sequence[Reading] = ()) -> Cause:
    """Split the oddity of a galaxy into its causes.

    A defect explains whatever is odd, so that it is asked for first; of what it leaves, the neighbour takes its part, and
    the rest is the galaxy's own. The probabilities follow from the pixels alone, so that those frozen with a release and
    those of the same pixels uploaded agree.

    Parameters
    ----------
    readings
        Measurements beside the catalogue's (:meth:`index.domain.Domain.readings`): those that are off are named.
    """
    p_data_quality = 1 - _product(1 - _P_DEFECT[verdict.severity] for verdict in inspection.defects)
    p_blend = (1 - p_data_quality) * _share_of_neighbour(inspection.blend.influence)
    p_astrophysical = 1 - p_data_quality - p_blend
    shares: dict[Kind, float] = {
        "data_quality": p_data_quality,
        "blend": p_blend,
        "astrophysical": p_astrophysical,
    }
    evidence = (
        *(_of_defect(verdict) for verdict in inspection.defects),
        *_of_blend(inspection.blend),
        *(_of_reading(reading) for reading in readings if reading.is_unlikely),
    )
    return Cause(
        max(KINDS, key=lambda kind: shares[kind]), p_data_quality, p_blend, p_astrophysical, evidence
    )


def _share_of_neighbour(influence: float) -> float:
    """Return the logistic function of the logarithm of a neighbour's influence."""
    if influence <= 0:
        return 0.0
    return 1 / (1 + exp(-_STEEPNESS * log(influence / _INFLUENCE)))


def _product(values: Iterable[float]) -> float:
    result = 1.0
    for value in values:
        result *= value
    return result


def _of_defect(verdict: Verdict) -> Evidence:
    return Evidence("data_quality", verdict.name, verdict.detail)


def _of_blend(blend: Blend) -> Iterator[Evidence]:
    if blend.flux_ratio is None or blend.separation_px is None:
        return
    place = (
        f"{blend.separation_px:.1f} px"
        if blend.separation_arcsec is None
        else f"{blend.separation_arcsec:.1f} arcsec"
    )
    touching = ", touching it" if blend.overlap else ""
    detail = f"A source {place} from the target has {blend.flux_ratio:.2g} times its light{touching}."
    yield Evidence("blend", "neighbour", detail, round(blend.flux_ratio, 4))


def _of_reading(reading: Reading) -> Evidence:
    # Level and noise of the sky are the image's, everything else is the galaxy's.
    kind: Kind = "data_quality" if reading.name in ("sky", "noise") else "astrophysical"
    low = "" if reading.low is None else f"{reading.low:.4g}"
    high = "" if reading.high is None else f"{reading.high:.4g}"
    usual = f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}"
    unit = "times the catalogue's" if reading.unit == "catalogue" else reading.unit
    detail = f"{reading.name} is {reading.value:.4g} {unit}".rstrip() + f"; usual is {usual}."
    return Evidence(kind, reading.name, detail, reading.value, reading.unit, reading.low, reading.high)
