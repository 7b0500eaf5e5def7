"""From a supplement and withdrawn ids to updated, active releases of a survey."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index.catalogue.activation import ReleaseRow, activate, list_active
from index.catalogue.ingest import ingest_release
from index.embeddings import EmbeddingStore
from index.model import Model
from index.release import Release
from index.release_info import ReleaseInfo
from index.releases import list_releases
from index.updates.delta import NothingToUpdate, Supplement
from index.updates.release import update_release
from index.updates.survey import survey_of
from index.updates.withdrawn import read_withdrawn_ids
from service.records.audit import record
from skylike.catalogue_sessions import catalogue_session, command_line_owner
from skylike.encoding import Step, embed, inspections, redshifts
from survey.archive import SurveyFolder, UnknownObject
from survey.locks import alone
from survey.manifests import CorruptFolder
from survey.updated import check_supplement

__all__ = ["NotBuilt", "UpdateReport", "update_index"]


class NotBuilt(ValueError):
    """A survey without an active release to update."""


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """What an update made of one release.

    Attributes
    ----------
    release, base
        The active release, and the one that it follows from.
    n
        Galaxies that it answers with.
    rejected
        Objects of the supplement that have no embedding, with the reason.
    is_new
        Whether this run made it the active one.
    """

    release: str
    base: str
    model: str
    n: int
    added: int
    changed: int
    withdrawn: int
    rejected: dict[str, str]
    is_new: bool


def update_index(
    data_dir: Path,
    url: str,
    survey_name: str,
    *,
    supplement: str | None = None,
    withdraw: Collection[str] = (),
    model_id: str | None = None,
    step: Step,
) -> list[UpdateReport]:
    """Update the active releases of a survey and make the results what is served, all at once.

    An object that is withdrawn must not live on in the release of another model: without ``model_id`` every active
    release of the survey is updated.

    Parameters
    ----------
    url
        The database whose active releases are meant.
    supplement
        Name of a survey in the data folder with the new and the changed objects.
    withdraw
        Ids.

    Raises
    ------
    NotBuilt
        If no release of the survey (by the model) is active.
    NothingToUpdate, UnknownObject, SupplementDiffers, SupplementMismatch
        If there is nothing to do, an id is not there, or the supplement does not fit.
    CorruptFolder
        If the survey, the supplement, a model or a release is absent, damaged, or another one than was built from.
    """
    survey = SurveyFolder(data_dir / "surveys" / survey_name)
    if supplement == survey_name:
        raise NothingToUpdate(
            f"{survey_name} cannot supplement itself; import the new objects as another survey"
        )
    new = None if supplement is None else SurveyFolder(data_dir / "surveys" / supplement)
    if new is not None:
        check_supplement(survey, new)
    with alone(data_dir / "releases" / f".{survey_name}.lock"):
        rows = _active(url, survey, model_id)
        made = [_Update(data_dir, survey, row, new, withdraw, step).run() for row in rows]
        _publish(url, data_dir, made, step)
    return made


def _active(url: str, survey: SurveyFolder, model_id: str | None) -> list[ReleaseRow]:
    with catalogue_session(url, reads_only=True) as session:
        active = [row for row in list_active(session) if row.survey == survey.info.name]
    chosen = [row for row in active if model_id in {None, row.model_id}]
    if not chosen:
        by = f" by {model_id}" if model_id else ""
        raise NotBuilt(
            f"no release of {survey.info.name}{by} is active; build one: skylike index build {survey.info.name}"
            + (f" --model {model_id}" if model_id else "")
        )
    for row in chosen:
        if row.survey_sha256 != survey.sha256:
            raise CorruptFolder(
                f"survey {survey.info.name} is another one now than {row.id} was built from; "
                f"skylike index build {survey.info.name} --model {row.model_id}"
            )
    return chosen


def _publish(url: str, data_dir: Path, made: list[UpdateReport], step: Step) -> None:
    """Ingest and activate in one transaction, so that no model lags behind."""
    with catalogue_session(url) as session:
        for report in made:
            if not report.is_new:
                continue
            with step(f"Ingesting {report.release}") as progress:
                ingest_release(session, Release.open(data_dir / "releases" / report.release), progress)
            activate(session, report.release)
            record(session, owner=command_line_owner(), action="release.activate", subject=report.release)


@dataclass(frozen=True, slots=True)
class _Update:
    """One release on its way."""

    data_dir: Path
    survey: SurveyFolder
    row: ReleaseRow
    new: SurveyFolder | None
    withdraw: Collection[str]
    step: Step

    def run(self) -> UpdateReport:
        folder = self.data_dir / "releases"
        base = Release.open(folder / self.row.id)
        if self._is_done(base):
            return _report(base.info, {}, is_new=False)
        model = Model.open(self.data_dir / "models" / self.row.model_id)
        if model.sha256 != base.info.model_sha256:
            raise CorruptFolder(
                f"model {model.card.id} is another one now than {base.id} was built with: vectors of different models "
                f"are never mixed; skylike index build {self.survey.info.name} --model {model.card.id}"
            )
        for leftover in folder.glob(f".{base.info.survey}--{base.info.model_id}--*.staged"):
            shutil.rmtree(leftover)
        indexed, unindexed = self._withdrawn(base)
        supplement, rejected = self._supplement(base, model)
        made = self._made(base)
        if made is not None:
            return _report(made, rejected, is_new=True)
        with self.step(f"Updating {base.id}") as progress:
            info = update_release(
                base, supplement, folder, withdraw=indexed, unindexed=unindexed, progress=progress
            )
        return _report(info, rejected, is_new=True)

    def _is_done(self, base: Release) -> bool:
        """Whether the active release is what this update would make."""
        update = base.info.update
        if update is None:
            return False
        last = update.supplements[-1] if update.supplements else None
        here = None if self.new is None else {"survey": self.new.info.name, "sha256": self.new.sha256}
        gone = set(read_withdrawn_ids(base.path, base.info))
        # What was withdrawn since comes back with the supplement that has it.
        stays = self.new is None or gone.isdisjoint(self.new.ids)
        return (
            here in (None, last) and stays and gone.issuperset(self.withdraw) and bool(here or self.withdraw)
        )

    def _made(self, base: Release) -> ReleaseInfo | None:
        """Return the release that this update made of the base before it was interrupted, if there is one."""
        here = [] if self.new is None else [{"survey": self.new.info.name, "sha256": self.new.sha256}]
        known = base.info.update.supplements if base.info.update else []
        added = set() if self.new is None else set(self.new.ids)
        gone = ({*read_withdrawn_ids(base.path, base.info)} | {*self.withdraw}) - added
        for info in list_releases(self.data_dir / "releases"):
            update, path = info.update, self.data_dir / "releases" / info.id
            if update is None or update.is_merged or update.base_sha256 != base.sha256:
                continue
            try:
                is_same = update.supplements == [*known, *here] and {*read_withdrawn_ids(path, info)} == gone
                if is_same:
                    return Release.open(path).info
            except CorruptFolder:
                continue
        return None

    def _withdrawn(self, base: Release) -> tuple[list[str], list[str]]:
        """Part the ids to withdraw into those that the release has and those that it could not embed.

        Raises
        ------
        UnknownObject
            If the survey, as the release knows it, has not one.
        """
        survey = survey_of(base.path, base.info, self.survey, self.data_dir / "surveys")
        for object_id in self.withdraw:
            try:
                survey.row_of(object_id)
            except UnknownObject as error:
                raise UnknownObject(
                    f"{self.survey.info.name} has no object {object_id!r} to withdraw"
                ) from error
        indexed = set(base.columns.ids)
        return [i for i in self.withdraw if i in indexed], [i for i in self.withdraw if i not in indexed]

    def _supplement(self, base: Release, model: Model) -> tuple[Supplement | None, dict[str, str]]:
        if self.new is None:
            return None, {}
        name = self.new.info.name
        path = self.data_dir / "embeddings" / f"{name}--{model.card.id}"
        rejected = embed(self.new, model, path, self.step)
        shards = redshifts(self.data_dir, self.new, model, self.step)
        embeddings = EmbeddingStore.open(path)
        ids, vectors = embeddings.load()
        rows = np.array([self.new.row_of(i) for i in ids], dtype=np.int64)
        made = Supplement(
            survey=name,
            sha256=self.new.sha256,
            ids=ids,
            vectors=base.project(vectors),
            objects=self.new.objects.take(rows),
            flags=embeddings.flags(),
            rejected=rejected,
            shards=None if base.info.is_display else shards,
            inspections=inspections(self.data_dir, self.new, self.step),
        )
        return made, rejected


def _report(info: ReleaseInfo, rejected: dict[str, str], *, is_new: bool) -> UpdateReport:
    update = info.update
    assert update is not None
    return UpdateReport(
        release=info.id,
        base=update.base,
        model=info.model_id,
        n=info.n_galaxies,
        added=update.added,
        changed=update.changed,
        withdrawn=update.withdrawn,
        rejected=rejected,
        is_new=is_new,
    )
