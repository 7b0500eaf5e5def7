"""How an upload compares with what a release holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from index.domain import Domain
    from index.release import Release
    from index.reservations import Reading
    from survey.contract import Calibrated
    from survey.ingest import IngestReport
    from survey.measures import Measures

__all__ = ["OUT_OF_DOMAIN_PERCENTILE", "compare", "domain_block", "fill_missing"]

#: Farther from its neighbours than this share of the catalogue's own galaxies, in per cent.
OUT_OF_DOMAIN_PERCENTILE = 99.5


def fill_missing(
    domain: Domain | None, measures: Measures | None, calibrated: Calibrated, report: IngestReport
) -> Calibrated:
    """Make up the bands without a usable pixel, and say how; without a domain they stay zero."""
    if domain is None or measures is None:
        report.say("contract", "A band without a usable pixel was taken as zero flux.", "band_missing")
        return calibrated
    field, lenders = domain.fill(measures, calibrated.field, calibrated.known)
    for missing, lender in lenders.items():
        report.say(
            "domain",
            f"Band {missing} has no usable pixel and was made up: the shape of {lender}, the brightness that catalogue galaxies "
            f"have which are as bright in the other bands, and the noise usual in {missing}. Neighbours are indicative, "
            "and there is no redshift.",
            "band_missing",
        )
    return replace(calibrated, field=field)


def compare(domain: Domain | None, measures: Measures | None, report: IngestReport) -> tuple[Reading, ...]:
    """Set measurements beside the catalogue's and say every reservation, with its flag."""
    if domain is None or measures is None:
        return ()
    for reservation in domain.check(measures):
        report.say("domain", reservation.text, reservation.name)
    return tuple(domain.readings(measures))


def domain_block(
    release: Release, readings: Sequence[Reading], nearest: Sequence[dict[str, Any]] | None
) -> dict[str, Any]:
    """Return the ``domain`` member of an answer.

    Parameters
    ----------
    nearest
        The ``nearest`` of the anomaly block, own images left out; None before a search.
    """
    distance = percentile = None
    if nearest:
        distance = max(0.0, 1 - float(nearest[-1]["similarity"]))
        percentile = round(release.remoteness.percentile(distance), 4)
        distance = round(distance, 6)
    return {
        "k": len(nearest) if nearest else release.remoteness.k,
        "distance": distance,
        "percentile": percentile,
        "limit": OUT_OF_DOMAIN_PERCENTILE,
        "n_measured": 0 if release.domain is None else release.domain.n,
        "measures": [{**one.to_json(), "is_unlikely": one.is_unlikely} for one in readings],
    }
