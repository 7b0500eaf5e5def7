"""The redshift of a page: its plot, its interval, what speaks against it, the spectra beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from index.photoz_columns import FLAGS as REDSHIFT_FLAGS
from index.photoz_columns import Flag
from service.web.pz_plot import pz_svg
from survey.ingest import FLAGS as CUTOUT_FLAGS

if TYPE_CHECKING:
    from service.served import Served

__all__ = ["Doubt", "photoz_block"]

_MEANINGS = {flag.name.lower(): text for flag, text in REDSHIFT_FLAGS.items() if flag.name is not None}
# Flags that forbid the use of the number; others ask for care.
_GRAVE = Flag.OUT_OF_SUPPORT | Flag.DISAGREEMENT
_SHOWN = 4


class Doubt(NamedTuple):
    """A flag: its name, what it means, whether it is grave."""

    name: str
    meaning: str
    is_grave: bool


def photoz_block(
    served: Served, estimate: Mapping[str, Any] | None, z_spec: float | None, reason: str = ""
) -> dict[str, Any]:
    """Return a redshift estimate with its plot, or the reason why there is none."""
    if estimate is None or estimate["z_best"] is None:
        return {
            "svg": None,
            "reason": reason or served.release.photoz.unavailable or "The model could not tell.",
        }
    low, high = estimate["z_l68"], estimate["z_u68"]
    chance = estimate.get("z_conf")
    sure = "" if chance is None else f" The chance that it is right to 0.03 (1 + z): {100 * chance:.0f} %."
    return {
        "svg": pz_svg(estimate["z_grid"], estimate["pdf"], interval=(low, high), z_spec=z_spec),
        "text": f"z = {estimate['z_best']:.4f}, 68 % between {low:.4f} and {high:.4f}.{sure}",
        "flags": [_doubt(name) for name in estimate["flags"]],
        "evidence": _evidence(served, estimate)
        + (" Its own redshift is none of them." if z_spec is not None else ""),
    }


def _doubt(name: str) -> Doubt:
    meaning = _MEANINGS.get(name) or CUTOUT_FLAGS.get(name, "")
    return Doubt(name.replace("_", " "), meaning, name in {f.name.lower() for f in _GRAVE if f.name})


def _evidence(served: Served, estimate: Mapping[str, Any]) -> str:
    near = estimate["evidence"]
    if not near:
        return "No galaxy with a spectrum is near it."
    listed = ", ".join(format(one["z_spec"], ".4f") for one in near[:_SHOWN])
    median = estimate.get("z_neighbours")
    middle = "" if median is None else f", in the middle {median:.4f}"
    # A network reads the pixels; a kernel knows nothing but these neighbours.
    how = "Read off the pixels; beside it" if served.release.photoz.reads_images else "From"
    return f"{how} {len(near)} spectroscopic look-alikes{middle}; the nearest have z = {listed}."
