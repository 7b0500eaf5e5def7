"""The anomaly scores of a release: written when it is built, carried over when it is built anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.anomalies.model import MAX_REFERENCE, AnomalyModel, Scored
from index.release_info import ReleaseInfo
from index.vectors.exact import ExactStore
from index.vectors.projection import PROJECTION, Projection
from survey.manifests import CorruptFolder, read_manifest

__all__ = ["Carried", "anomaly_columns", "carried_from", "write_anomalies"]

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """The anomaly model of a release, for the next one by the same model.

    Attributes
    ----------
    said
        What its manifest says of it.
    projection
        What brought embeddings into the space that it scores; None where that is the model's own.
    """

    model: AnomalyModel
    said: Mapping[str, Any]
    projection: Projection | None


def carried_from(folder: Path, info: ReleaseInfo) -> Carried | None:
    """Open the anomaly model of a release by the same model as the one that is built; None if it has none.

    Parameters
    ----------
    folder, info
        The release's.

    Raises
    ------
    CorruptFolder
        If the release has one that is damaged.
    """
    manifest: dict[str, Any] = read_manifest(folder, "manifest.json", verify=())
    said = manifest.get("anomalies")
    if said is None:
        return None
    parts = [name for name in manifest["files"] if name in {"anomalies.skops", PROJECTION}]
    try:
        read_manifest(folder, "manifest.json", verify=parts)
        projection = Projection.open(folder) if PROJECTION in parts else None
        return Carried(AnomalyModel.open(folder), said, projection)
    except (OSError, ValueError, KeyError) as error:
        raise CorruptFolder(f"{PROJECTION} of {info.id} cannot be read") from error


def write_anomalies(
    folder: Path,
    vectors: ExactStore,
    ids: Sequence[str],
    *,
    release_id: str,
    seed: int,
    carried: Carried | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[dict[str, Any], Columns]:
    """Score every galaxy of a release, by a model that is carried over or by one that is fitted to a sample of them.

    Parameters
    ----------
    ids
        By row.
    carried
        Used if it scores vectors of this length; another space has other distances.
    progress
        Told how many are scored.

    Returns
    -------
    tuple
        What the manifest says, and the columns by name.
    """
    if carried is not None and carried.model.dimension == vectors.dimension:
        model, fitted_on = carried.model, str(carried.said["fitted_on"])
    else:
        rows = np.arange(vectors.n)
        if vectors.n > MAX_REFERENCE:
            rows = np.sort(np.random.default_rng(seed).choice(vectors.n, MAX_REFERENCE, replace=False))
        sample = vectors.vectors(rows).astype(vectors.storage)
        model, fitted_on = (
            AnomalyModel.fitted([ids[row] for row in rows.tolist()], sample, seed=seed),
            release_id,
        )
    model.save(folder)
    said = {
        "default": model.default,
        "detectors": list(model.detectors),
        "n_reference": model.n,
        "seed": model.seed,
        "fitted_on": fitted_on,
    }
    scored = model.score(vectors.stored(slice(None)), progress=progress)
    return said, anomaly_columns(scored, model.default)


def anomaly_columns(scored: Scored, default: str) -> Columns:
    """Return the columns of :data:`index.columns.COMPUTED_COLUMNS` that scores make."""
    p = scored.p[default]
    named = {f"anomaly_p_{name}": values for name, values in scored.p.items()}
    return {"anomaly_percentile": (100 * (1 - p)).astype(np.float32), "anomaly_p": p, **named}
