"""What was understood of a stranger's file, or the reason why it was refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from survey.cutout import Cutout

__all__ = ["CutoutRejected", "IngestReport", "Overrides", "Understood"]


class CutoutRejected(ValueError):
    """A file from which no cutout can be made.

    Attributes
    ----------
    code
        Stable slug, for example ``fits.band_unknown``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type[CutoutRejected], tuple[str, str]]:
        """Survive the way back from a worker process with both arguments."""
        return type(self), (self.code, str(self))


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the sender says about a file, before anything in it.

    Attributes
    ----------
    bands
        The planes in order: a known set (``sdss-ugriz``), ids (``sdss:u,sdss:g``) or letters (``grz``).
        For several files: one band per file, in their order.
    hdu
        The HDU, counted from 0, whose image is meant.
    zeropoint
        AB magnitude of one count.
    pixel_scale_arcsec
        Arcsec per pixel; used instead of the header's.
    ra_deg, dec_deg
        ICRS position of the galaxy; both or neither.

    Raises
    ------
    ValueError
        If a number is out of its range, or one coordinate comes without the other.
    """

    bands: str | None = None
    hdu: int | None = None
    zeropoint: float | None = None
    pixel_scale_arcsec: float | None = None
    ra_deg: float | None = None
    dec_deg: float | None = None

    def __post_init__(self) -> None:
        if (self.ra_deg is None) != (self.dec_deg is None):
            raise ValueError("give both ra and dec, or neither")
        _check(self.hdu, "hdu", 0, 1000)
        _check(self.zeropoint, "zeropoint", -50, 80)
        _check(self.pixel_scale_arcsec, "pixscale", 1e-3, 100)
        _check(self.ra_deg, "ra", 0, 360)
        _check(self.dec_deg, "dec", -90, 90)


def _check(value: float | None, name: str, low: float, high: float) -> None:
    # Written so that NaN fails too.
    if value is not None and not low <= value <= high:
        raise ValueError(f"{name} is {value}; it must lie between {low:g} and {high:g}")


@dataclass(slots=True)
class IngestReport:
    """What was understood, step by step, in words for the sender.

    Attributes
    ----------
    layout
        Short name of the file's layout: ``cube``, ``hdu-per-band``, ``file-per-band``, ``single-band``
        or ``display``.
    steps
        (step, sentence) in the order they were decided; steps are ``container``, ``layout``, ``bands``,
        ``units``, ``wcs``, ``target``, ``grid`` and ``masks``.
    flags
        Named reservations, each once: ``uncalibrated``, ``no_pixel_scale``, ``band_system_assumed``,
        ``mirrored``, ``target_assumed``, ``first_exposure``, ``masked``, ``anisotropic``, ``display``.
    """

    layout: str = ""
    steps: list[tuple[str, str]] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)

    def say(self, step: str, text: str, flag: str | None = None) -> None:
        """Add a sentence, unless it was already said, with the flag it raises."""
        if (step, text) not in self.steps:
            self.steps.append((step, text))
        if flag is not None and flag not in self.flags:
            self.flags.append(flag)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "layout": self.layout,
            "steps": [{"step": step, "text": text} for step, text in self.steps],
            "flags": list(self.flags),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Understood:
    """A cutout with the report of how it was read."""

    cutout: Cutout
    report: IngestReport
