"""The redshifts of a release: written when it is built, opened when it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.kernel import KernelSettings
from index.neighbours import NeighbourGraph
from index.pdf import RedshiftGrid
from index.photoz import KernelPhotoZ
from index.photoz_calibration import PhotozCalibration
from index.photoz_network import N_EVIDENCE, NetworkPhotoZ
from index.photoz_shards import PhotozShards
from index.photoz_stored import PHOTOZ_STORED, EstimatesWriter, StoredEstimates
from index.spectroscopic import Spectroscopic
from index.vectors.store import VectorStore

__all__ = ["PHOTOZ_RELEASE_FILES", "PhotoZEstimator", "open_photoz", "write_kernel", "write_network"]

_CALIBRATION = "photoz_calibration.npz"
#: Every file about redshifts that a release may have.
PHOTOZ_RELEASE_FILES = (*PHOTOZ_STORED, _CALIBRATION)

#: What ``release.photoz`` is.
PhotoZEstimator = KernelPhotoZ | NetworkPhotoZ

Columns = dict[str, NDArray[Any]]


def write_kernel(
    folder: Path,
    store: VectorStore,
    graph: NeighbourGraph,
    spectroscopic: Spectroscopic,
    *,
    is_display: bool,
    model_id: str,
    train_set: str,
    flags: NDArray[np.int32],
) -> tuple[dict[str, Any], Columns]:
    """Fit a kernel to a release's own spectra and store what it says of every galaxy.

    Parameters
    ----------
    flags
        Of the cutouts, by row.

    Returns
    -------
    tuple
        What the manifest says, and the columns by name: none where there can be no redshifts.
    """
    photoz = KernelPhotoZ.fitted(
        store, graph, spectroscopic, is_display=is_display, model_id=model_id, train_set=train_set
    )
    if photoz.settings is None or photoz.calibration is None:
        return {"unavailable": photoz.unavailable}, {}
    writer = EstimatesWriter(folder, photoz.settings.grid, n=spectroscopic.n_rows, k=photoz.settings.k)
    for block, estimates in photoz.blocks():
        writer.put(np.arange(block.start, block.stop), estimates.with_flags(flags[block]))
    photoz.calibration.save(folder / _CALIBRATION)
    grid = photoz.settings.grid
    said = {"maker": "kernel", "z_max": grid.z_max, "n_bins": grid.n_bins, "train_set": train_set}
    return {**said, "kernel": asdict(photoz.settings)}, writer.finish()


def write_network(
    folder: Path,
    store: VectorStore,
    graph: NeighbourGraph,
    spectroscopic: Spectroscopic,
    *,
    ids: Sequence[str],
    shards: PhotozShards,
) -> tuple[dict[str, Any], Columns]:
    """Store what a network said of every galaxy, with the evidence of the release's spectra.

    Parameters
    ----------
    ids
        Of the release's rows, in order; one that no shard holds gets nulls and the flag ``out_of_support``.

    Returns
    -------
    tuple
        What the manifest says, and the columns by name.

    Raises
    ------
    CorruptFolder
        If a shard is missing or damaged.
    """
    info = shards.info
    photoz = NetworkPhotoZ(
        store, graph, spectroscopic, grid=info.grid, model_id=info.model_id, train_set=info.train_set
    )
    writer = EstimatesWriter(folder, info.grid, n=len(ids), k=N_EVIDENCE)
    row_of = {object_id: row for row, object_id in enumerate(ids)}
    for found, (probability, columns, quantiles) in shards.read():
        here = [n for n, object_id in enumerate(found) if object_id in row_of]
        rows = np.array([row_of[found[n]] for n in here], dtype=np.int64)
        taken = {name: values[here] for name, values in columns.items()}
        writer.put(rows, photoz.of_rows((probability[here], taken, quantiles[here]), rows))
    said = {"maker": "network", "z_max": info.z_max, "n_bins": info.n_bins, "train_set": info.train_set}
    return said, writer.finish()


def open_photoz(
    folder: Path,
    said: Mapping[str, Any],
    store: VectorStore,
    graph: NeighbourGraph,
    spectroscopic: Spectroscopic,
    *,
    survey: str,
    model_id: str,
) -> tuple[PhotoZEstimator, StoredEstimates | None]:
    """Open the estimator of a release, and what is stored of its galaxies.

    Parameters
    ----------
    said
        By the manifest. Releases of format 2 have the kernel's settings alone: they compute what is asked, without
        calibration.

    Raises
    ------
    CorruptFolder
        If the calibration cannot be read.
    """
    if "maker" not in said:
        reason = said.get("unavailable")
        settings = None if reason else KernelSettings(**said)
        photoz = KernelPhotoZ(
            store,
            graph,
            spectroscopic,
            settings=settings,
            unavailable=reason,
            model_id=model_id,
            train_set=survey,
        )
        return photoz, None
    grid = RedshiftGrid(said["z_max"], said["n_bins"])
    named = {"model_id": model_id, "train_set": str(said["train_set"])}
    stored = StoredEstimates(folder, grid, **named)
    if said["maker"] == "network":
        return NetworkPhotoZ(store, graph, spectroscopic, grid=grid, stored=stored, **named), stored
    kernel = KernelPhotoZ(
        store,
        graph,
        spectroscopic,
        settings=KernelSettings(**said["kernel"]),
        calibration=PhotozCalibration.load(folder / _CALIBRATION),
        stored=stored,
        **named,
    )
    return kernel, stored
