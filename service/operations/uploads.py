"""From the bytes of an upload to neighbours, a redshift and an anomaly score, with an account of the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from service.operations import anomalies, neighbours, photoz
from service.operations.neighbours import Filters
from survey.bands import BandMismatch
from survey.contract import Calibrated, ContractViolation
from survey.dust import ebv_sfd_lowres
from survey.ingest import CutoutRejected, Understood

if TYPE_CHECKING:
    from service.resources import Resources
    from service.served import Served
    from survey.bands import BandSet
    from survey.cutout import Cutout

__all__ = ["OUT_OF_DOMAIN_PERCENTILE", "Prepared", "answer", "prepare"]

#: Farther from its neighbours than this share of the catalogue's own galaxies, in per cent.
OUT_OF_DOMAIN_PERCENTILE = 99.5


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A cutout brought to what one release's model was trained on.

    Attributes
    ----------
    served
        The release that will answer.
    understood
        The cutout as calibrated, with the whole report.
    calibrated
        The model's field.
    """

    served: Served
    understood: Understood
    calibrated: Calibrated

    def to_json(self) -> dict[str, Any]:
        """Return the members of an answer that need no search."""
        cutout = self.understood.cutout
        return {
            "release": self.served.block,
            "query": {
                "kind": "upload",
                "bands": list(cutout.bands.ids),
                "shape": list(cutout.shape),
                "ra_deg": cutout.ra_deg,
                "dec_deg": cutout.dec_deg,
                "pixel_scale_arcsec": cutout.pixel_scale_arcsec,
                "is_calibrated": cutout.is_calibrated and not cutout.bands.is_display,
            },
            "ingest": self.understood.report.to_json(),
        }


def prepare(
    resources: Resources, understood: Understood, *, survey: str | None, release: str | None
) -> Prepared:
    """Choose the release whose contract the cutout fits, and calibrate the cutout for it.

    Parameters
    ----------
    survey, release
        As named by the sender; without them every release is considered, the default survey's first.

    Raises
    ------
    ContractViolation, BandMismatch, CutoutRejected
        If no release fits, or the cutout cannot be brought to the contract; ``facts`` then holds the report.
    """
    report = understood.report
    try:
        served, cutout = _choose(list(_candidates(resources, survey, release)), understood)
        cutout = _with_dust(cutout, understood)
        calibrated = _calibrate(served, cutout)
    except (ContractViolation, BandMismatch, CutoutRejected) as refusal:
        # What was understood so far is what the sender needs to mend the file.
        refusal.facts = {"ingest": report.to_json()}  # type: ignore[union-attr]
        raise
    for note in calibrated.notes:
        report.say("contract", note)
    for flag in calibrated.flags:
        report.say("contract", _FLAGS.get(flag, f"Flag: {flag}."), flag)
    return Prepared(served, Understood(cutout, report), calibrated)


def answer(prepared: Prepared, k: int) -> dict[str, Any]:
    """Embed a prepared cutout and find its neighbours, its redshift, its anomaly score."""
    served, report = prepared.served, prepared.understood.report
    vector = embed(prepared)
    found = neighbours.by_vector(served, vector, k, Filters())
    anomaly = anomalies.of_vector(served, vector)
    if anomaly["percentile"] >= OUT_OF_DOMAIN_PERCENTILE:
        text = (
            f"It lies farther from its neighbours than {anomaly['percentile']:.1f} % of the catalogue's own galaxies: "
            "unlike anything indexed, or not a galaxy of these bands and scale."
        )
        report.say("search", text, "out_of_domain")
    reason = _why_no_redshift(prepared)
    return {
        **prepared.to_json(),
        "search": found.search,
        "hits": neighbours.hits(served, found),
        "photoz": None if reason else photoz.of_vector(served, vector),
        "photoz_unavailable": reason,
        "anomaly": anomaly,
    }


def embed(prepared: Prepared) -> NDArray[np.float32]:
    """Return the embedding of a prepared cutout, shape (D,), unit norm.

    Raises
    ------
    CutoutRejected
        ``fits.values`` if the network gives no finite unit vector.
    """
    vector: NDArray[np.float32] = prepared.served.encoder.embed_fields(prepared.calibrated.field[None])[0]
    if not (np.isfinite(vector).all() and abs(float(np.linalg.norm(vector)) - 1) < 1e-3):
        raise CutoutRejected(
            "fits.values", "The image has no contrast that the model can use: it is blank or overflows."
        )
    return vector


def _calibrate(served: Served, cutout: Cutout) -> Calibrated:
    calibrated = served.model.contract.calibrate(cutout)
    if not np.isfinite(calibrated.field).all():
        raise CutoutRejected(
            "fits.values", "The image's values overflow. Check BSCALE, BZERO and the zero point."
        )
    return calibrated


def _candidates(resources: Resources, survey: str | None, release: str | None) -> Iterator[Served]:
    if release is not None:
        yield resources.choose(survey, release)
        return
    first = resources.default(survey)
    yield first
    others = [served for served in resources.releases.values() if served is not first]
    yield from (served for served in others if served.survey == first.survey)
    if survey is None:
        yield from (served for served in others if served.survey != first.survey)


def _choose(candidates: Sequence[Served], understood: Understood) -> tuple[Served, Cutout]:
    """Take the first release with exactly the cutout's filters, else the first with filters of the same names."""
    cutout, report = understood.cutout, understood.report
    of_kind = [served for served in candidates if served.model.contract.is_display == cutout.bands.is_display]
    for served in of_kind:
        wanted = served.model.contract.bands
        if set(wanted.ids) <= set(cutout.bands.ids):
            report.say("release", f"Answered by {served.block['id']}, whose model reads {_listed(wanted)}.")
            return served, cutout.select(wanted)
    for served in of_kind:
        wanted = served.model.contract.bands
        stand_in = _same_names(cutout.bands, wanted)
        if stand_in is not None:
            text = (
                f"Answered by {served.block['id']}, whose model reads {_listed(wanted)}; the file's "
                f"{_listed(stand_in)} stand in for them. Colours differ by some per cent between filter systems."
            )
            report.say("release", text, "other_filters")
            return served, replace(cutout.select(stand_in), bands=wanted)
    raise _no_release(candidates, of_kind, cutout)


def _same_names(have: BandSet, wanted: BandSet) -> BandSet | None:
    named = {band.name: band for band in have}
    if len(named) < len(have) or any(name not in named for name in wanted.names):
        return None
    return type(have)(tuple(named[name] for name in wanted.names))


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


def _with_dust(cutout: Cutout, understood: Understood) -> Cutout:
    if cutout.bands.is_display or cutout.ebv is not None or cutout.ra_deg is None or cutout.dec_deg is None:
        return cutout
    ebv = float(ebv_sfd_lowres(np.array([cutout.ra_deg]), np.array([cutout.dec_deg]))[0])
    if not np.isfinite(ebv):
        return cutout
    understood.report.say(
        "units", f"E(B-V) = {ebv:.3f} mag at this position from the low-resolution SFD map."
    )
    return replace(cutout, ebv=max(0.0, ebv))


def _why_no_redshift(prepared: Prepared) -> str | None:
    cutout = prepared.understood.cutout
    if cutout.bands.is_display:
        return "A display image carries no calibrated fluxes. Send FITS for a redshift."
    if not cutout.is_calibrated:
        return "The flux unit is unknown. Give `zeropoint=` (AB magnitude of one count) for a redshift."
    return prepared.served.release.photoz.unavailable


def _listed(bands: BandSet) -> str:
    return ", ".join(bands.ids)


_FLAGS = {
    "partial_field": "The image does not cover the model's whole field; the rest was left empty.",
    "uncalibrated": "The flux unit is unknown: similarity depends on the brightness and is indicative only.",
    "no_ebv": "No position and no E(B-V): Galactic dust was not corrected.",
    "scale_assumed": "The pixel scale is unknown and was assumed.",
    "masked": "Some pixels of the central field are masked.",
}
