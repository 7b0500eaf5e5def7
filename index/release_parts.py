"""What a release holds beside its vectors and their index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from index.causes.inspections import Inspections
from index.causes.table import CAUSES, write_causes
from index.columns import frozen_columns, write_columns
from index.maps.writing import MapMethod, write_map
from index.neighbours import GRAPH_FILES, NeighbourGraph
from index.photoz_shards import PhotozShards
from index.release import COLUMNS, PARENT
from index.release_anomalies import Carried, write_anomalies
from index.release_photoz import write_kernel, write_network
from index.spectroscopic import Spectroscopic
from index.vectors.exact import ExactStore
from index.vectors.store import VectorStore
from survey.archive import SurveyFolder

__all__ = ["ReleaseParts"]

_FROZEN = ("z_err68", "z_conf", "z_flags")


@dataclass(frozen=True, slots=True, eq=False)
class ReleaseParts:
    """Everything beside the vectors.

    Attributes
    ----------
    vectors, store
        The vectors as they lie on disk, and as they are searched.
    release_id, seed
        Of the release, and of every random choice.
    carried
        The anomaly model of the release before; one is fitted without.
    inspections
        What was found in the pixels of the survey; causes are null without.
    map_method
        How the map is laid out.
    """

    staged: Path
    survey: SurveyFolder
    model_id: str
    vectors: ExactStore
    store: VectorStore
    graph: NeighbourGraph
    is_display: bool
    release_id: str
    seed: int = 0
    carried: Carried | None = None
    inspections: Inspections | None = None
    map_method: MapMethod = "umap"

    def write(
        self,
        rows: NDArray[np.int64],
        *,
        flags: NDArray[np.int32],
        shards: PhotozShards | None,
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, Any]:
        """Write it; returns the manifest's entries ``photoz``, ``anomalies``, ``causes`` and ``map``.

        Parameters
        ----------
        rows
            Of the survey's table, in the release's order.
        flags
            Of the cutouts, in the same order.
        progress
            Told how many galaxies have their anomaly scores, and beyond them how many have their places.
        """
        if not (self.staged / GRAPH_FILES[0]).is_file():
            self.graph.save(self.staged)
        ids = self.survey.objects.column("object_id").take(pa.array(rows)).to_pylist()
        anomalies, computed = write_anomalies(
            self.staged,
            self.vectors,
            ids,
            release_id=self.release_id,
            seed=self.seed,
            carried=self.carried,
            progress=progress,
        )
        computed |= self._causes(ids)
        laid_out = write_map(
            self.staged,
            self.vectors,
            self.graph,
            method=self.map_method,
            seed=self.seed,
            progress=None if progress is None else lambda done, of: progress(len(ids) * (of + done) // of),
        )
        computed |= laid_out.columns
        photoz, found = self._redshifts(frozen_columns(self.survey.objects, rows, computed), flags, shards)
        if found:
            computed |= {name: found[name] for name in _FROZEN} | {"z_phot": found["z_best"]}
        write_columns(frozen_columns(self.survey.objects, rows, computed), self.staged / COLUMNS)
        causes = None if self.inspections is None else {"rules": self.inspections.info.rules}
        return {"photoz": photoz, "anomalies": anomalies, "causes": causes, "map": laid_out.said}

    def _causes(self, ids: Sequence[str]) -> dict[str, NDArray[Any]]:
        if self.inspections is None:
            return {}
        write_causes(self.inspections.take(ids), self.staged / CAUSES)
        return self.inspections.columns(ids)

    def _redshifts(
        self, table: pa.Table, flags: NDArray[np.int32], shards: PhotozShards | None
    ) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        spectroscopic = _spectroscopic(table)
        if shards is not None and not self.is_display:
            ids = table.column("object_id").to_pylist()
            return write_network(self.staged, self.store, self.graph, spectroscopic, ids=ids, shards=shards)
        return write_kernel(
            self.staged,
            self.store,
            self.graph,
            spectroscopic,
            is_display=self.is_display,
            model_id=self.model_id,
            train_set=self.survey.info.name,
            flags=flags,
        )


def _spectroscopic(table: pa.Table) -> Spectroscopic:
    parents = (
        np.array(table.column(PARENT).to_pylist(), dtype=object) if PARENT in table.column_names else None
    )
    return Spectroscopic(
        np.array(table.column("z_spec").to_numpy(zero_copy_only=False), dtype=np.float64), parents
    )
