"""The two tables of a simulated survey: what was measured and, apart, what is true."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from survey.extinction import deredden
from survey.simulate.parents import UGRIZ, is_main_sample
from survey.simulate.photometry import Photometry
from survey.simulate.population import Galaxy
from survey.simulate.render import Rendered
from survey.sphere import hpx29

__all__ = ["ROW_SCHEMA", "TRUTH_SCHEMA", "is_selected", "measured_row", "truth_row"]


def _bands(stem: str) -> list[tuple[str, pa.DataType]]:
    return [(f"{stem}_{name}", pa.float64()) for name in UGRIZ.names]


ROW_SCHEMA = pa.schema(
    [
        ("object_id", pa.string()),
        ("parent_id", pa.string()),
        ("ra_deg", pa.float64()),
        ("dec_deg", pa.float64()),
        ("hpx29", pa.int64()),
        ("ebv", pa.float64()),
        ("z_spec", pa.float64()),
        *_bands("flux"),
        *_bands("flux_ivar"),
        ("r50_arcsec", pa.float64()),
        *_bands("psf_fwhm_arcsec"),
        *_bands("sky_sigma"),
        ("label", pa.string()),
        ("oddity", pa.string()),
    ]
)
TRUTH_SCHEMA = pa.schema(
    [
        ("object_id", pa.string()),
        ("parent_id", pa.string()),
        ("is_kept", pa.bool_()),
        *_bands("true_flux"),
        ("true_r50_arcsec", pa.float64()),
        ("bulge_fraction", pa.float64()),
        ("inclination_deg", pa.float64()),
        ("abs_mag_r", pa.float64()),
        ("rest_u_r", pa.float64()),
    ]
)


def is_selected(galaxy: Galaxy, measured: Photometry) -> bool:
    """Whether the flux measured in r, de-reddened, is in the main sample: noise moves galaxies across its limit."""
    r = UGRIZ.index("r")
    flux = deredden(measured.flux.astype(np.float32), galaxy.ebv, UGRIZ)
    return bool(is_main_sample(flux[r : r + 1].astype(np.float64))[0])


def measured_row(galaxy: Galaxy, rendered: Rendered, measured: Photometry) -> dict[str, Any]:
    """Return one row of the object table; null where a band is missing."""
    known = measured.ivar > 0
    row = {
        "object_id": galaxy.object_id,
        "parent_id": galaxy.parent_id,
        "ra_deg": galaxy.ra_deg,
        "dec_deg": galaxy.dec_deg,
        "hpx29": int(hpx29(galaxy.ra_deg, galaxy.dec_deg)),
        "ebv": galaxy.ebv,
        "z_spec": galaxy.z,
        "r50_arcsec": measured.r50_arcsec,
        "label": "ring" if rendered.oddity == "ring" else rendered.shape.kind,
        "oddity": rendered.oddity,
    }
    for plane, name in enumerate(UGRIZ.names):
        row[f"flux_{name}"] = float(measured.flux[plane]) if known[plane] else None
        row[f"flux_ivar_{name}"] = float(measured.ivar[plane]) if known[plane] else None
        row[f"psf_fwhm_arcsec_{name}"] = float(rendered.observation.fwhm[plane])
        row[f"sky_sigma_{name}"] = float(rendered.observation.sky_sigma[plane])
    return row


def truth_row(galaxy: Galaxy, rendered: Rendered, *, is_kept: bool) -> dict[str, Any]:
    """Return one row of the side table, which no model reads; fluxes are reddened, as observed."""
    return {
        "object_id": galaxy.object_id,
        "parent_id": galaxy.parent_id,
        "is_kept": is_kept,
        **{f"true_flux_{name}": float(galaxy.flux[plane]) for plane, name in enumerate(UGRIZ.names)},
        "true_r50_arcsec": rendered.shape.r50_arcsec,
        "bulge_fraction": rendered.shape.bulge_fraction,
        "inclination_deg": float(np.degrees(rendered.shape.inclination_rad)),
        "abs_mag_r": galaxy.abs_mag_r,
        "rest_u_r": galaxy.rest_u_r,
    }
