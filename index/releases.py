"""Index releases: built, verified, published in one step."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from index.anomaly import AnomalyScale, knn_distances
from index.columns import frozen_columns, write_columns
from index.domain import DOMAIN
from index.domain_sample import sample_domain
from index.embed import describe_embeddings
from index.embeddings import EmbeddingStore
from index.model import Model
from index.neighbours import GRAPH_FILES, NeighbourGraph, build_graph
from index.photoz_job import describe_shards
from index.photoz_shards import PhotozShards
from index.release import (
    ANOMALY,
    COLUMNS,
    FORMAT,
    MANIFEST,
    PARENT,
    Release,
    ReleaseInfo,
    hash_of_ids,
    verify_release,
)
from index.release_index import VECTORS
from index.release_photoz import PHOTOZ_RELEASE_FILES, write_kernel, write_network
from index.spectroscopic import Spectroscopic
from index.vectors.exact import FAISS_VERSION, ExactStore
from survey.archive import SurveyFolder
from survey.manifests import CorruptFolder, publish_folder, read_manifest, write_manifest
from survey.naming import checked_name

__all__ = [
    "Release",
    "ReleaseInfo",
    "build_release",
    "find_release",
    "list_releases",
    "verify_release",
]

_FROZEN = ("z_err68", "z_conf", "z_flags")
_LAST_CELL = np.iinfo(np.int64).max


def list_releases(releases_dir: Path) -> list[ReleaseInfo]:
    """Read the manifests of all published releases, oldest first; unreadable ones are left out."""
    found = []
    for path in sorted(releases_dir.glob("*/" + MANIFEST)):
        if path.parent.name.startswith("."):
            continue
        try:
            found.append(ReleaseInfo.from_manifest(read_manifest(path.parent, MANIFEST)))
        except CorruptFolder:
            continue
    return sorted(found, key=lambda info: (info.created, info.id))


def find_release(releases_dir: Path, survey: SurveyFolder, model: Model) -> ReleaseInfo | None:
    """Return the newest release of exactly this survey and this model, or None."""
    fitting = [
        info
        for info in list_releases(releases_dir)
        if (info.survey, info.survey_sha256) == (survey.info.name, survey.sha256)
        and (info.model_id, info.model_sha256) == (model.card.id, model.sha256)
    ]
    return fitting[-1] if fitting else None


def build_release(
    *,
    survey: SurveyFolder,
    model: Model,
    embeddings: EmbeddingStore,
    releases_dir: Path,
    photoz: PhotozShards | None = None,
    progress: Callable[[int, int], None] | None = None,
    now: datetime | None = None,
) -> ReleaseInfo:
    """Build a release from finished embeddings, verify it as a reader would, publish it.

    Parameters
    ----------
    photoz
        What the model's redshift network said of the survey; without it a kernel is fitted to the spectra.
    progress
        Told how many galaxies have their neighbours, of how many.
    now
        Time of building, the present by default.

    Returns
    -------
    ReleaseInfo
        Of the folder ``releases_dir / info.id``.

    Raises
    ------
    EmbeddingMismatch, ShardsMismatch
        If the embeddings, or the network's redshifts, belong to another survey or model.
    CorruptFolder
        If a part is damaged or the staged release does not verify; nothing is published then.
    """
    embeddings.check_bound(describe_embeddings(survey, model, shard_size=embeddings.info.shard_size))
    if photoz is not None:
        photoz.check_bound(describe_shards(survey, model, shard_size=photoz.info.shard_size))
    ids, vectors = embeddings.load()
    rows = np.array([survey.row_of(i) for i in ids], dtype=np.int64)
    order = _sky_order(survey, rows, ids)
    created = now or datetime.now(UTC)
    hash_ids = hash_of_ids(ids[n] for n in order)
    release_id = _release_id(survey, model, created, hash_ids)
    staged = releases_dir / f".{release_id}.staged"
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    try:
        np.ascontiguousarray(vectors[order], dtype="<f4").tofile(staged / VECTORS)
        del vectors
        store = ExactStore(staged / VECTORS, model.card.dimension)
        graph = build_graph(store, progress=progress)
        is_display = model.contract.is_display or survey.info.kind == "display"
        parts = _Parts(staged, survey, model.card.id, store, graph, is_display)
        redshifts = parts.write(rows[order], flags=embeddings.flags()[order], shards=photoz)
        domain = sample_domain(survey, model.contract, rows)
        if domain is not None:
            domain.save(staged / DOMAIN)
        info = ReleaseInfo(
            id=release_id,
            survey=survey.info.name,
            model_id=model.card.id,
            survey_sha256=survey.sha256,
            model_sha256=model.sha256,
            n=store.n,
            n_rejected=len(embeddings.rejected),
            dimension=store.dimension,
            metric="cosine",
            recall_at_10=1.0,
            exact=True,
            is_display=is_display,
            ids_sha256=hash_ids,
            # To the microsecond: of two built within one second the first one stays the first.
            created=created.isoformat(),
        )
        optional = [name for name in (*PHOTOZ_RELEASE_FILES, DOMAIN) if (staged / name).is_file()]
        files = (VECTORS, COLUMNS, ANOMALY, *GRAPH_FILES, *optional)
        manifest: dict[str, Any] = {
            **info.to_json(),
            "format": FORMAT,
            "photoz": redshifts,
            "faiss_version": FAISS_VERSION,
            "sizes": {name: (staged / name).stat().st_size for name in files},
        }
        write_manifest(staged, MANIFEST, manifest, files)
        Release.open(staged, verify="full")
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    publish_folder(staged, releases_dir / release_id)
    return info


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """Everything beside the vectors."""

    staged: Path
    survey: SurveyFolder
    model_id: str
    store: ExactStore
    graph: NeighbourGraph
    is_display: bool

    def write(
        self, rows: NDArray[np.int64], *, flags: NDArray[np.int32], shards: PhotozShards | None
    ) -> dict[str, Any]:
        """Write it; returns what the manifest says of redshifts."""
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


def _sky_order(survey: SurveyFolder, rows: NDArray[np.int64], ids: list[str]) -> NDArray[np.int64]:
    """Order galaxies by HEALPix cell, so that a cone is few runs of rows; those without a place last, by id."""
    cells = survey.objects.column("hpx29").fill_null(_LAST_CELL).to_numpy()[rows]
    by_id = np.array(sorted(range(len(ids)), key=ids.__getitem__), dtype=np.int64)
    return by_id[np.argsort(cells[by_id], kind="stable")]


def _release_id(survey: SurveyFolder, model: Model, created: datetime, hash_ids: str) -> str:
    """Name a release ``survey--model--time-hash``, at most 64 characters long."""
    for name in (survey.info.name, model.card.id):
        checked_name(name)
    digest = hash_of_ids((survey.sha256, model.sha256, hash_ids))[:6]
    tail = f"--{created:%Y%m%dt%H%M%S}-{digest}"
    return f"{survey.info.name}--{model.card.id}"[: 64 - len(tail)] + tail
