"""What explains the oddity of a galaxy, with the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from index.causes.cause import cause_of
from index.fields import field_for
from survey.bands import BandMismatch
from survey.contract import ContractViolation

if TYPE_CHECKING:
    from index.reservations import Reading
    from service.served import Served
    from survey.inspection import Inspection

__all__ = ["DIGITS", "cause_block", "readings_of"]

#: Of probabilities in answers: a release keeps them in single precision.
DIGITS = 6


def cause_block(inspection: Inspection | None, readings: Sequence[Reading] = ()) -> dict[str, Any] | None:
    """Return the ``cause`` member of an anomaly; None where the pixels were not looked at.

    Parameters
    ----------
    readings
        Measurements beside the catalogue's; those that are off are evidence.
    """
    if inspection is None:
        return None
    cause = cause_of(inspection, readings)
    return {
        "kind": cause.kind,
        "p_data_quality": round(cause.p_data_quality, DIGITS),
        "p_blend": round(cause.p_blend, DIGITS),
        "p_astrophysical": round(cause.p_astrophysical, DIGITS),
        "defects": list(inspection.names),
        "evidence": [asdict(one) for one in cause.evidence],
    }


def readings_of(served: Served, row: int) -> tuple[Reading, ...]:
    """Measure a stored galaxy beside the catalogue's; empty where the release has no measurements, or it has no pixels.

    It reads the pixels, some ten milliseconds.
    """
    domain = served.release.domain
    if domain is None or not served.folder.has_cutouts:
        return ()
    [cutout] = served.folder.read([served.release.columns.ids[row]])
    try:
        calibrated = field_for(served.model.contract, cutout)
    except (ContractViolation, BandMismatch):
        return ()
    return tuple(domain.readings(domain.measure(calibrated.field, calibrated.known)))
