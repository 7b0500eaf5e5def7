"""What a simulated survey says about itself; importing this draws in no renderer."""

from __future__ import annotations

from survey.archive import SurveyInfo
from survey.bands import BAND_SETS

__all__ = ["DEFAULT_N", "FIELD_PX", "PIXEL_SCALE", "RECIPE", "describe", "is_made", "made_of"]

DEFAULT_N = 5000
# Raise it when the same seed gives other pixels, so that those of an older version are not taken for them.
RECIPE = 2
FIELD_PX = 84
PIXEL_SCALE = 0.396  # arcsec, that of the SDSS camera
_REALISM = "The positions, redshifts and ugriz photometry behind it are of real SDSS galaxies; the pixels are rendered."
_REALISM_COPIES = (
    "The redshifts and ugriz photometry behind it are of real SDSS galaxies, each copied several times with a small "
    "shift in redshift, luminosity and position (parent_id names the real one); the pixels are rendered."
)


def describe(name: str, *, n: int, seed: int, is_copied: bool, realisation: int = 0) -> SurveyInfo:
    """Return the manifest's description; ``is_copied`` if parents were drawn more than once."""
    return SurveyInfo(
        name=name,
        title="Demo survey: real SDSS galaxies, rendered",
        kind="flux",
        bands=BAND_SETS["sdss-ugriz"],
        pixel_scale_arcsec=PIXEL_SCALE,
        field_px=FIELD_PX,
        epoch="J2000",
        citation="York et al. 2000, AJ 120, 1579 (SDSS); Blanton & Roweis 2007, AJ 133, 734 (kcorrect and its table); "
        "Rowe et al. 2015, A&C 10, 121 (GalSim)",
        licence="SDSS data: free with acknowledgement; kcorrect, whose package holds the table: BSD-3-Clause",
        realism=_REALISM_COPIES if is_copied else _REALISM,
        extra={"simulation": made_of(n=n, seed=seed, realisation=realisation)},
    )


def made_of(*, n: int, seed: int, realisation: int) -> dict[str, int]:
    """Return what the pixels of a simulated survey follow from."""
    made = {"n": n, "seed": seed, "recipe": RECIPE}
    return {**made, "realisation": realisation} if realisation else made


def is_made(info: SurveyInfo, *, n: int, seed: int, realisation: int = 0) -> bool:
    """Whether a survey is what simulating ``n`` galaxies with ``seed`` would give now."""
    return bool(info.extra.get("simulation") == made_of(n=n, seed=seed, realisation=realisation))
