"""Index releases: built, verified, published in one step."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.causes.inspections import Inspections
from index.domain import DOMAIN
from index.domain_sample import sample_domain
from index.embed import describe_embeddings
from index.embeddings import EmbeddingStore
from index.field_blocks import shifted
from index.maps.writing import MapMethod
from index.model import Model
from index.neighbours import NeighbourGraph, build_graph, graph_recall
from index.photoz_job import describe_shards
from index.photoz_shards import PhotozShards
from index.release import FORMAT, MANIFEST, Release, ReleaseInfo, hash_of_ids, verify_release
from index.release_anomalies import Carried
from index.release_parts import ReleaseParts
from index.release_vectors import VectorBuild
from index.updates.withdrawn import keep_origin, read_withdrawn_ids
from index.vectors.engine import SearchEngine
from index.vectors.engine_store import EngineStore
from index.vectors.exact import FAISS_VERSION, ExactStore
from index.vectors.factory import IndexRequest, choose_index
from index.vectors.gpu import GPUStore, require_gpu, trainer_on_gpu
from index.vectors.training import Trainer, train_lists
from survey.archive import SurveyFolder
from survey.manifests import CorruptFolder, publish_folder, read_manifest, write_manifest
from survey.naming import checked_name
from survey.updated import version_of

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
    """Return the newest release of exactly this survey, its supplements included, and this model, or None.

    An updated release is none: a build merges it.
    """
    fitting = [
        info
        for info in list_releases(releases_dir)
        if (info.survey, info.survey_sha256) == (survey.info.name, survey.sha256)
        and (info.model_id, info.model_sha256) == (model.card.id, model.sha256)
        and (info.update is None or info.update.is_merged)
        and _version(releases_dir / info.id, info) == survey.version
    ]
    return fitting[-1] if fitting else None


def _version(folder: Path, info: ReleaseInfo) -> str:
    supplements = info.update.supplements if info.update else []
    hashes = [info.survey_sha256, *(one["sha256"] for one in supplements)]
    try:
        return version_of(hashes, read_withdrawn_ids(folder, info))
    except CorruptFolder:
        return ""


def build_release(
    *,
    survey: SurveyFolder,
    model: Model,
    embeddings: EmbeddingStore,
    releases_dir: Path,
    photoz: PhotozShards | None = None,
    merges: ReleaseInfo | None = None,
    index: IndexRequest | None = None,
    carried: Carried | None = None,
    inspections: Inspections | None = None,
    map_method: MapMethod = "umap",
    train: Trainer = train_lists,
    progress: Callable[[int, int], None] | None = None,
    now: datetime | None = None,
) -> ReleaseInfo:
    """Build a release from finished embeddings, verify it as a reader would, publish it.

    Parameters
    ----------
    photoz
        What the model's redshift network said of the survey; without it a kernel is fitted to the spectra.
    merges
        The updated release whose supplements ``survey`` holds and whose withdrawn objects it does not.
    index
        How it is to be searched; by its size by default.
    carried
        The anomaly model of the release before, so that scores stay what they are; a new one is fitted without.
    inspections
        What was found in the pixels of the survey; without them no galaxy has a cause.
    map_method
        How the map is laid out.
    train
        Finds the centroids of an inverted file.
    progress
        Told how much is done, of how much: a galaxy counts when it has its neighbours, its anomaly scores, its place on the
        map, and in an approximate index.
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
    BudgetTooSmall, UnusableRequest
        If there can be no such index; nothing was built then.
    NoGPU
        If one is asked for and there is none.
    CorruptFolder
        If a part is damaged or the staged release does not verify; nothing is published then.
    """
    embeddings.check_bound(describe_embeddings(survey, model, shard_size=embeddings.info.shard_size))
    if photoz is not None:
        photoz.check_bound(describe_shards(survey, model, shard_size=photoz.info.shard_size))
    ids = embeddings.ids()
    choice = choose_index(len(ids), model.card.dimension, index)
    on_gpu = index is not None and index.device == "gpu"
    if on_gpu:
        require_gpu()
    rows = np.array([survey.row_of(i) for i in ids], dtype=np.int64)
    order = _sky_order(survey, rows, ids)
    created = now or datetime.now(UTC)
    hash_ids = hash_of_ids(ids[n] for n in order)
    release_id = _release_id(survey, model, created, hash_ids)
    staged = releases_dir / f".{release_id}.staged"
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    try:
        vectors = VectorBuild(
            staged,
            embeddings,
            order,
            choice,
            train=trainer_on_gpu() if on_gpu else train,
            projection=None if carried is None else carried.projection,
        )
        store = vectors.write()
        n_steps = 3 * store.n if choice.kind == "exact" else 4 * store.n
        indexed = vectors.index(store, shifted(progress, 0, n_steps))
        passed = shifted(progress, n_steps - 3 * store.n, n_steps)
        index_of_graph = None if on_gpu else indexed.approximate
        graph = build_graph(
            GPUStore(store) if on_gpu else store,
            index=index_of_graph,
            folder=staged,
            progress=lambda done, _: passed(done),
        )
        is_display = model.contract.is_display or survey.info.kind == "display"
        searched = (
            store if indexed.approximate is None else EngineStore(SearchEngine(store, indexed.approximate))
        )
        parts = ReleaseParts(
            staged,
            survey,
            model.card.id,
            store,
            searched,
            graph,
            is_display,
            release_id,
            seed=choice.seed,
            carried=carried,
            inspections=inspections,
            map_method=map_method,
        )
        said = parts.write(
            rows[order],
            flags=embeddings.flags()[order],
            shards=photoz,
            progress=shifted(progress, n_steps - 2 * store.n, n_steps),
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
            recall_at_10=indexed.recall_at_10,
            exact=choice.kind == "exact",
            is_display=is_display,
            ids_sha256=hash_ids,
            # To the microsecond: of two built within one second the first one stays the first.
            created=created.isoformat(),
            update=None if merges is None else keep_origin(staged, releases_dir / merges.id, merges),
        )
        files = sorted(path.name for path in staged.iterdir())
        manifest: dict[str, Any] = {
            **info.to_json(),
            **indexed.to_json(vectors.projection),
            "format": FORMAT,
            "graph": _described(graph, store, choice.seed, is_exact=index_of_graph is None),
            **said,
            "faiss_version": FAISS_VERSION,
            "numpy_version": np.__version__,
            "sizes": {name: (staged / name).stat().st_size for name in files},
        }
        write_manifest(staged, MANIFEST, manifest, files)
        Release.open(staged, verify="full")
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    publish_folder(staged, releases_dir / release_id)
    return info


def _described(graph: NeighbourGraph, store: ExactStore, seed: int, *, is_exact: bool) -> dict[str, Any]:
    """Say of a graph whether it is exact, and what it holds of the true ten nearest."""
    return {"is_exact": is_exact, "recall_at_10": 1.0 if is_exact else graph_recall(graph, store, seed)}


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
