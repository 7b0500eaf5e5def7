"""Surveys, models and releases, opened and compared, or taken from those that are open already."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from index.embeddings import EmbeddingStore
from index.model import GoldenMismatch, Model, OnnxEncoder
from index.photoz_encoder import PhotozEncoder
from index.release import Release
from index.updates.survey import survey_of
from service.served import Served
from survey.archive import SurveyFolder
from survey.manifests import CorruptFolder

if TYPE_CHECKING:
    from index.catalogue.activation import ReleaseRow
    from index.catalogue.repository import SurveyRow
    from service.resources import Resources
    from service.settings import Settings

__all__ = ["NotServable", "Parts"]


class NotServable(RuntimeError):
    """A data folder or database that must not be served as it is.

    Attributes
    ----------
    command
        What mends it.
    """

    def __init__(self, message: str, command: str) -> None:
        super().__init__(f"{message} To mend it: {command}")
        self.command = command


class _Encoders(NamedTuple):
    model: Model
    encoder: OnnxEncoder
    network: PhotozEncoder | None


class Parts:
    """Opens each thing once, and nothing that is open and unchanged.

    Every method raises :class:`NotServable` if a file is damaged, or if two things that must agree do not.

    Parameters
    ----------
    known
        Surveys of the catalogue.
    before
        What is served now.
    """

    def __init__(
        self, settings: Settings, known: Sequence[SurveyRow], before: Resources | None = None
    ) -> None:
        self._settings = settings
        self._before = before
        self._known = {row.name: row for row in known}
        self._surveys: dict[str, SurveyFolder] = {}
        self._models: dict[str, _Encoders] = {}

    def survey(self, name: str) -> SurveyFolder:
        """Return a survey of the catalogue."""
        if name not in self._surveys:
            row, open_ = self._known[name], self._before and self._before.surveys.get(name)
            is_same = open_ and open_.sha256 == row.sha256 and not open_.is_replaced
            # An update's view of it is of one release; the next one may have another.
            self._surveys[name] = open_.base if open_ and is_same else _survey(self._settings.data_dir, row)
        return self._surveys[name]

    def release(self, row: ReleaseRow) -> Served:
        """Return a release of the catalogue, with its survey and its model."""
        if row.survey not in self._known:
            raise NotServable(
                f"Release {row.id} is of survey {row.survey}, which the catalogue has not.", _rebuild(row)
            )
        folder, encoders = self.survey(row.survey), self._encoders(row)
        before = self._before and self._before.releases.get(row.id)
        if (
            before
            and before.release.sha256 == row.manifest_sha256
            and before.folder.base is folder
            and not before.folder.is_replaced
            and before.model is encoders.model
        ):
            return before
        return _served(self._settings, row, folder, encoders)

    def _encoders(self, row: ReleaseRow) -> _Encoders:
        if row.model_id not in self._models:
            self._models[row.model_id] = self._open_encoders(row) or _encoders(self._settings, row)
        return self._models[row.model_id]

    def _open_encoders(self, row: ReleaseRow) -> _Encoders | None:
        for served in self._before.releases.values() if self._before else ():
            if served.model.card.id == row.model_id and served.model.sha256 == row.model_sha256:
                return _Encoders(served.model, served.encoder, served.network)
        return None


def _survey(data_dir: Path, row: SurveyRow) -> SurveyFolder:
    try:
        folder = SurveyFolder(data_dir / "surveys" / row.name)
        folder.warm()
    except CorruptFolder as error:
        raise NotServable(f"Survey {row.name} cannot be opened: {error}.", "skylike check") from error
    _agree(
        "the catalogue's survey row",
        row.sha256,
        f"survey {row.name}",
        folder.sha256,
        f"skylike index build {row.name}",
    )
    return folder


def _encoders(settings: Settings, row: ReleaseRow) -> _Encoders:
    try:
        model = Model.open(settings.data_dir / "models" / row.model_id)
        network = None if model.card.photoz is None else PhotozEncoder(model, threads=settings.threads)
        return _Encoders(model, OnnxEncoder(model, threads=settings.threads), network)
    except (CorruptFolder, GoldenMismatch) as error:
        raise NotServable(f"Model {row.model_id} cannot be used: {error}.", "skylike check") from error


def _served(settings: Settings, row: ReleaseRow, folder: SurveyFolder, encoders: _Encoders) -> Served:
    try:
        release = Release.open(settings.data_dir / "releases" / row.id, verify=settings.verify)
    except CorruptFolder as error:
        raise NotServable(f"Release {row.id} cannot be opened: {error}.", _rebuild(row)) from error
    info, mend, model = release.info, _rebuild(row), encoders.model
    _agree("the active release row", row.manifest_sha256, f"release {row.id}", release.sha256, mend)
    _agree(f"release {row.id}", info.survey_sha256, f"survey {folder.info.name}", folder.sha256, mend)
    _agree(f"release {row.id}", info.model_sha256, f"model {model.card.id}", model.sha256, mend)
    _check_embeddings(settings.data_dir / "embeddings" / f"{row.survey}--{row.model_id}", folder, model, mend)
    try:
        folder = survey_of(release.path, info, folder, settings.data_dir / "surveys")
    except CorruptFolder as error:
        raise NotServable(f"A supplement of {row.id} cannot be used: {error}.", "skylike check") from error
    if encoders.network is not None:
        release.lend_network(encoders.network)
    release.engine.use_threads(settings.threads)
    served = Served(release, model, encoders.encoder, folder, encoders.network)
    served.warm()
    return served


def _check_embeddings(path: Path, folder: SurveyFolder, model: Model, mend: str) -> None:
    # A deployment may ship releases without the embeddings they were made from.
    if not path.exists():
        return
    try:
        info = EmbeddingStore.open(path).info
    except CorruptFolder as error:
        raise NotServable(f"The embeddings {path.name} cannot be opened: {error}.", mend) from error
    _agree(f"embeddings {path.name}", info.survey_sha256, f"survey {folder.info.name}", folder.sha256, mend)
    _agree(f"embeddings {path.name}", info.model_sha256, f"model {model.card.id}", model.sha256, mend)


def _agree(claims: str, expected: str, owner: str, found: str, command: str) -> None:
    if expected != found:
        raise NotServable(f"Hashes differ: {claims} says {expected[:12]}, {owner} has {found[:12]}.", command)


def _rebuild(row: ReleaseRow) -> str:
    return f"skylike index build {row.survey} --model {row.model_id}"
