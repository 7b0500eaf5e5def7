"""Index releases: built, verified, published in one step."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict
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
from index.pdf import POINTS
from index.photoz import KernelPhotoZ, points_of_all
from index.release import (
    ANOMALY,
    COLUMNS,
    FORMAT,
    MANIFEST,
    PARENT,
    PHOTOZ,
    VECTORS,
    Release,
    ReleaseInfo,
    hash_of_ids,
    verify_release,
)
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
    progress: Callable[[int, int], None] | None = None,
    now: datetime | None = None,
) -> ReleaseInfo:
    """Build a release from finished embeddings, verify it as a reader would, publish it.

    Parameters
    ----------
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
    EmbeddingMismatch
        If the embeddings belong to another survey or model.
    CorruptFolder
        If a part is damaged or the staged release does not verify; nothing is published then.
    """
    embeddings.check_bound(describe_embeddings(survey, model, shard_size=embeddings.info.shard_size))
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
        photoz = _write_parts(
            staged, survey=survey, rows=rows[order], store=store, graph=graph, is_display=is_display
        )
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
        optional = [name for name in (PHOTOZ, DOMAIN) if (staged / name).is_file()]
        files = (VECTORS, COLUMNS, ANOMALY, *GRAPH_FILES, *optional)
        manifest: dict[str, Any] = {
            **info.to_json(),
            "format": FORMAT,
            "photoz": photoz,
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


def _write_parts(
    staged: Path,
    *,
    survey: SurveyFolder,
    rows: NDArray[np.int64],
    store: ExactStore,
    graph: NeighbourGraph,
    is_display: bool,
) -> dict[str, Any]:
    """Write everything beside the vectors; returns what the manifest says of redshifts."""
    graph.save(staged)
    distances = knn_distances(graph)
    np.save(staged / ANOMALY, distances, allow_pickle=False)
    percentile = AnomalyScale(distances, store, graph).percentile(distances)
    computed = {"anomaly_percentile": percentile, "z_phot": np.full(store.n, np.nan)}
    table = frozen_columns(survey.objects, rows, computed)
    photoz = KernelPhotoZ.fitted(store, graph, _spectroscopic(table), is_display=is_display)
    if photoz.settings is not None:
        found = points_of_all(photoz)
        np.save(staged / PHOTOZ, found, allow_pickle=False)
        computed["z_phot"] = found[:, POINTS.index("z_best")]
        table = frozen_columns(survey.objects, rows, computed)
    write_columns(table, staged / COLUMNS)
    return {"unavailable": photoz.unavailable} if photoz.settings is None else asdict(photoz.settings)


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
