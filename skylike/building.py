"""From a survey folder to an active release, each step skipped when its result is there."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from index.catalogue.activation import activate, list_active
from index.catalogue.ingest import ingest_release, ingest_survey
from index.causes.inspections import Inspections
from index.embeddings import EmbeddingStore
from index.maps.layouts import has_umap
from index.maps.writing import MapMethod, map_before
from index.model import Model
from index.photoz_shards import PhotozShards
from index.release import MANIFEST, WHOLE_SINCE, Release
from index.release_anomalies import Carried, carried_from
from index.release_index import IndexInfo
from index.release_info import ReleaseInfo
from index.releases import build_release, find_release, list_releases
from index.updates.survey import survey_of
from index.vectors.factory import IndexRequest, choose_index
from service.records.audit import record
from skylike.catalogue_sessions import catalogue_session, command_line_owner
from skylike.choosing import choose_model
from skylike.encoding import Step, embed_parts, inspections_of_parts, redshifts_of_parts
from survey.archive import SurveyFolder
from survey.locks import alone
from survey.manifests import CorruptFolder, read_manifest

__all__ = [
    "BuildReport",
    "build_index",
    "ingest",
]


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build found or made.

    Attributes
    ----------
    release
        The active release.
    n, rejected
        Galaxies indexed, and those that could not be, with the reason.
    index
        How it is searched: the FAISS factory string, ``Flat`` for exact search.
    recall_at_10
        Share of the true ten nearest that a search finds: 1 for exact search.
    rows
        Catalogue rows written; 0 when everything was there.
    is_new
        Whether a release was built by this run.
    left_behind
        What the release before had and this one has not, one sentence each: supplements and withdrawn ids, since the survey was
        imported anew; an anomaly model that is damaged; a map that could not be made.
    """

    release: str
    survey: str
    model: str
    n: int
    rejected: dict[str, str]
    index: str
    recall_at_10: float
    rows: int
    is_new: bool
    left_behind: list[str]


def build_index(
    data_dir: Path,
    url: str,
    survey_name: str,
    *,
    model_id: str | None,
    index: IndexRequest | None = None,
    refit_anomalies: bool = False,
    map_method: MapMethod | None = None,
    step: Step,
) -> BuildReport:
    """Index a survey by a model and make the result what is served, redshifts included.

    What updates of the active release added, changed and withdrew is merged, unless the survey was imported anew since.

    Parameters
    ----------
    url
        The database to ingest into; migrated if it is not current.
    model_id
        Default: the survey's own model, fitted first when there is none.
    index
        How the release is to be searched. Without a request one that is there stays, whatever searches it, and one that
        merges updates is searched like the one before.
    refit_anomalies
        Fit the anomaly model to the survey as it is now, in a new release. Otherwise that of the active release is carried over, so
        that no galaxy's score changes.
    map_method
        How the map is laid out. Without a word a release that is there stays, unless umap-learn was missing then and is there
        now, and a new one gets the method of the one before, else UMAP.

    Raises
    ------
    CorruptFolder
        If the survey or the model is absent or damaged.
    NoSuchModel
        If ``model_id`` is not there.
    NothingToEmbed
        If the survey has no images, or none that fit.
    BudgetTooSmall, UnusableRequest
        If there can be no such index; nothing was embedded then.
    """
    folder = SurveyFolder(data_dir / "surveys" / survey_name)
    # A second build of the survey waits.
    with alone(data_dir / "releases" / f".{survey_name}.lock"):
        model = choose_model(data_dir, folder, model_id, step=step)
        before = _active(data_dir, url, folder, model)
        is_same = before is not None and before.survey_sha256 == folder.sha256
        merges = before if before is not None and before.update and is_same else None
        survey = folder
        if merges is not None:
            survey = survey_of(data_dir / "releases" / merges.id, merges, folder, data_dir / "surveys")
        asked = index
        if before is not None and index is None:
            asked = _as_before(data_dir / "releases" / before.id, before, model)
        choose_index(max(1, len(survey)), model.card.dimension, asked)
        embeddings = embed_parts(data_dir, survey, model, step)
        photoz = redshifts_of_parts(data_dir, survey, model, step)
        inspections = inspections_of_parts(data_dir, survey, step)
        carried, damaged = (None, []) if before is None or refit_anomalies else _carried(data_dir, before)
        release, is_new = _release(
            data_dir / "releases",
            survey,
            model,
            embeddings,
            photoz=photoz,
            inspections=inspections,
            merges=merges,
            wanted=index,
            index=asked,
            carried=carried,
            is_forced=refit_anomalies,
            map_method=map_method,
            before=before,
            step=step,
        )
        rows = _publish(url, folder, release, step)
    info = release.info
    return BuildReport(
        release=info.id,
        survey=survey_name,
        model=model.card.id,
        n=info.n_galaxies,
        rejected=embeddings.rejected,
        index=release.index.factory,
        recall_at_10=info.recall_at_10,
        rows=rows,
        is_new=is_new,
        left_behind=[
            *(_left_behind(before) if before is not None and not is_same else []),
            *damaged,
            *_without_map(release),
        ],
    )


def ingest(url: str, survey: SurveyFolder, *, step: Step) -> int:
    """Bring a survey's objects alone into the catalogue, for catalogues without images; returns rows written."""
    with catalogue_session(url) as session, step(f"Ingesting {survey.info.name}") as progress:
        return ingest_survey(session, survey, progress).rows


def _active(data_dir: Path, url: str, survey: SurveyFolder, model: Model) -> ReleaseInfo | None:
    """Return what the active release of a survey by exactly this model says of itself."""
    with catalogue_session(url, reads_only=True) as session:
        active = {(row.survey, row.model_id): row for row in list_active(session)}
    row = active.get((survey.info.name, model.card.id))
    if row is None or row.model_sha256 != model.sha256:
        return None
    # Its manifest is enough: a damaged release must not stand in the way of the next.
    return next((info for info in list_releases(data_dir / "releases") if info.id == row.id), None)


def _release(
    folder: Path,
    survey: SurveyFolder,
    model: Model,
    store: EmbeddingStore,
    *,
    photoz: PhotozShards | None,
    inspections: Inspections,
    merges: ReleaseInfo | None,
    wanted: IndexRequest | None,
    index: IndexRequest | None,
    carried: Carried | None,
    is_forced: bool,
    map_method: MapMethod | None,
    before: ReleaseInfo | None,
    step: Step,
) -> tuple[Release, bool]:
    found = None if is_forced else find_release(folder, survey, model)
    if found is not None:
        try:
            opened = Release.open(folder / found.id)
            is_as_asked = _is_as_asked(opened, store, wanted) and _has_map(opened, map_method)
            # What was inspected by other rules is told anew.
            if opened.format >= WHOLE_SINCE and is_as_asked and opened.rules == inspections.info.rules:
                return opened, False
            # Built by an earlier version, or otherwise: it is served as it is until the new one is active.
        except CorruptFolder:
            # A damaged release stays for `skylike check` to name; a new one takes its place.
            pass
    for leftover in folder.glob(f".{survey.info.name}--{model.card.id}--*.staged"):
        shutil.rmtree(leftover)
    with step(f"Indexing {survey.info.name} with {model.card.id}") as progress:
        info = build_release(
            survey=survey,
            model=model,
            embeddings=store,
            releases_dir=folder,
            photoz=photoz,
            inspections=inspections,
            merges=merges,
            index=index,
            carried=carried,
            map_method=map_method or (None if before is None else map_before(folder / before.id)) or "umap",
            progress=progress,
        )
    return Release.open(folder / info.id), True


def _carried(data_dir: Path, before: ReleaseInfo) -> tuple[Carried | None, list[str]]:
    """Return the anomaly model of the release before; or none, and a sentence that says so if it is damaged."""
    try:
        return carried_from(data_dir / "releases" / before.id, before), []
    except CorruptFolder as error:
        return None, [f"scores are by a new anomaly model, and not those of {before.id}: {error}"]


def _left_behind(before: ReleaseInfo) -> list[str]:
    """Say what was done to a survey by updates before it was imported anew."""
    update = before.update
    if update is None:
        return []
    said = [
        f"supplement {one['survey']} of {before.id} is not carried over: skylike index update {before.survey} "
        f"--with {one['survey']}"
        for one in update.supplements
    ]
    return [
        *said,
        f"what updates withdrew from {before.id} is in again, if the survey has it: give --withdraw again",
    ]


def _as_before(folder: Path, info: ReleaseInfo, model: Model) -> IndexRequest | None:
    """Ask for an index like that of the release before; None where that was what is chosen unasked."""
    try:
        built = IndexInfo.from_manifest(read_manifest(folder, MANIFEST, verify=()))
    except CorruptFolder:
        return None
    request = IndexRequest(
        kind="auto" if built.kind == "exact" else built.kind,
        storage="float16" if built.storage == "float16" else None,
        dimension=None if info.dimension == model.card.dimension else info.dimension,
        seed=built.seed,
    )
    return None if request == IndexRequest() else request


def _is_as_asked(release: Release, store: EmbeddingStore, index: IndexRequest | None) -> bool:
    if index is None:
        return True
    choice = choose_index(store.n, store.info.dimension, index)
    built = release.index
    return (built.kind, built.factory, built.storage, built.seed, release.info.dimension) == (
        choice.kind,
        choice.factory,
        choice.storage,
        choice.seed,
        choice.dimension,
    )


def _has_map(release: Release, method: MapMethod | None) -> bool:
    """Whether a release's map is what is asked for, if anything is, and was not left out for a package that is there now."""
    said = release.map or {}
    if said.get("reason") is not None and has_umap():
        return False
    return method is None or said.get("asked") == method


def _without_map(release: Release) -> list[str]:
    reason = (release.map or {}).get("reason")
    return [f"{release.id} has no map: {reason}"] if reason else []


def _publish(url: str, survey: SurveyFolder, release: Release, step: Step) -> int:
    """Ingest and activate in one transaction."""
    with catalogue_session(url) as session, step(f"Ingesting {survey.info.name}") as progress:
        rows = ingest_survey(session, survey, progress).rows + ingest_release(session, release).rows
        if release.id not in {row.id for row in list_active(session)}:
            activate(session, release.id)
            record(session, owner=command_line_owner(), action="release.activate", subject=release.id)
    return rows
