"""Which E(B-V) a cutout is corrected with, if any."""

from __future__ import annotations

from math import inf, isfinite

from survey.bands import BandSet
from survey.cutout import Cutout, FluxArray
from survey.dust import EBV_SOURCE, ebv_sfd_lowres
from survey.extinction import deredden

__all__ = ["HIGH_EBV", "MAX_EBV", "correct_dust"]

#: Beyond it a correction is larger (A_r = 1.1 mag) than what the map and the law of extinction are good to.
HIGH_EBV = 0.5
#: Beyond it (A_u = 8.5 mag) fluxes would be noise times a thousand: no galaxy survey looks there.
MAX_EBV = 2.0


def correct_dust(
    field: FluxArray, cutout: Cutout, bands: BandSet, flags: list[str], notes: list[str]
) -> FluxArray:
    """Undo Galactic extinction as far as it is known, and say what was done.

    Parameters
    ----------
    field
        Nanomaggy, shape (C, F, F), planes in the order of ``bands``.
    flags, notes
        Added to: ``no_ebv``, ``ebv_sfd_lowres``, ``high_extinction`` and a sentence.
    """
    ebv, source = _known_ebv(cutout)
    if ebv is None or ebv > MAX_EBV:
        flags.append("no_ebv")
        why = "unknown" if ebv is None else f"{ebv:.3g} mag ({source}; limit {MAX_EBV:g})"
        notes.append(f"E(B-V) is {why}: fluxes are not corrected for Galactic dust.")
        return field
    if source == EBV_SOURCE:
        flags.append("ebv_sfd_lowres")
    if ebv > HIGH_EBV:
        flags.append("high_extinction")
    notes.append(f"De-reddened with E(B-V) = {ebv:.3f} mag ({source}).")
    return deredden(field, ebv, bands)


def _known_ebv(cutout: Cutout) -> tuple[float | None, str]:
    """Return E(B-V) with its source: the cutout's own, else the coarse map's at its position, else None."""
    if cutout.ebv is not None and 0 <= cutout.ebv < inf:
        return cutout.ebv, "given"
    if cutout.ra_deg is None or cutout.dec_deg is None or not abs(cutout.dec_deg) <= 90:
        return None, ""
    ebv = float(ebv_sfd_lowres(cutout.ra_deg, cutout.dec_deg))
    return (ebv, EBV_SOURCE) if isfinite(ebv) else (None, "")
