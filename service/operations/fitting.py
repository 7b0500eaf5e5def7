"""Which release can answer for an uploaded cutout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from survey.bands import BandSet
from survey.contract import ContractViolation
from survey.cutout import Cutout
from survey.ingest import Understood

if TYPE_CHECKING:
    from service.resources import Resources
    from service.served import Served

__all__ = ["candidates", "choose"]

# Relative difference of pivot wavelengths. SDSS's ugriz and those of DES, Pan-STARRS, HSC, LSST, KiDS and VIKING lie
# within it of each other; HSC's y (978 nm) is 9 % from SDSS's z.
_NEAR = 0.05


def candidates(resources: Resources, survey: str | None, release: str | None) -> Iterator[Served]:
    """Yield the releases that may answer: the one named, or the survey's, or all, the default ones first.

    Raises
    ------
    UnknownSurvey, UnknownRelease, ReleaseMismatch
        If what was named is not served.
    """
    if release is not None:
        yield resources.choose(survey, release)
        return
    first = resources.default(survey)
    yield first
    others = [served for served in resources.releases.values() if served is not first]
    yield from (served for served in others if served.survey == first.survey)
    if survey is None:
        yield from (served for served in others if served.survey != first.survey)


def choose(candidates: Sequence[Served], understood: Understood) -> tuple[Served, Cutout]:
    """Take the first release with exactly the cutout's filters, else the first whose filters have near ones in it.

    Returns
    -------
    tuple
        The release, and the cutout with the bands of its model in order; the choice is said in the report.

    Raises
    ------
    ContractViolation
        ``upload.no_release`` or ``fits.band_missing``.
    """
    cutout, report = understood.cutout, understood.report
    of_kind = [served for served in candidates if served.model.contract.is_display == cutout.bands.is_display]
    for served in of_kind:
        wanted = served.model.contract.bands
        if set(wanted.ids) <= set(cutout.bands.ids):
            report.say("release", f"Answered by {served.block['id']}, whose model reads {_listed(wanted)}.")
            return served, cutout.select(wanted)
    for served in of_kind:
        wanted = served.model.contract.bands
        stand_in = _stand_ins(cutout.bands, wanted)
        if stand_in is not None:
            text = (
                f"Answered by {served.block['id']}, whose model reads {_listed(wanted)}; the file's "
                f"{_listed(stand_in)} stand in for them. Colours differ by some per cent between filter systems."
            )
            report.say("release", text, "other_filters")
            return served, replace(cutout.select(stand_in), bands=wanted)
    raise _no_release(candidates, of_kind, cutout)


def _stand_ins(have: BandSet, wanted: BandSet) -> BandSet | None:
    """For each wanted filter the nearest one in wavelength, if all are near and none serves twice."""
    if wanted.is_display:
        return None
    nearest = tuple(min(have, key=lambda band: abs(band.pivot_nm / want.pivot_nm - 1)) for want in wanted)
    near = all(
        abs(band.pivot_nm / want.pivot_nm - 1) <= _NEAR for band, want in zip(nearest, wanted, strict=True)
    )
    return BandSet(nearest) if near and len({band.id for band in nearest}) == len(wanted) else None


def _no_release(candidates: Sequence[Served], of_kind: Sequence[Served], cutout: Cutout) -> ContractViolation:
    if not of_kind:
        kind = "display images (PNG, JPEG)" if cutout.bands.is_display else "calibrated images (FITS)"
        reads = "; ".join(
            f"{served.block['id']} reads {_listed(served.model.contract.bands)}" for served in candidates[:4]
        )
        return ContractViolation("upload.no_release", f"No release that was asked reads {kind}: {reads}.")
    wanted = of_kind[0].model.contract.bands
    missing = [name for name in wanted.names if name not in cutout.bands.names]
    return ContractViolation(
        "fits.band_missing",
        f"Release {of_kind[0].block['id']} needs the bands {_listed(wanted)}; the upload has {_listed(cutout.bands)}. "
        f"Add {', '.join(missing) or 'them'}, or choose another release.",
    )


def _listed(bands: BandSet) -> str:
    return ", ".join(bands.ids)
