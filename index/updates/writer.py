"""The files of an updated release."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from index.causes.table import CAUSES, columns_of, table_of, write_causes
from index.columns import write_columns
from index.maps.carrying import carry_map
from index.neighbours import GRAPH_FILES, GRAPH_LENGTHS, NeighbourGraph
from index.release import COLUMNS, MANIFEST, PARENT, WITHDRAWN, Release
from index.release_anomalies import anomaly_columns
from index.release_index import VECTORS, VECTORS_HALF, open_store
from index.release_info import ReleaseInfo
from index.spectroscopic import Spectroscopic
from index.updates.columns import kept_columns, with_computed
from index.updates.delta import Delta
from index.updates.graph import update_graph, width
from index.updates.redshifts import PHOTOZ_STORED, update_redshifts
from index.updates.withdrawn import WITHDRAWN_IDS
from index.vectors.exact import ExactStore
from survey.manifests import read_manifest, write_manifest

__all__ = ["Writer"]

_MADE_HERE = {
    VECTORS,
    VECTORS_HALF,
    COLUMNS,
    CAUSES,
    WITHDRAWN,
    WITHDRAWN_IDS,
    GRAPH_LENGTHS,
    *GRAPH_FILES,
    *PHOTOZ_STORED,
}
_FROZEN = ("z_err68", "z_conf", "z_flags")


class Writer:
    """Writes the parts of one update into its folder."""

    def __init__(
        self,
        base: Release,
        staged: Path,
        delta: Delta,
        *,
        threads: int,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self.base, self.staged, self.delta = base, staged, delta
        self._threads, self._progress = threads, progress
        self._manifest: dict[str, Any] = read_manifest(base.path, MANIFEST)

    def write(self, info: ReleaseInfo) -> None:
        """Write everything, the manifest last."""
        base, delta, staged = self.base, self.delta, self.staged
        np.save(staged / WITHDRAWN, np.flatnonzero(~delta.alive), allow_pickle=False)
        (staged / WITHDRAWN_IDS).write_bytes(orjson.dumps(delta.withdrawn_ids))
        linked = self._link()
        store = self._vectors()
        graph = self._graph(store)
        objects = delta.supplement.objects if delta.supplement else _schema(base)
        kept = kept_columns(base.path / COLUMNS, objects, delta.alive)
        computed = {**self._anomalies(), **self._causes(), **carry_map(base, store, graph)}
        computed |= self._redshifts(store, graph, _spectra(kept), info)
        write_columns(with_computed(kept, computed, delta.alive), staged / COLUMNS)
        made = sorted(path.name for path in staged.iterdir() if path.name not in linked)
        manifest = {
            **self._manifest,
            **info.to_json(),
            "sizes": {name: (staged / name).stat().st_size for name in (*made, *linked)},
        }
        write_manifest(staged, MANIFEST, manifest, made, known=linked)

    def _link(self) -> dict[str, str]:
        """Link what does not change; returns its hashes."""
        hashes: dict[str, str] = self._manifest["files"]
        linked = {name: digest for name, digest in hashes.items() if name not in _MADE_HERE}
        for name in linked:
            try:
                os.link(self.base.path / name, self.staged / name)
            except OSError:
                # Another file system, or one without links.
                shutil.copyfile(self.base.path / name, self.staged / name)
        return linked

    def _vectors(self) -> ExactStore:
        index = self.base.index
        path = self.staged / index.vectors_file
        shutil.copyfile(self.base.path / index.vectors_file, path)
        if self.delta.supplement is not None:
            kind = np.dtype(index.storage).newbyteorder("<")
            with path.open("ab") as stream:
                np.ascontiguousarray(self.delta.supplement.vectors, dtype=kind).tofile(stream)
        return open_store(self.staged, index, self.base.info.dimension)

    def _graph(self, store: ExactStore) -> NeighbourGraph:
        shape = store.n, width(int(self.delta.alive.sum()))
        rows, similarity = (
            open_memmap(self.staged / name, "w+", np.dtype(kind), shape)
            for name, kind in zip(GRAPH_FILES, ("<i4", "<f4"), strict=True)
        )
        graph = update_graph(
            self.base.graph,
            store,
            self.delta.alive,
            (rows, similarity),
            threads=self._threads,
            progress=self._progress,
        )
        for mapped in (rows, similarity):
            mapped.flush()
        if graph.lengths is not None:
            np.save(self.staged / GRAPH_LENGTHS, graph.lengths, allow_pickle=False)
        return graph

    def _anomalies(self) -> dict[str, NDArray[Any]]:
        """Keep the scores of old rows, and score the new ones by the same model."""
        model, supplement = self.base.anomalies, self.delta.supplement
        assert model is not None
        before = self.base.columns
        if supplement is None:
            names = [name for name in before.names if name.startswith("anomaly_p")]
            return {name: before.array(name) for name in names}
        # As they come back from disk.
        stored = supplement.vectors.astype(self.base.index.storage)
        fresh = anomaly_columns(model.score(stored), model.default)
        return {name: np.concatenate([before.array(name), values]) for name, values in fresh.items()}

    def _causes(self) -> dict[str, NDArray[Any]]:
        """Keep what was found in the pixels of old rows, and add the supplement's; nothing where the old were not looked at."""
        supplement, before = self.delta.supplement, self.base.causes
        found = None if supplement is None or supplement.inspections is None else supplement.inspections
        if before is None:
            # Lists would show the new galaxies alone: those whose cause is known.
            return {}
        new = table_of([None] * len(self.delta.ids)) if found is None else found.take(self.delta.ids)
        table = pa.concat_tables([before.table, new]).combine_chunks()
        write_causes(table, self.staged / CAUSES)
        return columns_of(table)

    def _redshifts(
        self, store: ExactStore, graph: NeighbourGraph, spectra: Spectroscopic, info: ReleaseInfo
    ) -> dict[str, NDArray[Any]]:
        supplement = self.delta.supplement
        found = update_redshifts(
            self.staged,
            self.base.path,
            self._manifest["photoz"],
            (store, graph, spectra),
            self.delta.alive,
            survey=info.survey,
            model_id=info.model_id,
            ids=list(self.delta.ids),
            flags=supplement.flags if supplement else np.empty(0, np.int32),
            shards=supplement.shards if supplement else None,
        )
        if not found:
            return {}
        return {"z_phot": found["z_best"], **{name: found[name] for name in _FROZEN}}


def _schema(base: Release) -> pa.Table:
    """Return no rows with the columns of a release."""
    with pa.memory_map(str(base.path / COLUMNS)) as source:
        return pa.ipc.open_file(source).schema.empty_table()


def _spectra(table: pa.Table) -> Spectroscopic:
    parents = (
        np.array(table.column(PARENT).to_pylist(), dtype=object) if PARENT in table.column_names else None
    )
    z_spec = table.column("z_spec").to_numpy(zero_copy_only=False)
    return Spectroscopic(np.array(z_spec, dtype=np.float64), parents)
