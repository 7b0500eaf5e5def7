"""How odd a galaxy is and why, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["DEFECT_WORDS", "oddity_text", "reason"]

_RARE: Final = 0.1
# Above it no other cause is worth a word.
_CLEAR: Final = 0.9
# What a tail that was extrapolated can tell.
_MOST: Final = 1_000_000

#: Defects as people say them.
DEFECT_WORDS: Final = {
    "missing_band": "a band is missing",
    "constant": "a band has one value throughout",
    "masked": "pixels are masked",
    "off_edge": "it leaves the image",
    "blank": "the image is blank",
    "saturated": "pixels are saturated",
    "trail": "a trail crosses it",
    "cosmic_rays": "cosmic rays hit it",
    "bad_sky": "the sky was not subtracted well",
}


def reason(
    oddity: str,
    cause: str | None,
    p_data_quality: float | None,
    p_blend: float | None,
    defects: Sequence[str],
) -> str:
    """Say how odd a galaxy is, and what explains it.

    Parameters
    ----------
    oddity
        :func:`oddity_text`.
    cause, p_data_quality, p_blend, defects
        Of the galaxy; None where its pixels were not looked at.
    """
    return f"{oddity}: {_why(cause, p_data_quality, p_blend, defects)}."


def oddity_text(p: float | None, percentile: float | None) -> str:
    """Say how odd a galaxy is.

    Parameters
    ----------
    p
        Its tail probability; None in a release of an earlier version.
    percentile
        Share of the release that is less odd, in per cent, which is said instead.
    """
    if p is not None:
        return (
            f"As odd as 1 normal galaxy in {_rounded(1 / p)}"
            if p < _RARE
            else f"As odd as {p:.0%} of normal galaxies"
        )
    if percentile is not None:
        # Never rounded to 100 %.
        return f"Odder than {min(percentile, 99.99):.4g} % of the release"
    return "Of unknown oddity"


def _rounded(times: float) -> str:
    """Write a large number with two digits that count: it is known no better."""
    if times >= _MOST:
        return f"more than {_MOST:,}"
    digits = max(0, len(str(int(times))) - 2)
    return f"{round(int(times), -digits):,}"


def _why(
    cause: str | None, p_data_quality: float | None, p_blend: float | None, defects: Sequence[str]
) -> str:
    found = ", ".join(DEFECT_WORDS.get(name, name.replace("_", " ")) for name in defects)
    if cause == "data_quality":
        return f"{found or 'the data look wrong'} ({p_data_quality or 0:.0%} data quality)"
    also = f", though {found}" if found else ""
    if cause == "blend":
        return f"a neighbour on the sky adds its light ({p_blend or 0:.0%} blend){also}"
    if cause == "astrophysical":
        likely = max(0.0, 1 - (p_data_quality or 0) - (p_blend or 0))
        if likely < _CLEAR:
            others = f"a neighbour {p_blend or 0:.0%}, the data {p_data_quality or 0:.0%}"
            return f"most likely the galaxy itself ({likely:.0%} astrophysical; {others}){also}"
        return f"neither the data nor a neighbour explains it ({likely:.0%} astrophysical){also}"
    return "its pixels were not looked at, so that the cause is unknown"
