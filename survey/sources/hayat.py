"""The SDSS images of Hayat et al. 2021: HDF5 with five bands, extinctions and spectroscopic redshifts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from survey.archive import SurveyInfo
from survey.bands import BAND_SETS
from survey.extinction import ebv_from_sdss_extinction
from survey.sources.hdf5 import Datasets, UnreadableSet, reading
from survey.sources.hdf5_pixels import HDF5Pixels
from survey.sources.members import Member, dataset_columns, read_members
from survey.sources.plan import ImportPlan
from survey.sources.sets import SetFormat, assemble
from survey.sources.values import nullable

__all__ = ["FORMAT", "plan"]

FORMAT = SetFormat(
    title="SDSS ugriz images of Hayat et al. 2021",
    citation="Hayat et al. 2021, ApJL 911, L33; SDSS DR12",
    realism="Real SDSS pixels and redshifts.",
    kind="flux",
    bands=BAND_SETS["sdss-ugriz"],
    pixel_scale_arcsec=0.396,
)

_STANDARD = {"objid": "object_id", "ra": "ra_deg", "dec": "dec_deg", "specz_redshift": "z_spec"}
_EXTINCTION = "e_bv"


def plan(
    files: Sequence[Path], info: SurveyInfo, *, limit: int | None = None, field_px: int | None = None
) -> ImportPlan:
    """Plan a survey from ``sdss_w_specz_train.h5``, ``sdss_w_specz_valid.h5`` and files like them.

    Root datasets, as their loader reads them (github.com/mahayat/ssl-sky-surveys): ``images`` (N, 5, 107, 107),
    ugriz; ``e_bv`` (N, 5); ``specz_redshift``, ``specz_redshift_err``, ``ObjID``, ``specObjID``, ``ra``, ``dec``
    (N,). Files without labels hold ``images`` and ``e_bv`` only (unverified); their objects are named by place.

    ``e_bv`` is not E(B-V): it holds the five EXTINCTION values of SDSS DR12 in magnitudes, so that
    E(B-V) = mean(e_bv / (5.155, 3.793, 2.751, 2.086, 1.479)). The images are not corrected for dust, and are
    stored so. That they are nanomaggies on pixels of 0.396 arcsec, as in SDSS frames, is unverified in code.

    Parameters
    ----------
    limit
        Objects to take at most, from the first on.
    field_px
        Side to keep, from the middle.

    Raises
    ------
    UnreadableSet
        If a file is not of this format.
    """
    members = read_members(files, _member, limit)
    return assemble(
        members, FORMAT, info, field_px=field_px, lines=["ebv = mean of e_bv / SDSS DR12 coefficients"]
    )


def _member(path: Path, datasets: Datasets, limit: int | None) -> Member:
    pixels = HDF5Pixels.of(path, datasets, "images", planes=5, limit=limit)
    columns, left_out = dataset_columns(datasets, "images", pixels.n, name=path.name, skip=[_EXTINCTION])
    member = Member(path, pixels, left_out=left_out)
    member.sort(columns, _STANDARD)
    if _EXTINCTION in datasets:
        member.standard["ebv"] = _ebv(path.name, datasets, pixels.n)
    return member


def _ebv(name: str, datasets: Datasets, n: int) -> pa.Array:
    stored = datasets[_EXTINCTION]
    if stored.shape != (datasets["images"].shape[0], 5) or stored.dtype.kind != "f":
        raise UnreadableSet(
            f"{name}: {_EXTINCTION!r} has shape {stored.shape} and type {stored.dtype}; this format has five "
            "floating-point extinctions an object. Give the file as it was published."
        )
    with reading(name):
        extinction = stored[:n]
    ebv: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = ebv_from_sdss_extinction(extinction)
    return nullable(ebv)
