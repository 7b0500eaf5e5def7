"""Redshift estimates of one object, of an embedding, of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from index.photoz_columns import flag_names
from service.operations.neighbours import match
from service.operations.refusals import BatchTooLarge, NoMatch, NoRedshift, ObjectNotFound, ObjectNotIndexed
from service.served import Served

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from index.estimates import Estimates
    from index.photoz import KernelPhotoZ

__all__ = ["Wanted", "batch", "checked", "of_row", "of_vector"]

_NUMBERS = ("z_best", "z_mode", "z_mean", "z_median", "z_l68", "z_u68", "z_l95", "z_u95", "z_odds")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One row of a batch: an id, or a position to be matched, or neither.

    Attributes
    ----------
    object_id
        Taken first when given.
    """

    object_id: str | None = None
    ra_deg: float | None = None
    dec_deg: float | None = None


def of_row(served: Served, row: int) -> dict[str, Any]:
    """Estimate a stored object's redshift without looking at its own.

    Raises
    ------
    NoRedshift
        If the release cannot estimate redshifts; the message is the reason.
    """
    return _block(served, checked(served).estimate_rows([row]), 0)


def of_vector(
    served: Served, vector: NDArray[np.float32], *, without: NDArray[np.int64] | None = None
) -> dict[str, Any]:
    """Estimate the redshift of an embedding, shape (D,), unit norm, leaving rows ``without`` out."""
    return _block(served, checked(served).estimate_images(None, vector[None], without=without), 0)


def batch(
    served: Served, wanted: Sequence[Wanted], *, match_radius_deg: float, limit: int
) -> list[dict[str, Any]]:
    """Estimate many redshifts; the answer is aligned with ``wanted``, and one bad row spoils no other.

    Raises
    ------
    BatchTooLarge
        If there are more than ``limit`` rows.
    NoRedshift
        If the release cannot estimate redshifts.
    """
    if len(wanted) > limit:
        raise BatchTooLarge(
            f"The batch has {len(wanted)} rows; the limit is {limit}. Send several batches.",
            limit=limit,
            got=len(wanted),
        )
    estimator = checked(served)
    places = [_located(served, one, match_radius_deg) for one in wanted]
    found = [place.row for place in places if place.row is not None]
    estimates = estimator.estimate_rows(found) if found else None
    order = iter(range(len(found)))
    return [
        _aligned(
            served,
            n,
            place,
            _summary(estimates, next(order)) if estimates is not None and place.row is not None else None,
        )
        for n, place in enumerate(places)
    ]


def checked(served: Served) -> KernelPhotoZ:
    """Return a release's estimator.

    Raises
    ------
    NoRedshift
        If it has none; says why.
    """
    if served.release.photoz.unavailable is not None:
        raise NoRedshift(
            f"Release {served.release.id} cannot estimate redshifts: {served.release.photoz.unavailable}."
        )
    return served.release.photoz


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a wanted row was found, or why it was not."""

    status: str
    row: int | None = None
    reason: str | None = None
    object_id: str | None = None
    separation_arcsec: float | None = None


def _located(served: Served, one: Wanted, match_radius_deg: float) -> _Place:
    try:
        if one.object_id:
            return _Place("ok", served.row_of(one.object_id), object_id=one.object_id)
        if one.ra_deg is None or one.dec_deg is None:
            return _Place("invalid", reason="The row has neither an id nor a position.")
        if not (0 <= one.ra_deg < 360 and -90 <= one.dec_deg <= 90):
            return _Place("invalid", reason="RA must lie in 0 to 360 degrees, Dec in -90 to 90.")
        row, separation = match(served, one.ra_deg, one.dec_deg, match_radius_deg)
    except ObjectNotIndexed as error:
        return _Place("not_indexed", reason=str(error), object_id=one.object_id)
    except ObjectNotFound as error:
        return _Place("not_found", reason=str(error), object_id=one.object_id)
    except NoMatch as error:
        return _Place("no_match", reason=str(error))
    return _Place(
        "ok", row, object_id=served.release.columns.ids[row], separation_arcsec=round(separation * 3600, 4)
    )


def _aligned(served: Served, n: int, place: _Place, summary: dict[str, Any] | None) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "row": n,
        "status": place.status,
        "reason": place.reason,
        "object_id": place.object_id,
        "match_separation_arcsec": place.separation_arcsec,
        "z_spec": None,
        **dict.fromkeys((*_NUMBERS, "n_neighbours")),
        "flags": [],
    }
    if summary is not None:
        answer["z_spec"] = served.release.columns.take([place.row or 0], ["z_spec"])["z_spec"][0]
        answer.update(summary)
    return answer


def _summary(estimates: Estimates, n: int) -> dict[str, Any]:
    return {
        **{name: round(float(estimates.columns[name][n]), 6) for name in _NUMBERS},
        "n_neighbours": int(estimates.evidence.lengths[n]),
        "flags": list(flag_names(int(estimates.columns["z_flags"][n]))),
    }


def _block(served: Served, estimates: Estimates, n: int) -> dict[str, Any]:
    ids, z_spec = served.release.columns.ids, served.release.spectroscopic.z
    return {
        **_summary(estimates, n),
        "z_grid": estimates.grid.centres.round(6).tolist(),
        "pdf": estimates.density()[n].round(6).tolist(),
        "evidence": [
            {"object_id": ids[row], "similarity": round(float(similarity), 6), "z_spec": float(z_spec[row])}
            for row, similarity in zip(*estimates.evidence.of(n), strict=True)
        ],
    }
