"""The redshifts of an updated release: kept where nothing near changed, estimated anew elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.estimates import Estimates
from index.neighbours import NeighbourGraph
from index.photoz import KernelPhotoZ
from index.photoz_columns import Flag
from index.photoz_network import NetworkPhotoZ
from index.photoz_shards import PhotozShards
from index.photoz_stored import PHOTOZ_STORED, EstimatesWriter, StoredEstimates
from index.release_photoz import PhotoZEstimator, open_photoz
from index.spectroscopic import Spectroscopic
from index.updates.pairs import wanting
from index.vectors.exact import ExactStore

__all__ = ["PHOTOZ_STORED", "update_redshifts"]

_BLOCK = 1024
# What the cutout raised, which no neighbour changes.
_OF_CUTOUTS = int(Flag.BAND_MISSING | Flag.PARTIAL_FIELD | Flag.MASKED)


def update_redshifts(
    folder: Path,
    base: Path,
    said: Mapping[str, Any],
    parts: tuple[ExactStore, NeighbourGraph, Spectroscopic],
    alive: NDArray[np.bool_],
    *,
    survey: str,
    model_id: str,
    ids: list[str],
    flags: NDArray[np.int32],
    shards: PhotozShards | None,
) -> dict[str, NDArray[Any]]:
    """Write what is stored of redshifts into the folder of an updated release.

    The kernel, the network and the calibration stay those of the release before: how far an estimate can be trusted was
    measured with them. What they say of a galaxy is computed anew where its spectroscopic neighbours are not the same
    any more, for a withdrawn object must be nobody's evidence.

    Parameters
    ----------
    base
        Folder of the release before.
    said
        What its manifest says of redshifts.
    parts
        Vectors, graph and spectra of the updated release.
    ids, flags
        Of the new rows: their ids, and what their cutouts raised.
    shards
        What the network said of the supplement; None for a kernel.

    Returns
    -------
    dict
        :data:`index.estimates.ARRAYS` of all rows, NaN for null; empty where there are no redshifts.
    """
    if "maker" not in said or said.get("unavailable"):
        return {}
    store, graph, spectra = parts
    # The settings and the calibration are read from the release before; vectors and spectra are the new ones.
    estimator, before = open_photoz(base, said, store, graph, spectra, survey=survey, model_id=model_id)
    assert before is not None
    n_base, k = len(before.quantiles), before.raw[1].shape[1]
    writer = EstimatesWriter(folder, before.grid, n=store.n, k=k)
    writer.keep(before, alive[:n_base])
    for rows in _blocks(_touched(before, store, spectra, alive)):
        writer.put(rows, _again(estimator, before, rows))
    if isinstance(estimator, NetworkPhotoZ):
        _put_shards(writer, estimator, shards, {i: n_base + n for n, i in enumerate(ids)})
    else:
        for rows in _blocks(np.arange(n_base, store.n)):
            writer.put(rows, estimator.computed(rows).with_flags(flags[rows - n_base]))
    return writer.finish()


def _touched(
    before: StoredEstimates, store: ExactStore, spectra: Spectroscopic, alive: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return the old rows, still alive, that lose a spectroscopic neighbour or win one."""
    n_base, (_, evidence, similarity) = len(before.quantiles), before.raw
    living = alive[:n_base]
    new = spectra.rows[spectra.rows >= n_base]
    touched, floor = np.zeros(n_base, np.bool_), np.full(store.n, np.inf, np.float32)
    for start in range(0, n_base, 65536):
        block = slice(start, min(start + 65536, n_base))
        rows = np.asarray(evidence[block])
        known = rows >= 0
        touched[block] = (known & ~living[rows]).any(axis=1)
        # A list that is not full takes any other spectrum.
        last = np.asarray(similarity[block])[:, -1]
        floor[block] = np.where(known[:, -1], last, -2)
    others = np.flatnonzero(living & ~touched)
    touched[wanting(store, new, others, floor)] = True
    return np.flatnonzero(touched & living)


def _again(estimator: PhotoZEstimator, before: StoredEstimates, rows: NDArray[np.int64]) -> Estimates:
    if isinstance(estimator, KernelPhotoZ):
        own = before.column("z_flags")[rows] & _OF_CUTOUTS
        return estimator.computed(rows).with_flags(own)
    known = before.take(rows)
    columns = {name: values for name, values in known.columns.items() if name != "z_neighbours"}
    columns["z_flags"] = columns["z_flags"] & ~np.int32(Flag.DISAGREEMENT)
    return estimator.of_rows((known.probability, columns, known.quantiles), rows)


def _put_shards(
    writer: EstimatesWriter, estimator: NetworkPhotoZ, shards: PhotozShards | None, row_of: Mapping[str, int]
) -> None:
    if shards is None:
        return
    for found, (probability, columns, quantiles) in shards.read():
        here = [n for n, object_id in enumerate(found) if object_id in row_of]
        rows = np.array([row_of[found[n]] for n in here], dtype=np.int64)
        taken = {name: values[here] for name, values in columns.items()}
        writer.put(rows, estimator.of_rows((probability[here], taken, quantiles[here]), rows))


def _blocks(rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]
