"""What a release holds beside its vectors and their index."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from index.anomaly import AnomalyScale, knn_distances
from index.columns import frozen_columns, write_columns
from index.neighbours import GRAPH_FILES, NeighbourGraph
from index.photoz_shards import PhotozShards
from index.release import ANOMALY, COLUMNS, PARENT
from index.release_photoz import write_kernel, write_network
from index.spectroscopic import Spectroscopic
from index.vectors.store import VectorStore
from survey.archive import SurveyFolder

__all__ = ["ReleaseParts"]

_FROZEN = ("z_err68", "z_conf", "z_flags")


@dataclass(frozen=True, slots=True, eq=False)
class ReleaseParts:
    """Everything beside the vectors."""

    staged: Path
    survey: SurveyFolder
    model_id: str
    store: VectorStore
    graph: NeighbourGraph
    is_display: bool

    def write(
        self, rows: NDArray[np.int64], *, flags: NDArray[np.int32], shards: PhotozShards | None
    ) -> dict[str, Any]:
        """Write it; returns what the manifest says of redshifts."""
        if not (self.staged / GRAPH_FILES[0]).is_file():
            self.graph.save(self.staged)
        distances = knn_distances(self.graph)
        np.save(self.staged / ANOMALY, distances, allow_pickle=False)
        percentile = AnomalyScale(distances, self.store, self.graph).percentile(distances)
        computed = {"anomaly_percentile": percentile}
        said, found = self._redshifts(frozen_columns(self.survey.objects, rows, computed), flags, shards)
        if found:
            computed |= {name: found[name] for name in _FROZEN} | {"z_phot": found["z_best"]}
        write_columns(frozen_columns(self.survey.objects, rows, computed), self.staged / COLUMNS)
        return said

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
