"""A cutout as understood → what one model's network reads of it."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import numpy as np

from service.operations.fitting import choose
from survey.bands import BandMismatch
from survey.contract import ContractViolation
from survey.cutout import FluxArray
from survey.ingest import CutoutRejected, Understood
from survey.measures import Measures, measure

if TYPE_CHECKING:
    from service.served import Served
    from survey.contract import InputContract

__all__ = ["Prepared", "Wanted", "prepare"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a cutout is brought to.

    Attributes
    ----------
    release
        Id of the release that asks, for refusals.
    contract
        Its model's.
    """

    release: str
    contract: InputContract


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A cutout ready for the network.

    Attributes
    ----------
    input
        As ``contract.finish`` gives it, float32, shape (C, S, S).
    measures
        Of the field between the contract's halves.
    flags
        Of the reader and of the contract, each once.
    ra_deg, dec_deg
        ICRS, or None.
    is_calibrated
        Whether all bands that the model reads are in nanomaggies.
    """

    input: FluxArray
    measures: Measures
    flags: tuple[str, ...]
    ra_deg: float | None
    dec_deg: float | None
    is_calibrated: bool


def prepare(understood: Understood, wanted: Wanted) -> Prepared:
    """Bring a cutout to a model's input, as a single upload is brought there.

    Raises
    ------
    CutoutRejected
        With the code of the contract (``fits.band_missing``, ``fits.too_small``, …), or ``fits.values`` for
        values that overflow.
    """
    contract = wanted.contract
    try:
        _, cutout = choose([_candidate(wanted)], understood)
        calibrated = contract.calibrate(cutout)
    except ContractViolation as error:
        raise CutoutRejected(error.code, str(error)) from error
    except BandMismatch as error:
        raise CutoutRejected("fits.band_missing", str(error)) from error
    if not np.isfinite(calibrated.field).all():
        raise CutoutRejected(
            "fits.values", "The image's values overflow. Check BSCALE, BZERO and the zero point."
        )
    flags = list(understood.report.flags)
    if cutout.is_calibrated and "uncalibrated" in flags:
        flags.remove("uncalibrated")
    return Prepared(
        input=contract.finish(calibrated.field[None])[0],
        measures=measure(calibrated.field, calibrated.known, contract.bands, contract.pixel_scale_arcsec),
        flags=tuple(dict.fromkeys([*flags, *calibrated.flags])),
        ra_deg=cutout.ra_deg,
        dec_deg=cutout.dec_deg,
        is_calibrated=cutout.is_calibrated,
    )


def _candidate(wanted: Wanted) -> Served:
    """Return as much of a release as the choice looks at; bands that are missing are made up for no redshift."""
    stub = SimpleNamespace(
        block={"id": wanted.release},
        model=SimpleNamespace(contract=wanted.contract),
        release=SimpleNamespace(domain=None),
    )
    return cast("Served", stub)
