"""GalaxiesML: HSC images in five bands with spectroscopic redshifts and measured shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from survey.archive import SurveyInfo
from survey.bands import BAND_SETS
from survey.photometry import ZEROPOINT_MAG, mag_to_flux
from survey.sources.hdf5 import Datasets
from survey.sources.hdf5_pixels import HDF5Pixels
from survey.sources.members import Member, dataset_columns, read_members
from survey.sources.plan import ImportPlan
from survey.sources.sentinels import NO_MAGNITUDE, is_sentinel
from survey.sources.sets import SetFormat, assemble
from survey.sources.values import nullable

__all__ = ["FORMAT", "HSC_NANOMAGGIES", "cmodel_fluxes", "plan"]

#: Nanomaggies of one count of an HSC coadd. Its zero point is 27.0 mag: FLUXMAG0 = 63095734448.0194 in the files'
#: headers, and in pipe_tasks of the LSST Science Pipelines.
HSC_NANOMAGGIES = 10 ** (0.4 * (ZEROPOINT_MAG - 27.0))

FORMAT = SetFormat(
    title="GalaxiesML: HSC PDR2 grizy images",
    citation="Do et al. 2024, arXiv:2410.00271; doi:10.5281/zenodo.11117528; Aihara et al. 2019, PASJ 71, 114",
    realism="Real HSC pixels and redshifts.",
    kind="flux",
    bands=BAND_SETS["hsc-grizy"],
    pixel_scale_arcsec=0.168,
)

_STANDARD = {"object_id": "object_id", "ra": "ra_deg", "dec": "dec_deg", "specz_redshift": "z_spec"}


def plan(
    files: Sequence[Path], info: SurveyInfo, *, limit: int | None = None, field_px: int | None = None
) -> ImportPlan:
    """Plan a survey from ``5x127x127_training_with_morphology.hdf5``, its validation and testing files, or the 64 px ones.

    Root datasets: ``image`` (N, 5, 127, 127), bands g, r, i, z, y, pixels of 0.168 arcsec; ``object_id``,
    ``specz_redshift``, ``specz_redshift_err``, ``{g,r,i,z,y}_cmodel_mag`` and measured shapes, one value per
    galaxy. Positions are kept where a file has ``ra`` and ``dec`` (unverified).

    Counts become nanomaggies with the zero point of HSC coadds, 27.0 mag. That the images are the coadds' counts
    is unverified; compare the fluxes of a few galaxies with their ``cmodel`` magnitudes, of which ``flux_<band>``
    is made. Neither is corrected for dust.

    Raises
    ------
    UnreadableSet
        If a file is not of this format.
    """
    members = read_members(files, _member, limit)
    lines = ["unit = counts of zero point 27.0 mag (assumed)", "flux_<band> = from <band>_cmodel_mag"]
    return assemble(members, FORMAT, info, field_px=field_px, lines=lines)


def _member(path: Path, datasets: Datasets, limit: int | None) -> Member:
    pixels = HDF5Pixels.of(path, datasets, "image", planes=5, nanomaggies=HSC_NANOMAGGIES, limit=limit)
    columns, left_out = dataset_columns(datasets, "image", pixels.n, name=path.name)
    member = Member(path, pixels, left_out=left_out)
    member.sort(columns, _STANDARD)
    member.own |= cmodel_fluxes(columns, FORMAT.bands.names)
    return member


def cmodel_fluxes(columns: Mapping[str, pa.Array], bands: Sequence[str]) -> dict[str, pa.Array]:
    """Return ``flux_<band>`` in nanomaggies of the columns ``<band>_cmodel_mag`` that there are."""
    fluxes: dict[str, pa.Array] = {}
    for band in bands:
        column = columns.get(f"{band}_cmodel_mag")
        if column is not None and pa.types.is_floating(column.type):
            mags = np.array(column.to_numpy(zero_copy_only=False), dtype=np.float64)
            mags[is_sentinel(mags, NO_MAGNITUDE)] = np.nan
            fluxes[f"flux_{band}"] = nullable(mag_to_flux(mags))
    return fluxes
