"""What will enter a survey: objects, a way to their pixels, and what it will cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from survey.archive import SurveyInfo
from survey.sources.rows import ObjectRows, Rejected

__all__ = ["Decoded", "Decoder", "ImportPlan"]


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """One object's pixels, and what its file says that the table may not.

    Attributes
    ----------
    flux
        Shape (C, F, F); float32 nanomaggies with NaN where masked, or uint8.
    ivar
        Shape like ``flux``, or None.
    facts
        Scalars by column name, for rows that lack them (``ra_deg``) or as new columns (``flux_r``).
    """

    flux: NDArray[Any]
    ivar: NDArray[np.float32] | None = None
    facts: dict[str, float | None] = field(default_factory=dict)


class Decoder(Protocol):
    """Turns a row's input into pixels, in a worker process; picklable."""

    def __call__(self, row: int) -> Decoded:
        """Decode one row.

        Raises
        ------
        CutoutRejected
            If its file is not usable.
        """
        ...

    def fingerprint(self) -> str:
        """Return a text that changes when any decoded pixel could."""
        ...


@dataclass(slots=True, eq=False)
class ImportPlan:
    """What will enter a survey.

    Attributes
    ----------
    info
        The survey's description.
    rows
        The objects.
    decoder
        Gives a row's pixels; None for a catalogue.
    lines
        The column mapping and choices made, for the user.
    estimate_s
        Expected seconds.
    estimate_bytes
        Expected bytes on disk.
    in_order
        Whether pixels are read forwards through few large files: by one process, with nothing kept for a second
        run, since reading them again costs no more than a copy would.
    """

    info: SurveyInfo
    rows: ObjectRows
    decoder: Decoder | None = None
    lines: list[str] = field(default_factory=list)
    estimate_s: float = 0.0
    estimate_bytes: int = 0
    in_order: bool = False

    @property
    def rejected(self) -> list[Rejected]:
        """Rows and files left out so far; grows while :func:`parts` runs."""
        return self.rows.rejected

    def to_json(self) -> dict[str, Any]:
        """Return what a dry run tells, as plain JSON values."""
        first = self.rows.columns.slice(0, 3).to_pylist()
        return {
            "survey": self.info.name,
            "kind": self.info.kind,
            "bands": list(self.info.bands.ids) if self.info.bands else [],
            "field_px": self.info.field_px,
            "pixel_scale_arcsec": self.info.pixel_scale_arcsec,
            "n_objects": len(self.rows),
            "n_rejected": len(self.rejected),
            "mapping": list(self.lines),
            "notes": list(self.rows.notes),
            "columns": self.rows.columns.column_names,
            "first_rows": first,
            "estimate_seconds": round(self.estimate_s, 1),
            "estimate_bytes": self.estimate_bytes,
            "rejected": [{"what": r.what, "reason": r.reason} for r in self.rejected[:20]],
        }
