"""Redshifts of a batch of cutouts: one row for each member, in the order of the archive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from index.photoz_columns import degraded_bits
from service.cutout_inputs import Prepared
from service.operations.likeness import same_images_of_each
from service.operations.uploads import SAME_PLACE_ARCSEC
from service.operations.withheld import why_withheld

if TYPE_CHECKING:
    from index.estimates import Estimates
    from service.member_reply import Told
    from service.members import Member
    from service.operations.cutout_reading import Reader
    from service.served import Served

__all__ = ["Answered", "answered", "estimated"]


@dataclass(slots=True, eq=False)
class Answered:
    """One member's row.

    Attributes
    ----------
    name
        As the archive writes it.
    code, message
        Why there is no redshift; empty where there is one.
    flags
        Reservations of the reader, the contract and the domain, as of a single upload.
    object_id
        The catalogue's galaxy that the image shows; None for any other.
    """

    name: str
    code: str = ""
    message: str = ""
    flags: list[str] = field(default_factory=list)
    object_id: str | None = None


def estimated(reader: Reader, members: Iterable[Member]) -> Iterator[tuple[list[Answered], Estimates | None]]:
    """Yield the rows of a batch, a group at a time, with the estimates of those that have no refusal.

    Parameters
    ----------
    reader
        Its release answers.

    Yields
    ------
    tuple
        Rows, and estimates of the rows without a ``code``, in their order; None where there are none.

    Raises
    ------
    Busy
        If the sandbox's queue is full.
    """
    for told in reader.read(members):
        yield answered(reader.served, told)


def answered(served: Served, told: list[tuple[Member, Told]]) -> tuple[list[Answered], Estimates | None]:
    """Embed and estimate the members that were read, all in one call of each network."""
    rows = _judged(served, told)
    ready = [n for n, row in enumerate(rows) if not row.code]
    found = {n: one for n, (_, one) in enumerate(told) if isinstance(one, Prepared)}
    if not ready:
        return rows, None
    inputs = np.stack([found[n].input for n in ready])
    vectors = served.encoder.encode(inputs)
    norms = np.linalg.norm(vectors, axis=1)
    is_unit = np.isfinite(vectors).all(axis=1) & (np.abs(norms - 1) < 1e-3)
    if not is_unit.all():
        for n in np.asarray(ready)[~is_unit].tolist():
            rows[n].code, rows[n].message = (
                "fits.values",
                "The image has no contrast that the model can use: it is blank or overflows.",
            )
        ready = [n for n, good in zip(ready, is_unit.tolist(), strict=True) if good]
        inputs, vectors = inputs[is_unit], vectors[is_unit]
        if not ready:
            return rows, None
    vectors = served.release.project(vectors)
    without = [
        _own(served, rows[n], found[n], alike)
        for n, alike in zip(
            ready, same_images_of_each(served.release.searched, vectors, served.release.alive), strict=True
        )
    ]
    bits = np.array([degraded_bits(rows[n].flags) for n in ready], dtype=np.int32)
    estimates = served.release.photoz.estimate_images(inputs, vectors, without=without, flags=bits)
    return rows, estimates


def _judged(served: Served, told: list[tuple[Member, Told]]) -> list[Answered]:
    """Say what speaks against each redshift before any network looks at an image."""
    prepared = [one for _, one in told if isinstance(one, Prepared)]
    domain = served.release.domain
    reserved = iter([] if domain is None else domain.names_of_each([one.measures for one in prepared]))
    return [
        _judged_one(served, member, one, next(reserved, []))
        if isinstance(one, Prepared)
        else Answered(member.name, one.code, str(one))
        for member, one in told
    ]


def _judged_one(served: Served, member: Member, told: Prepared, reserved: list[str]) -> Answered:
    is_whole = bool(told.measures.present.all()) or served.release.domain is None
    flags = list(dict.fromkeys([*told.flags, *([] if is_whole else ["band_missing"]), *reserved]))
    reason = why_withheld(
        served,
        flags,
        is_display=False,
        is_calibrated=told.is_calibrated,
        is_measured=bool(told.measures.present.any()),
    )
    if reason is not None:
        return Answered(member.name, "photoz.withheld", reason, flags)
    return Answered(member.name, flags=flags)


def _own(served: Served, row: Answered, told: Prepared, alike: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows whose spectra are the image's own: at its place, or of the very same pixels, with siblings."""
    own = alike.tolist()
    if told.ra_deg is not None and told.dec_deg is not None:
        nearest = served.sky.nearest(told.ra_deg, told.dec_deg)
        if nearest is not None and nearest[1] * 3600 <= SAME_PLACE_ARCSEC:
            own = [nearest[0], *own]
    if not own:
        return np.empty(0, dtype=np.int64)
    row.object_id = served.release.columns.ids[own[0]]
    row.flags.append("in_catalogue")
    return served.release.spectroscopic.same_galaxies(own)
