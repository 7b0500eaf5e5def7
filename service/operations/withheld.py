"""For which uploads there is no redshift, or a doubtful one."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from index.photoz_columns import degraded_bits
from service.operations import photoz

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from service.operations.estimate_columns import Shown
    from service.operations.uploads import Prepared
    from service.served import Served

__all__ = ["WITHHELD", "redshift", "why_no_redshift", "why_withheld"]

#: Flags that withhold the redshift where all of a set are raised, the gravest first.
WITHHELD: dict[frozenset[str], str] = {
    frozenset({"band_missing"}): (
        "A band is missing: what stands for it is no measurement. Send all bands of the model for a redshift."
    ),
    frozenset({"colours_unlikely"}): (
        "The colours are none of the catalogue's. Check the order of the bands (`bands=`) for a redshift."
    ),
    frozenset({"brightness_unlikely"}): (
        "The brightness, or the noise with it, is none of the catalogue's. Check the unit (`zeropoint=`) for a redshift."
    ),
    frozenset({"scale_conflict"}): (
        "The pixel scale that was given is not the header's: one is wrong. Mend the header or leave `pixscale=` out "
        "for a redshift."
    ),
    frozenset({"size_unlikely", "sharper_than_trained"}): (
        "The size and the sharpness are none of the catalogue's. Check the pixel scale (`pixscale=`) for a redshift."
    ),
}
# A redshift was never measured on such images, but they may be honest: deeper ones, or of a better seeing.
_DOUBTFUL = ("size_unlikely", "sharper_than_trained", "sky_unlikely")


def why_no_redshift(prepared: Prepared) -> str | None:
    """Say why no redshift will be given; None where one will."""
    cutout = prepared.understood.cutout
    return why_withheld(
        prepared.served,
        prepared.understood.report.flags,
        is_display=cutout.bands.is_display,
        is_calibrated=cutout.is_calibrated,
        is_measured=bool(prepared.readings),
    )


def why_withheld(
    served: Served, flags: Collection[str], *, is_display: bool, is_calibrated: bool, is_measured: bool
) -> str | None:
    """Say why an image gets no redshift from a release; None where it gets one.

    Parameters
    ----------
    flags
        Reservations of the reader, the contract and the domain.
    is_measured
        Whether any band has a flux in the middle of the image.
    """
    if is_display:
        return "A display image carries no calibrated fluxes. Send FITS for a redshift."
    if not is_calibrated:
        return "The flux unit is unknown. Give `zeropoint=` (AB magnitude of one count) for a redshift."
    if served.release.domain is not None and not is_measured:
        return (
            "Nothing could be measured in the middle of the image. Send one with data there for a redshift."
        )
    withheld = next((reason for together, reason in WITHHELD.items() if together <= set(flags)), None)
    return withheld or served.release.photoz.unavailable


def redshift(
    prepared: Prepared, vector: NDArray[np.float32], without: NDArray[np.int64] | None, shown: Shown
) -> dict[str, Any]:
    """Estimate the redshift; what makes it doubtful without withholding it stands beside it."""
    block = photoz.of_vector(
        prepared.served,
        vector,
        field=prepared.calibrated.field,
        flags=degraded_bits(prepared.understood.report.flags),
        without=without,
        shown=shown,
    )
    doubts = [flag for flag in _DOUBTFUL if flag in prepared.understood.report.flags]
    return {**block, "flags": [*block["flags"], *doubts]}
