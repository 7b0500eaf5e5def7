"""The name of a defect, with how grave it is and what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["DEFECTS", "Severity", "Verdict"]

#: Every name that a verdict may have.
DEFECTS = (
    "missing_band",
    "constant",
    "masked",
    "off_edge",
    "blank",
    "saturated",
    "trail",
    "cosmic_rays",
    "bad_sky",
)

Severity = Literal["note", "warning", "bad"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One thing that is wrong.

    Attributes
    ----------
    name
        One of :data:`DEFECTS`.
    severity
        ``note``: seldom matters; ``warning``: look before you trust; ``bad``: the cutout is useless.
    detail
        One sentence with the measured value.
    """

    name: str
    severity: Severity
    detail: str
