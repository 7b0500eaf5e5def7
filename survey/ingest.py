"""What was understood of a stranger's file, or the reason why it was refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from survey.cutout import Cutout

__all__ = ["FLAGS", "STEPS", "CutoutRejected", "IngestReport", "Overrides", "Understood", "parse_zeropoints"]

_MAX_BANDS = 16

#: Every step of a report, in the order in which they are decided.
STEPS = (
    "container", "layout", "bands", "units", "wcs", "target", "grid", "masks", "sanity", "release", "contract", "domain", "search",
)  # fmt: skip

#: Every reservation that a report can name, with what it means to the sender.
FLAGS: dict[str, str] = {
    # What the file did not say, and what was made of it.
    "display": "A display picture, not fluxes: similarity is indicative only, and there is no redshift.",
    "grey": "The picture has no colour: three equal channels, so that only shape and light are compared.",
    "uncalibrated": "The flux unit is unknown: similarity depends on the brightness and is indicative only.",
    "units_conflict": "The header names two calibrations that disagree: the one said in the report was used.",
    "band_system_assumed": "The file names no instrument: the nearest known set of bands was assumed.",
    "first_exposure": "The file holds several images of a band: one of them was taken.",
    "no_pixel_scale": "The pixel scale is unknown.",
    "scale_conflict": "The pixel scale that was given differs by more than 10 % from the header's.",
    "target_assumed": "No position was given: the galaxy in the middle is meant.",
    # What was done to the pixels.
    "mirrored": "The image was mirrored and has been flipped.",
    "turned": "The image was turned so that north is up.",
    "regridded": "The image was resampled onto another grid of pixels.",
    "anisotropic": "The pixels are not square.",
    "sky_subtracted": "The image stood on a pedestal of sky, which was subtracted.",
    # What is wrong with the pixels.
    "masked": "Some pixels of the central field are masked.",
    "noise_mismatch": "The noise plane does not fit the scatter of the pixels.",
    "negative": "The sky has far more negative than positive outliers: it was subtracted badly.",
    "saturated": "The brightest pixels are saturated: the core is not the galaxy's.",
    "trail": "A satellite trail or a similar line crosses one band.",
    "bands_shifted": "The galaxy lies at another place in some bands: their positions disagree.",
    "no_source": "Nothing significant stands in the middle of the image.",
    # What the model's contract had to bridge.
    "partial_field": "The image does not cover the model's whole field; the rest was left empty.",
    "band_missing": "A band is missing: what stands for it is no measurement.",
    "other_filters": "Filters of another survey stand in for the model's: colours differ by some per cent.",
    "scale_assumed": "The pixel scale is unknown and was assumed.",
    "upsampled": "The image is coarser than the model's pixels: detail that the model looks for is not in it.",
    "no_ebv": "E(B-V) is unknown or too large: Galactic dust was not corrected.",
    "ebv_sfd_lowres": "The dust correction comes from a map of about one degree resolution.",
    "high_extinction": "E(B-V) is above 0.5 mag: the dust correction is large and uncertain.",
    # How it compares with what the model was trained on.
    "colours_unlikely": "The colours are none of a galaxy in the catalogue: the bands may be in another order.",
    "brightness_unlikely": "The brightness is none of a galaxy in the catalogue: the unit may be another.",
    "size_unlikely": "The size is none of a galaxy in the catalogue: the pixel scale may be another.",
    "sharper_than_trained": "The image is much sharper than those the model was trained on.",
    "sky_unlikely": "The sky's level or noise is none that the model was trained on.",
    "out_of_domain": "It lies farther from its neighbours than nearly all of the catalogue's own galaxies.",
    "in_catalogue": "The catalogue holds this galaxy.",
}


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
        AB magnitude of one count; or one for each band, in the order of ``bands`` where they are said, else in
        that of the report.
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
    zeropoint: float | tuple[float, ...] | None = None
    pixel_scale_arcsec: float | None = None
    ra_deg: float | None = None
    dec_deg: float | None = None

    def __post_init__(self) -> None:
        if (self.ra_deg is None) != (self.dec_deg is None):
            raise ValueError("give both ra and dec, or neither")
        _check(self.hdu, "hdu", 0, 1000)
        if isinstance(self.zeropoint, (tuple, list)):
            # Lists come back from JSON.
            object.__setattr__(self, "zeropoint", tuple(float(value) for value in self.zeropoint))
        if len(self.zeropoints()) > _MAX_BANDS:
            raise ValueError(f"zeropoint has {len(self.zeropoints())} values; the limit is {_MAX_BANDS}")
        for value in self.zeropoints():
            _check(value, "zeropoint", -50, 80)
        _check(self.pixel_scale_arcsec, "pixscale", 1e-3, 100)
        _check(self.ra_deg, "ra", 0, 360)
        _check(self.dec_deg, "dec", -90, 90)

    def zeropoints(self) -> tuple[float, ...]:
        """Return the zero points as a tuple: none, one for all bands, or one for each."""
        if self.zeropoint is None:
            return ()
        return self.zeropoint if isinstance(self.zeropoint, tuple) else (self.zeropoint,)


def parse_zeropoints(text: str | None) -> tuple[float, ...] | None:
    """Read zero points as people write them: ``25`` or ``25.1, 25.3,24.9``; nothing is None.

    Raises
    ------
    ValueError
        If one is not a number.
    """
    if text is None or not text.strip():
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"[+-]?\d{1,3}(\.\d{0,12})?", part, re.ASCII) for part in parts):
        raise ValueError(
            "zeropoint is a number, or one for each band with commas between, like 25.1,25.3,24.9"
        )
    return tuple(float(part) for part in parts)


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
        (step, sentence) in the order they were decided; the steps are :data:`STEPS`.
    flags
        Named reservations, each once; :data:`FLAGS` says what they mean.
    factors
        Nanomaggies per count of each band in order, while a file is read; not part of the answer.
    hdus
        What each HDU is, by number of file and HDU, while a file is read; not part of the answer.
    """

    layout: str = ""
    steps: list[tuple[str, str]] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    factors: list[float] = field(default_factory=list)
    hdus: dict[tuple[int, int], str] = field(default_factory=dict)

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
