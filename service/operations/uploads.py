"""From the bytes of an upload to neighbours, a redshift and an anomaly score, with an account of the way."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from index.reservations import Reading
from service.operations import anomalies, neighbours
from service.operations.domain import (
    OUT_OF_DOMAIN_PERCENTILE,
    compare,
    domain_block,
    fill_missing,
)
from service.operations.estimate_columns import Shown
from service.operations.finding import Wanted
from service.operations.fitting import candidates, choose
from service.operations.likeness import as_catalogued, same_images
from service.operations.maps import placed
from service.operations.withheld import redshift, why_no_redshift
from survey.bands import BandMismatch
from survey.contract import Calibrated, ContractViolation
from survey.ingest import FLAGS, CutoutRejected, Understood
from survey.inspection import inspect

if TYPE_CHECKING:
    from service.resources import Resources
    from service.served import Served
    from survey.cutout import Cutout

__all__ = ["Prepared", "answer", "embed", "prepare", "recognised"]

#: Nearer than this to a catalogued object, an upload is taken to show it.
SAME_PLACE_ARCSEC = 2.0


@dataclass(frozen=True, eq=False)
class Prepared:
    """A cutout brought to what one release's model was trained on.

    Attributes
    ----------
    served
        The release that will answer.
    understood
        The cutout as calibrated, with the whole report.
    calibrated
        The model's field; bands that were missing are made up where the release can.
    readings
        Its measurements beside the catalogue's; empty where the release has none.
    unfilled
        The field before bands were made up, which is how the catalogue's galaxies are stored; None where none were.
    """

    served: Served
    understood: Understood
    calibrated: Calibrated
    readings: tuple[Reading, ...] = ()
    unfilled: Calibrated | None = None

    def to_json(self, alike: NDArray[np.int64] | None = None) -> dict[str, Any]:
        """Return the members of an answer that need no search.

        Parameters
        ----------
        alike
            Rows that a search found to be this very image; None before one.
        """
        cutout = self.understood.cutout
        object_id, separation_arcsec = self._catalogued(alike)
        return {
            "release": self.served.block,
            "query": {
                "kind": "upload",
                "bands": self._bands_with_pixels(),
                "shape": list(cutout.shape),
                "ra_deg": cutout.ra_deg,
                "dec_deg": cutout.dec_deg,
                "pixel_scale_arcsec": cutout.pixel_scale_arcsec,
                "is_calibrated": cutout.is_calibrated and not cutout.bands.is_display,
                "object_id": object_id,
                "match_separation_arcsec": separation_arcsec,
                "upload_id": None,
            },
            "ingest": self.understood.report.to_json(),
            "domain": domain_block(self.served.release, self.readings, None),
        }

    @cached_property
    def row_here(self) -> tuple[int, float] | None:
        """The release's row at the upload's place with its separation in degrees; it may be the same galaxy."""
        cutout = self.understood.cutout
        if cutout.ra_deg is None or cutout.dec_deg is None:
            return None
        nearest = self.served.sky.nearest(cutout.ra_deg, cutout.dec_deg)
        return None if nearest is None or nearest[1] * 3600 > SAME_PLACE_ARCSEC else nearest

    def _bands_with_pixels(self) -> list[str]:
        names = self.understood.cutout.bands.ids
        return [name for name, plane in zip(names, self.calibrated.known, strict=True) if plane.any()]

    def _catalogued(self, alike: NDArray[np.int64] | None) -> tuple[str | None, float | None]:
        """Name the catalogue's object that the upload shows, and say so."""
        ids, here = self.served.release.columns.ids, self.row_here
        if here is not None:
            object_id, separation = ids[here[0]], round(here[1] * 3600, 4)
            text = f"The catalogue's object {object_id} lies {separation:.2f} arcsec away"
        elif alike is not None and len(alike):
            object_id, separation = ids[alike[0]], None
            text = f"The image is that of the catalogue's object {object_id}"
        else:
            return None, None
        what = "it stays among the neighbours, but neither it nor any other image of the same galaxy counts for the redshift and the anomaly score"
        self.understood.report.say("search", f"{text}: {what}.", "in_catalogue")
        return object_id, separation


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
        served, cutout = choose(list(candidates(resources, survey, release)), understood)
        calibrated = _calibrate(served, cutout)
    except (ContractViolation, BandMismatch, CutoutRejected) as refusal:
        # What was understood so far is what the sender needs to mend the file.
        refusal.facts = {"ingest": report.to_json()}  # type: ignore[union-attr]
        raise
    if cutout.is_calibrated and "uncalibrated" in report.flags:
        report.say("release", "The bands of unknown unit are not used.")
        report.flags.remove("uncalibrated")
    domain = served.release.domain
    measures = None if domain is None else domain.measure(calibrated.field, calibrated.known)
    for note in calibrated.notes:
        report.say("contract", note)
    sent = calibrated
    if "band_missing" in calibrated.flags or (measures is not None and not measures.present.all()):
        calibrated = fill_missing(domain, measures, calibrated, report)
    for flag in calibrated.flags:
        if flag not in report.flags:
            report.say("contract", FLAGS.get(flag, f"Flag: {flag}."), flag)
    readings = compare(domain, measures, report)
    unfilled = None if calibrated.field is sent.field else sent
    return Prepared(served, Understood(cutout, report), calibrated, readings, unfilled)


def answer(prepared: Prepared, k: int, shown: Shown | None = None) -> dict[str, Any]:
    """Embed a prepared cutout and find its neighbours, its redshift, its anomaly score.

    Parameters
    ----------
    shown
        How much of p(z) is answered; its density on the grid when None.
    """
    served, report = prepared.served, prepared.understood.report
    vector, alike = recognised(prepared)
    found = neighbours.by_vector(served, vector, Wanted(k))
    own = [*alike.tolist(), *([] if prepared.row_here is None else [prepared.row_here[0]])]
    # Its own spectrum would be the answer, and its own image its nearest neighbour.
    without = served.release.spectroscopic.same_galaxies(own) if own else None
    anomaly = anomalies.of_vector(
        served,
        vector,
        inspection=inspect(prepared.understood.cutout),
        readings=prepared.readings,
        without=without,
    )
    domain = domain_block(served.release, prepared.readings, anomaly["nearest"])
    if domain["percentile"] is not None and domain["percentile"] >= OUT_OF_DOMAIN_PERCENTILE:
        text = (
            f"Its {domain['k']}th neighbour is farther than that of {domain['percentile']:.2f} % of the catalogue's own "
            f"galaxies (limit {OUT_OF_DOMAIN_PERCENTILE} %): unlike anything indexed, or not a galaxy of these bands and "
            "scale."
        )
        report.say("search", text, "out_of_domain")
    reason = why_no_redshift(prepared)
    return {
        **prepared.to_json(alike),
        "domain": domain,
        "search": found.search,
        "hits": neighbours.hits(served, found),
        "photoz": None if reason else redshift(prepared, vector, without, shown or Shown("grid")),
        "photoz_unavailable": reason,
        "anomaly": anomaly,
        "map": placed(served.release, vector),
    }


def recognised(prepared: Prepared) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the embedding that answers, and the rows that are this very image.

    A galaxy of the catalogue that lacks a band is stored without it: its image is answered as it is stored.
    """
    served = prepared.served
    if prepared.unfilled is not None:
        vector = _embedded(served, prepared.unfilled)
        alike = _alike(served, vector) if _is_unit(vector) else np.empty(0, np.int64)
        if len(alike):
            text = "The catalogue holds this image, without that band: it is answered as it is stored, with nothing made up."
            prepared.understood.report.say("search", text)
            return as_catalogued(served.release.store, vector, alike), alike
    vector = embed(prepared)
    alike = _alike(served, vector)
    return as_catalogued(served.release.store, vector, alike), alike


def _alike(served: Served, vector: NDArray[np.float32]) -> NDArray[np.int64]:
    return same_images(served.release.searched, vector, served.release.alive)


def embed(prepared: Prepared) -> NDArray[np.float32]:
    """Return the embedding of a prepared cutout, shape (D,), unit norm.

    Raises
    ------
    CutoutRejected
        ``fits.values`` if the network gives no finite unit vector.
    """
    vector = _embedded(prepared.served, prepared.calibrated)
    if not _is_unit(vector):
        raise CutoutRejected(
            "fits.values", "The image has no contrast that the model can use: it is blank or overflows."
        )
    return vector


def _embedded(served: Served, calibrated: Calibrated) -> NDArray[np.float32]:
    """Return the vector that is searched; what is no unit vector comes back as the network gave it."""
    vector: NDArray[np.float32] = served.encoder.embed_fields(calibrated.field[None])[0]
    return served.release.as_stored(vector[None])[0] if _is_unit(vector) else vector


def _is_unit(vector: NDArray[np.float32]) -> bool:
    return bool(np.isfinite(vector).all()) and abs(float(np.linalg.norm(vector)) - 1) < 1e-3


def _calibrate(served: Served, cutout: Cutout) -> Calibrated:
    calibrated = served.model.contract.calibrate(cutout)
    if not np.isfinite(calibrated.field).all():
        raise CutoutRejected(
            "fits.values", "The image's values overflow. Check BSCALE, BZERO and the zero point."
        )
    return calibrated
