"""Galaxy10: display images of DECaLS or SDSS with one of ten classes each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from survey.archive import SurveyInfo
from survey.bands import BAND_SETS
from survey.sources.hdf5 import Datasets, UnreadableSet
from survey.sources.hdf5_pixels import HDF5Pixels
from survey.sources.members import Member, dataset_columns, read_members
from survey.sources.plan import ImportPlan
from survey.sources.sets import SetFormat, assemble

__all__ = ["CLASSES", "DECALS", "SDSS", "class_names", "common_scale", "plan"]

DECALS = SetFormat(
    title="Galaxy10 DECaLS",
    citation="Leung & Bovy 2019, MNRAS 483, 3255; Walmsley et al. 2022, MNRAS 509, 3966; Dey et al. 2019, AJ 157, 168",
    realism="Real DECaLS galaxies, display-stretched pictures.",
    kind="display",
    bands=BAND_SETS["display-rgb"],
    pixel_scale_arcsec=None,
)
SDSS = replace(
    DECALS,
    title="Galaxy10 SDSS",
    citation="Leung & Bovy 2019, MNRAS 483, 3255; Lintott et al. 2011, MNRAS 410, 166",
    realism="Real SDSS galaxies, display-stretched pictures.",
)

# Class names by the side of the pictures: github.com/henrysky/Galaxy10 (README) and github.com/henrysky/astroNN
# (docs/source/galaxy10sdss.rst). The order of the older SDSS release of 25,753 pictures is taken to be the same
# (unverified).
CLASSES: dict[int, tuple[str, ...]] = {
    256: (
        "Disturbed", "Merging", "Round Smooth", "In-between Round Smooth", "Cigar Shaped Smooth", "Barred Spiral",
        "Unbarred Tight Spiral", "Unbarred Loose Spiral", "Edge-on without Bulge", "Edge-on with Bulge",
    ),
    69: (
        "Disk, Face-on, No Spiral", "Smooth, Completely round", "Smooth, in-between round", "Smooth, Cigar shaped",
        "Disk, Edge-on, Rounded Bulge", "Disk, Edge-on, Boxy Bulge", "Disk, Edge-on, No Bulge",
        "Disk, Face-on, Tight Spiral", "Disk, Face-on, Medium Spiral", "Disk, Face-on, Loose Spiral",
    ),
}  # fmt: skip

_STANDARD = {"ra": "ra_deg", "dec": "dec_deg", "redshift": "z_spec"}


def plan(
    files: Sequence[Path], info: SurveyInfo, *, limit: int | None = None, field_px: int | None = None
) -> ImportPlan:
    """Plan a survey from ``Galaxy10_DECals.h5`` or ``Galaxy10.h5`` (SDSS); the size of the pictures tells which.

    Root datasets: ``images`` (N, 256, 256, 3) or (N, 69, 69, 3), uint8; ``ans`` (N,), the class from 0 to 9; for
    DECaLS also ``ra``, ``dec``, ``redshift`` (NaN where unknown) and ``pxscale`` in arcsec per pixel. The label is
    the published name of the class. Pictures have no ids and are named by place. They are taken to have their top
    row first, as pictures do.

    In DECaLS the pixel scale is 0.262 or 0.524 arcsec. The SDSS pictures were scaled to the size of their galaxies
    (unverified), and have no common one.

    Raises
    ------
    UnreadableSet
        If a file is not of this format, or a class has no name.
    """
    members = read_members(files, _member, limit)
    format_ = replace(
        DECALS if members[0].pixels.side == 256 else SDSS, pixel_scale_arcsec=common_scale(members, "pxscale")
    )
    return assemble(members, format_, info, field_px=field_px, lines=["label = name of the class in ans"])


def _member(path: Path, datasets: Datasets, limit: int | None) -> Member:
    pixels = HDF5Pixels.of(path, datasets, "images", planes=3, display=True, channels_last=True, limit=limit)
    if pixels.side not in CLASSES:
        raise UnreadableSet(
            f"{path.name}: pictures have {pixels.side} px; Galaxy10 DECaLS has 256, Galaxy10 SDSS 69. "
            "Is it another format?"
        )
    columns, left_out = dataset_columns(datasets, "images", pixels.n, name=path.name)
    member = Member(path, pixels, left_out=left_out)
    if "ans" not in columns:
        raise UnreadableSet(f"{path.name} has no classes 'ans', one for each picture. Is it another format?")
    member.standard["label"] = class_names(columns["ans"], CLASSES[pixels.side], f"{path.name}: 'ans'")
    member.sort(columns, _STANDARD)
    return member


def class_names(numbers: pa.Array, names: Sequence[str], what: str) -> pa.Array:
    """Return the names of numbered classes.

    Raises
    ------
    UnreadableSet
        If they are no integers from 0 to the number of names less 1; ``what`` names them.
    """
    if not pa.types.is_integer(numbers.type):
        raise UnreadableSet(f"{what} holds {numbers.type}; classes are integers from 0 to {len(names) - 1}.")
    values = numbers.to_numpy()
    wrong = values[(values < 0) | (values >= len(names))]
    if wrong.size:
        raise UnreadableSet(
            f"{what} holds {wrong[0]}; classes are 0 to {len(names) - 1}. Give the file as it was published."
        )
    return pa.array([names[n] for n in values.tolist()], pa.string())


def common_scale(members: Sequence[Member], name: str) -> float | None:
    """Return the pixel scale that all objects share, to one in a thousand; None where they do not."""
    found = [member.own[name] for member in members if name in member.own]
    if len(found) < len(members) or not all(pa.types.is_floating(column.type) for column in found):
        return None
    scales = np.concatenate(
        [np.asarray(column.to_numpy(zero_copy_only=False), np.float64) for column in found]
    )
    if (
        not scales.size
        or not np.isfinite(scales).all()
        or not scales[0] > 0
        or np.ptp(scales) > 1e-3 * scales[0]
    ):
        return None
    return float(scales[0])
