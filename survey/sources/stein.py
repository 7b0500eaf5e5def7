"""The Legacy Surveys images of Stein et al.: HDF5 files of a million galaxies in three bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from survey.archive import SurveyInfo
from survey.bands import BAND_SETS
from survey.sources.hdf5 import Datasets
from survey.sources.hdf5_pixels import HDF5Pixels
from survey.sources.members import Member, dataset_columns, read_members
from survey.sources.plan import ImportPlan
from survey.sources.sets import SetFormat, assemble

__all__ = ["FORMAT", "legacy_ids", "plan"]

FORMAT = SetFormat(
    title="Legacy Surveys DR9 grz images of Stein et al.",
    citation="Stein et al. 2022, ApJ, arXiv:2110.00023; Dey et al. 2019, AJ 157, 168",
    realism="Real Legacy Surveys pixels.",
    kind="flux",
    bands=BAND_SETS["legacy-grz"],
    pixel_scale_arcsec=0.262,
)

_STANDARD = {"ra": "ra_deg", "dec": "dec_deg", "ebv": "ebv", "z_spec": "z_spec"}
# Together they name an object of a Legacy Surveys release: legacysurvey.org/dr9/files, "release, brickid, objid".
_ID = ("release", "brickid", "objid")


def plan(
    files: Sequence[Path], info: SurveyInfo, *, limit: int | None = None, field_px: int | None = None
) -> ImportPlan:
    """Plan a survey from ``images_npix152_000000000_001000000.h5`` and files like it.

    Root datasets, as github.com/georgestein/ssl-legacysurvey reads them: ``images`` (N, 3, 152, 152), float32
    nanomaggies per pixel of 0.262 arcsec, bands g, r, z; one value per galaxy in ``ra``, ``dec``, ``inds``,
    ``release``, ``brickid``, ``objid``, ``source_type``, ``ebv``, ``maskbits``, ``z_spec``, ``z_training`` and
    ``z_phot_*``; one per band in ``flux``, ``fiberflux``, ``psfdepth``, ``psfsize``, ``nobs``, ``fracin`` and
    ``transmission``, which become ``flux_g`` and so on. A dataset whose length is not that of ``images`` cannot be
    matched with them and is left out, as their loader does.

    Galaxies are named ``RELEASE-BRICKID-OBJID``. Files overlap in places: what came before is left out by name.
    Neither images nor fluxes are corrected for dust. The files of ``north/`` show the similar filters of BASS and
    MzLS; they are taken for those of DECam here.

    Raises
    ------
    UnreadableSet
        If a file is not of this format.
    """
    members = read_members(files, _member, limit)
    lines = ["object_id = release-brickid-objid", "flux_<band> = catalogue fluxes, nanomaggies"]
    return assemble(members, FORMAT, info, field_px=field_px, lines=lines)


def _member(path: Path, datasets: Datasets, limit: int | None) -> Member:
    pixels = HDF5Pixels.of(path, datasets, "images", planes=3, limit=limit)
    columns, left_out = dataset_columns(
        datasets, "images", pixels.n, name=path.name, bands=FORMAT.bands.names
    )
    member = Member(path, pixels, left_out=left_out)
    ids = legacy_ids(columns)
    if ids is not None:
        member.standard["object_id"] = ids
    member.sort(columns, _STANDARD)
    return member


def legacy_ids(columns: Mapping[str, pa.Array]) -> pa.Array | None:
    """Return ``RELEASE-BRICKID-OBJID`` of each object; None where a part of it is not known."""
    if not all(name in columns and pa.types.is_integer(columns[name].type) for name in _ID):
        return None
    return pc.binary_join_element_wise(*(pc.cast(columns[name], pa.string()) for name in _ID), "-")
