"""Open what a data folder and its database say is served, or say why it cannot be."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from index.catalogue.activation import ReleaseRow, list_active, list_registered
from index.catalogue.migrate import current_revision, head_revision
from index.catalogue.repository import SurveyRow, list_surveys
from index.catalogue.session import make_engine, sessions
from index.embeddings import EmbeddingStore
from index.model import GoldenMismatch, Model, OnnxEncoder
from index.photoz_encoder import PhotozEncoder
from index.release import Release
from service.operations.keeping import sweep
from service.resources import Resources
from service.sandbox import Sandbox
from service.served import Served
from service.settings import Settings
from survey.archive import SurveyFolder
from survey.manifests import CorruptFolder

__all__ = ["NotServable", "open_resources"]

_NOTHING = "skylike demo --no-serve"
# Trained models first, then the better baseline (docs/results/first_light.md); other methods follow, oldest first.
_PREFERRED = ("moco", "polar48", "pca48")
# Of one statement in the database: who asked has given up by then.
_ANSWER_SECONDS = 10.0


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


def open_resources(settings: Settings, *, pinned: Collection[str] = ()) -> Resources:
    """Open everything that is served, checking that all of it fits together.

    Parameters
    ----------
    pinned
        Ids of further releases to open, if the catalogue still knows them, whether they are active or not.

    Raises
    ------
    NotServable
        If the database does not answer or its schema is old, nothing is active, a file is damaged, or two
        things that must agree do not; the message names the two.
    """
    sandbox = Sandbox(children=settings.sandbox_children, queue=settings.sandbox_queue)
    sandbox.start()
    engine = make_engine(settings.url, answer_seconds=_ANSWER_SECONDS)
    try:
        return _open(settings, sandbox, engine, pinned)
    except BaseException:
        sandbox.close()
        engine.dispose()
        raise


def _open(settings: Settings, sandbox: Sandbox, engine: Engine, pinned: Collection[str]) -> Resources:
    known, active, registered = _catalogue(settings, engine)
    if not active:
        raise NotServable("Nothing is served yet: the catalogue has no active release.", _first_build(known))
    active = [*active, *(row for row in registered if row.id in pinned and not row.is_active)]
    folders = {row.name: _survey(settings.data_dir, row) for row in known}
    models: dict[str, tuple[Model, OnnxEncoder, PhotozEncoder | None]] = {}
    releases: dict[str, Served] = {}
    for row in active:
        if row.survey not in folders:
            raise NotServable(
                f"Release {row.id} is of survey {row.survey}, which the catalogue has not.", _rebuild(row)
            )
        if row.model_id not in models:
            models[row.model_id] = _model(settings, row)
        model, encoder, network = models[row.model_id]
        releases[row.id] = _served(settings, row, folders[row.survey], model, encoder, network=network)
    defaults = {
        name: _default(name, releases) for name in folders if any(s.survey == name for s in releases.values())
    }
    resources = Resources(
        settings=settings,
        engine=engine,
        sessions=sessions(engine),
        surveys=folders,
        releases=releases,
        defaults=defaults,
        default_survey=_default_survey(settings, defaults, registered),
        sandbox=sandbox,
    )
    sweep(resources)
    return resources


def _catalogue(
    settings: Settings, engine: Engine
) -> tuple[list[SurveyRow], list[ReleaseRow], list[ReleaseRow]]:
    try:
        revision, head = current_revision(settings.url), head_revision()
        if revision is None:
            raise NotServable("There is no catalogue yet.", _NOTHING)
        if revision != head:
            raise NotServable(
                f"The database has schema {revision}; this version needs {head}.", "skylike index migrate"
            )
        with sessions(engine)() as session:
            return list_surveys(session), list_active(session), list_registered(session)
    except SQLAlchemyError as error:
        raise NotServable("The catalogue's database does not answer.", "skylike doctor") from error


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


def _model(settings: Settings, row: ReleaseRow) -> tuple[Model, OnnxEncoder, PhotozEncoder | None]:
    try:
        model = Model.open(settings.data_dir / "models" / row.model_id)
        network = None if model.card.photoz is None else PhotozEncoder(model, threads=settings.threads)
        return model, OnnxEncoder(model, threads=settings.threads), network
    except (CorruptFolder, GoldenMismatch) as error:
        raise NotServable(f"Model {row.model_id} cannot be used: {error}.", "skylike check") from error


def _served(
    settings: Settings,
    row: ReleaseRow,
    folder: SurveyFolder,
    model: Model,
    encoder: OnnxEncoder,
    *,
    network: PhotozEncoder | None,
) -> Served:
    try:
        release = Release.open(settings.data_dir / "releases" / row.id, verify=settings.verify)
    except CorruptFolder as error:
        raise NotServable(f"Release {row.id} cannot be opened: {error}.", _rebuild(row)) from error
    info, mend = release.info, _rebuild(row)
    _agree("the active release row", row.manifest_sha256, f"release {row.id}", release.sha256, mend)
    _agree(f"release {row.id}", info.survey_sha256, f"survey {folder.info.name}", folder.sha256, mend)
    _agree(f"release {row.id}", info.model_sha256, f"model {model.card.id}", model.sha256, mend)
    _check_embeddings(settings.data_dir / "embeddings" / f"{row.survey}--{row.model_id}", folder, model, mend)
    if network is not None:
        release.lend_network(network)
    served = Served(release, model, encoder, folder)
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


def _default(survey: str, releases: Mapping[str, Served]) -> str:
    """Choose the release that answers for a survey: of a model that reads its images as they are, then by method."""

    def order(served: Served) -> tuple[bool, bool, int, str, str]:
        card, is_display = served.model.card, served.folder.info.kind == "display"
        # A hybrid is called by its trained part and what is joined to it.
        method = card.method.partition("+")[0]
        rank = _PREFERRED.index(method) if method in _PREFERRED else len(_PREFERRED)
        return (
            served.model.contract.is_display != is_display,
            # A vector with directions taken out answers where it is asked for.
            bool(card.training.get("without")),
            rank,
            served.release.info.created,
            served.release.id,
        )

    return min((s for s in releases.values() if s.survey == survey), key=order).release.id


def _default_survey(settings: Settings, defaults: Mapping[str, str], registered: Sequence[ReleaseRow]) -> str:
    named = settings.default_survey
    if named is not None and named not in defaults:
        raise NotServable(
            f"SKYLIKE_DEFAULT_SURVEY is {named!r}, which has no active release; there are: {', '.join(defaults)}.",
            f"skylike index build {named}",
        )
    # The first survey ever indexed, so that a newer or rebuilt one does not change what plain requests mean.
    return (
        named
        or min(
            (row for row in registered if row.survey in defaults), key=lambda row: (row.created_at, row.id)
        ).survey
    )


def _first_build(known: Sequence[SurveyRow]) -> str:
    return f"skylike index build {known[0].name}" if known else _NOTHING


def _rebuild(row: ReleaseRow) -> str:
    return f"skylike index build {row.survey} --model {row.model_id}"
