"""Which release can answer for an uploaded cutout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from survey.bands import Band, BandSet
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

# The same where bands are missing: a made-up band is a worse one than a neighbouring filter's. HST's F814W (805 nm) lies
# 7 % from SDSS's i and 10 % from its z; VISTA's J (1254 nm) is too far from either.
_STAND_IN = 0.15


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

    Where no release has that, the one that most of the cutout's filters can serve takes it: the bands that are still
    missing come without a usable pixel, for the release's domain to make up (:meth:`index.domain.Domain.fill`).

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
    gapped = _with_gaps(of_kind, understood)
    if gapped is None:
        raise _no_release(candidates, of_kind, cutout)
    return gapped


def _with_gaps(of_kind: Sequence[Served], understood: Understood) -> tuple[Served, Cutout] | None:
    """Take the release that can use most of the bands, if it can make up the others."""
    cutout = understood.cutout
    able = [served for served in of_kind if served.release.domain is not None]
    found = [(served, _pairs(cutout.bands, served.model.contract.bands)) for served in able]
    served, pairs = max(found, key=lambda one: len(one[1]), default=(None, {}))
    if served is None or not pairs:
        return None
    wanted = served.model.contract.bands
    used = BandSet(tuple(pairs[want.id] for want in wanted if want.id in pairs))
    text = f"Answered by {served.block['id']}, whose model reads {_listed(wanted)}; of the file's bands it uses {_listed(used)}"
    is_other = any(band.id != want for want, band in pairs.items())
    if is_other:
        places = "; ".join(f"{band.id} for {want}" for want, band in pairs.items() if band.id != want)
        text += f" ({places}). Colours differ by some per cent between filter systems"
    understood.report.say("release", f"{text}.", "other_filters" if is_other else None)
    return served, _gapped(cutout, wanted, pairs)


def _pairs(have: BandSet, wanted: BandSet) -> dict[str, Band]:
    """Give each wanted band, by id and in order, the sent one that may serve as it; the nearest pairs are made first."""
    if wanted.is_display or have.is_display:
        return {}
    distances = sorted(
        (abs(band.pivot_nm / want.pivot_nm - 1), n, m)
        for n, want in enumerate(wanted)
        for m, band in enumerate(have)
    )
    pairs: dict[int, Band] = {}
    used: set[int] = set()
    for distance, n, m in distances:
        if distance <= _STAND_IN and n not in pairs and m not in used:
            pairs[n] = have.bands[m]
            used.add(m)
    return {want.id: pairs[n] for n, want in enumerate(wanted) if n in pairs}


def _gapped(cutout: Cutout, wanted: BandSet, pairs: dict[str, Band]) -> Cutout:
    """Return the cutout in the wanted bands; one that has no pair is masked and has no value."""
    shape = (len(wanted), *cutout.shape)
    flux = np.full(shape, np.nan, dtype=np.float32)
    mask = np.ones(shape, dtype=np.bool_)
    ivar = None if cutout.ivar is None else np.zeros(shape, dtype=np.float32)
    for plane, want in enumerate(wanted):
        if want.id in pairs:
            sent = cutout.bands.ids.index(pairs[want.id].id)
            flux[plane] = cutout.flux[sent]
            mask[plane] = False if cutout.mask is None else cutout.mask[sent]
            if ivar is not None and cutout.ivar is not None:
                ivar[plane] = cutout.ivar[sent]
    is_calibrated = cutout.is_calibrated_in(BandSet(tuple(pairs.values())))
    return replace(cutout, flux=flux, bands=wanted, ivar=ivar, mask=mask, is_calibrated=is_calibrated)


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
