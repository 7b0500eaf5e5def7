"""What a survey's manifest says of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from survey.bands import BandSet

__all__ = ["SurveyInfo"]

_INFO_FIELDS = (
    "name",
    "title",
    "kind",
    "pixel_scale_arcsec",
    "field_px",
    "epoch",
    "citation",
    "licence",
    "realism",
    "extra",
)


@dataclass(frozen=True, slots=True)
class SurveyInfo:
    """What ``survey.json`` says.

    Attributes
    ----------
    name
        Short name, ``^[a-z0-9][a-z0-9._-]{0,63}$``.
    kind
        ``flux`` (nanomaggies), ``display`` (0..255 RGB) or ``catalogue`` (no cutouts).
    bands
        Planes of the cutouts; None for a catalogue.
    pixel_scale_arcsec
        None when it is unknown or varies.
    field_px
        Side of the stored cutouts; 0 for a catalogue.
    realism
        One sentence: what is real and what is rendered.
    """

    name: str
    title: str
    kind: Literal["flux", "display", "catalogue"]
    bands: BandSet | None = None
    pixel_scale_arcsec: float | None = None
    field_px: int = 0
    epoch: str = ""
    citation: str = ""
    licence: str = ""
    realism: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            **{n: getattr(self, n) for n in _INFO_FIELDS},
            "bands": list(self.bands.ids) if self.bands else None,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> SurveyInfo:
        """Rebuild from :meth:`to_json`; other keys are ignored."""
        bands = BandSet.from_ids(data["bands"]) if data.get("bands") else None
        return cls(**{k: data[k] for k in _INFO_FIELDS if k in data}, bands=bands)
