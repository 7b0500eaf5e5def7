"""The fields of the upload form: what the sender says, what was only understood, what must be mended."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from service.operations.refusals import InvalidFilter
from service.sandbox import MAX_FILES
from survey.ingest import CutoutRejected, Overrides, parse_zeropoints

if TYPE_CHECKING:
    from service.resources import Resources
    from survey.cutout import Cutout

__all__ = [
    "FIELDS",
    "Form",
    "Rights",
    "fields_to_mend",
    "form_of",
    "limits",
    "number",
    "overrides_of",
    "said",
]

#: What whoever asks may do: nothing without a key, send files, or also have them kept.
Rights = Literal["none", "send", "keep"]

#: Name in the form and in the API → label.
FIELDS = {
    "bands": "Bands, in order",
    "hdu": "HDU, from 0",
    "zeropoint": "Zero point, AB mag of one count",
    "pixscale": "Pixel scale, arcsec",
    "ra": "RA of the galaxy, deg",
    "dec": "Dec, deg",
    "survey": "Search in",
}

# A field is shown filled with what was understood, and a hidden companion of this prefix repeats it. Where the two
# agree the sender has said nothing: sending a rounded position back would move the target.
_WAS = "was_"

# Refusals whose sentence names no field, but whose remedy is one.
_OF_CODE = {
    "fits.band_unknown": ("bands",),
    "fits.band_repeated": ("bands",),
    "fits.no_image": ("hdu",),
    "fits.no_wcs": ("pixscale",),
    "fits.outside": ("ra", "dec"),
    "fits.scale": ("pixscale",),
    "fits.zeropoint": ("zeropoint",),
    "survey.not_found": ("survey",),
}
_NAMED = re.compile(rf"\b({'|'.join(FIELDS)})\b(?=`?=| must | is | has )", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Form:
    """What the form shows.

    Attributes
    ----------
    values
        Text in each field.
    understood
        What was understood where the sender said nothing; equal to the field's value as long as it is not edited.
    mend
        Fields that a refusal asks for, the first one to be looked at first.
    hints
        Fields that a reservation asks about: an answer is possible, a better one with them.
    is_open
        Whether the fields are shown at once.
    keep
        Whether the upload is to be kept.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    understood: Mapping[str, str] = field(default_factory=dict)
    mend: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    is_open: bool = False
    keep: bool = False


def limits(resources: Resources) -> dict[str, int]:
    """Return how much one upload may hold: ``files``, and ``bytes`` of the whole form."""
    return {"files": MAX_FILES, "bytes": resources.settings.upload_max_bytes}


def said(fields: Mapping[str, str]) -> dict[str, str]:
    """Return what the sender says: fields with a text that is not what was understood before."""
    given = {name: fields.get(name, "").strip() for name in FIELDS}
    return {
        name: text for name, text in given.items() if text and text != fields.get(f"{_WAS}{name}", "").strip()
    }


def overrides_of(words: Mapping[str, str]) -> Overrides:
    """Read the fields that overrule a file.

    Raises
    ------
    InvalidFilter, CutoutRejected
        If one cannot be used; the message names the field.
    """
    hdu = number(words.get("hdu", ""), "hdu", 0, 1000)
    if hdu is not None and hdu != int(hdu):
        raise InvalidFilter("hdu must be a whole number from 0 to 1000.")
    if words.get("ra") and not words.get("dec"):
        raise InvalidFilter("dec must be given with ra.")
    if words.get("dec") and not words.get("ra"):
        raise InvalidFilter("ra must be given with dec.")
    try:
        return Overrides(
            bands=words.get("bands") or None,
            hdu=None if hdu is None else int(hdu),
            zeropoint=parse_zeropoints(re.sub(r"[,;\s]+", ",", words.get("zeropoint", "").strip())),
            pixel_scale_arcsec=number(words.get("pixscale", ""), "pixscale", 1e-3, 100),
            ra_deg=number(words.get("ra", ""), "ra", 0, 360),
            dec_deg=number(words.get("dec", ""), "dec", -90, 90),
        )
    except ValueError as error:
        raise CutoutRejected("request.invalid", f"{str(error).capitalize()}.") from error


def number(text: str, name: str, low: float, high: float) -> float | None:
    """Read a form field; an empty one is None.

    Raises
    ------
    InvalidFilter
        If it is no number of the range.
    """
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise InvalidFilter(f"{name} must be a number from {low:g} to {high:g}.")
    return value


def fields_to_mend(code: str, detail: str) -> tuple[str, ...]:
    """Return the fields that a refusal asks for: those its sentence names, else those of its code."""
    named = tuple(dict.fromkeys(name.lower() for name in _NAMED.findall(detail)))
    return named or _OF_CODE.get(code, ())


def form_of(
    fields: Mapping[str, str],
    *,
    cutout: Cutout | None = None,
    survey: str | None = None,
    mend: tuple[str, ...] = (),
    hints: tuple[str, ...] = (),
) -> Form:
    """Return the form as it comes back: what the sender said stays, the rest is filled with what was understood.

    Parameters
    ----------
    fields
        As they were sent.
    cutout
        As the file was read; without one (the reader refused) the fields stay as they were.
    survey
        The one that answered.
    mend, hints
        Fields that a refusal asks for, and those that a reservation asks about.
    """
    words, keep = said(fields), bool(fields.get("keep"))
    if cutout is None:
        values = {name: fields.get(name, "") for name in FIELDS}
        before = {name: fields.get(f"{_WAS}{name}", "") for name in FIELDS}
        return Form(values, before, mend, hints, is_open=True, keep=keep)
    understood = {
        "bands": _bands_of(cutout),
        "pixscale": "" if cutout.pixel_scale_arcsec is None else f"{cutout.pixel_scale_arcsec:.4g}",
        "ra": "" if cutout.ra_deg is None else f"{cutout.ra_deg:.6f}",
        "dec": "" if cutout.dec_deg is None else f"{cutout.dec_deg:+.6f}",
        "survey": survey or "",
    }
    unsaid = {name: text for name, text in understood.items() if name not in words}
    return Form({**unsaid, **words}, unsaid, mend, hints, is_open=True, keep=keep)


def _bands_of(cutout: Cutout) -> str:
    """Name the planes as `bands=` would, in the order in which they were sent."""
    return (
        "" if cutout.bands.is_display else cutout.provenance.get("bands_as_sent", ",".join(cutout.bands.ids))
    )
