"""What was understood of an upload, as a page shows it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any, NamedTuple

from survey.ingest import FLAGS, STEPS

__all__ = ["Flag", "Measured", "understood"]

_TITLES = {
    "container": "File",
    "layout": "Layout",
    "bands": "Bands",
    "units": "Fluxes",
    "wcs": "Sky coordinates",
    "target": "Target",
    "grid": "Pixel grid",
    "masks": "Masks, noise",
    "sanity": "Sanity",
    "release": "Answered by",
    "contract": "Model's input",
    "domain": "Compared",
    "search": "Search",
}

# What was merely done to the pixels is said quietly; after these an answer may be wrong.
_GRAVE = frozenset({
    "out_of_domain", "colours_unlikely", "brightness_unlikely", "size_unlikely", "no_source", "scale_conflict",
    "units_conflict", "uncalibrated", "display", "band_missing", "saturated",
})  # fmt: skip
_CALM = frozenset({
    "mirrored", "turned", "regridded", "sky_subtracted", "in_catalogue", "first_exposure", "ebv_sfd_lowres",
})  # fmt: skip


_MEASURES = {
    "magnitude": "Central magnitude",
    "brightness": "Mean of them",
    "colours": "Distance from the nearest colours",
    "noise": "Noise of the sky",
    "sky": "Level of the sky",
    "r50": "Half-light radius",
    "concentration": "Concentration",
    "core_fwhm": "Width of the core",
    "snr": "Signal to noise",
}
_UNITS = {"sigma": "σ", "arcsec": "″", "catalogue": "× the usual"}


class Flag(NamedTuple):
    """A reservation: its name, what it means, how it is drawn."""

    name: str
    meaning: str
    kind: str


class Measured(NamedTuple):
    """A measurement in words: what, how much, what is usual, the share of galaxies with less, whether it is unlikely."""

    name: str
    value: str
    usual: str
    percentile: str
    is_unlikely: bool


def understood(ingest: Mapping[str, Any], domain: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the table, the flags and the measurements of an ingest report.

    Parameters
    ----------
    ingest
        As in an answer: ``layout``, ``steps``, ``flags``.
    domain
        The comparison with the catalogue where the release can make one: ``k``, ``percentile``, ``limit``, ``measures``.
    """
    order = {step: place for place, step in enumerate(STEPS)}
    steps = sorted(ingest["steps"], key=lambda step: order.get(step["step"], len(order)))
    # A sentence that stands beside its flag is not said twice.
    meanings = {FLAGS.get(name) for name in ingest["flags"]}
    listed = [step for step in steps if step["text"] not in meanings]
    rows = [
        (_TITLES.get(name, name), [step["text"] for step in group])
        for name, group in groupby(listed, key=lambda step: step["step"])
    ]
    flags = [Flag(name, FLAGS.get(name, ""), _kind(name)) for name in ingest["flags"]]
    return {
        "rows": rows,
        "flags": sorted(flags, key=lambda flag: ("bad", "warm", "").index(flag.kind)),
        "measured": _measured(domain),
        "outside": _outside(ingest["flags"], domain),
    }


def _kind(name: str) -> str:
    return "bad" if name in _GRAVE else "" if name in _CALM else "warm"


def _measured(domain: Mapping[str, Any] | None) -> list[Measured]:
    """Return the measurements beside those of the catalogue's galaxies."""
    return [
        Measured(
            f"{_MEASURES.get(one['name'], one['name'])}{', ' + one['band'] if one['band'] else ''}",
            _number(one["value"], one["unit"]),
            _range(one["low"], one["high"]),
            "" if one["percentile"] is None else f"{one['percentile']:.1f} %",
            bool(one["is_unlikely"]),
        )
        for one in (domain or {}).get("measures") or ()
        if one["value"] is not None
    ]


def _number(value: float, unit: str = "") -> str:
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    # Adding zero makes zero of minus zero.
    shown = f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "\N{MINUS SIGN}")
    return f"{shown} {_UNITS.get(unit, unit)}".strip()


def _range(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    if low is None:
        return f"up to {_number(high or 0.0)}"
    return f"from {_number(low)}" if high is None else f"{_number(low)} to {_number(high)}"


def _outside(flags: list[str], domain: Mapping[str, Any] | None) -> str:
    """Say that the model knows nothing like it, with how far out it lies; empty where it is not so."""
    if "out_of_domain" not in flags:
        return ""
    percentile = (domain or {}).get("percentile")
    how = "" if percentile is None else f" ({percentile:.1f} % of them lie nearer to theirs)"
    return f"{FLAGS['out_of_domain'].rstrip('.')}{how}: take its neighbours, redshift and anomaly score with care."
