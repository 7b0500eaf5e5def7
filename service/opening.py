"""Open what a data folder and its database say is served, or say why it cannot be."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from index.catalogue.activation import ReleaseRow, list_active, list_registered
from index.catalogue.migrate import current_revision, head_revision
from index.catalogue.repository import SurveyRow, list_surveys
from index.catalogue.session import make_engine, sessions
from service.defaults import default_release, first_indexed
from service.memory import available_bytes, encoder_bytes, release_bytes
from service.open_parts import NotServable, Parts
from service.operations.keeping import sweep
from service.operations.refusals import Busy, ReleaseGone, UnknownRelease
from service.resources import NotReady, Resources, State
from service.sandbox import Sandbox
from service.served import Served
from service.settings import Settings
from service.shared import Shared

__all__ = ["NotServable", "is_stale", "open_release", "open_resources", "reopen"]

_NOTHING = "skylike demo --no-serve"
# Of one statement in the database: who asked has given up by then.
_ANSWER_SECONDS = 10.0


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
        _check_schema(settings)
        shared = Shared(settings, engine, sessions(engine), sandbox, open_release)
        resources = _open(shared, _Catalogue.read(engine), pinned=pinned)
        sweep(resources)
    except BaseException:
        sandbox.close()
        engine.dispose()
        raise
    return resources


def reopen(resources: Resources) -> Resources:
    """Open what the catalogue says now, without what is open already, and let every release search.

    Raises
    ------
    NotServable
        As :func:`open_resources`, or if a release does not find its own objects, or if both sets do not fit into memory.
    """
    catalogue = _Catalogue.read(resources.engine)
    _check_room(resources, catalogue)
    new = _open(resources.shared, catalogue, before=resources)
    try:
        new.check_search()
    except NotReady as error:
        raise NotServable(f"The self-test failed: {error}.", "skylike check") from error
    return new


def is_stale(resources: Resources) -> object:
    """Return what is to be served instead, to be compared with what it was before; None if nothing is.

    Raises
    ------
    NotServable
        If the database does not answer.
    """
    state = _Catalogue.read(resources.engine).state
    replaced = frozenset(name for name, folder in resources.surveys.items() if folder.is_replaced)
    return None if state == resources.state and not replaced else (state, replaced)


def open_release(resources: Resources, release_id: str) -> Served:
    """Open a release that the catalogue knows, active or not.

    Raises
    ------
    UnknownRelease
        If it knows none of this name.
    ReleaseGone
        If what the release needs is there no longer.
    Busy
        If there is no memory for it.
    """
    with resources.sessions() as session:
        rows = {row.id: row for row in list_registered(session)}
        known = list_surveys(session)
    if release_id not in rows:
        raise UnknownRelease(
            f"There is no release {release_id!r}; `/api/v1/releases` lists those served.", release=release_id
        )
    needed, free = _room(resources, [rows[release_id]])
    if needed > free:
        raise Busy(f"There is no memory for release {release_id} beside those that are served.")
    try:
        return Parts(resources.settings, known, resources).release(rows[release_id])
    except NotServable as error:
        raise ReleaseGone(
            f"Release {release_id} cannot be opened any more: it was pruned, or its survey or model was replaced.",
            release=release_id,
        ) from error


class _Catalogue:
    """What the database says at one time."""

    def __init__(self, session: Session) -> None:
        self.surveys: Sequence[SurveyRow] = list_surveys(session)
        self.active: Sequence[ReleaseRow] = list_active(session)
        self.registered: Sequence[ReleaseRow] = list_registered(session)

    @classmethod
    def read(cls, engine: Engine) -> _Catalogue:
        try:
            with sessions(engine)() as session:
                return cls(session)
        except SQLAlchemyError as error:
            raise NotServable("The catalogue's database does not answer.", "skylike doctor") from error

    @property
    def state(self) -> State:
        surveys = {("survey", row.name, row.sha256) for row in self.surveys}
        return frozenset(surveys | {("release", row.id, row.manifest_sha256) for row in self.active})


def _check_schema(settings: Settings) -> None:
    try:
        revision, head = current_revision(settings.url), head_revision()
    except SQLAlchemyError as error:
        raise NotServable("The catalogue's database does not answer.", "skylike doctor") from error
    if revision is None:
        raise NotServable("There is no catalogue yet.", _NOTHING)
    if revision != head:
        raise NotServable(
            f"The database has schema {revision}; this version needs {head}.", "skylike index migrate"
        )


def _open(
    shared: Shared, catalogue: _Catalogue, *, pinned: Collection[str] = (), before: Resources | None = None
) -> Resources:
    if not catalogue.active:
        raise NotServable(
            "Nothing is served yet: the catalogue has no active release.", _first_build(catalogue.surveys)
        )
    parts = Parts(shared.settings, catalogue.surveys, before)
    surveys = {row.name: parts.survey(row.name) for row in catalogue.surveys}
    further = [row for row in catalogue.registered if row.id in pinned and not row.is_active]
    releases = {row.id: parts.release(row) for row in [*catalogue.active, *further]}
    indexed = {served.survey for served in releases.values()}
    defaults = {name: default_release(name, releases) for name in surveys if name in indexed}
    return Resources(
        shared=shared,
        # With the supplements of the release that answers when only the survey is named.
        surveys={**surveys, **{name: releases[release_id].folder for name, release_id in defaults.items()}},
        releases=releases,
        defaults=defaults,
        default_survey=_default_survey(shared.settings, defaults, catalogue.registered),
        state=catalogue.state,
    )


def _check_room(resources: Resources, catalogue: _Catalogue) -> None:
    """Refuse what does not fit beside what is served: both are open until the last request of the old one has ended."""
    new = [row for row in catalogue.active if row.id not in resources.releases]
    needed, free = _room(resources, new)
    if needed > free:
        raise NotServable(
            f"{len(new)} further releases would take about {needed / 2**30:.1f} GiB beside those that are served, and "
            f"{free / 2**30:.1f} GiB are free.",
            "start the service again, or on a machine with more memory",
        )


def _room(resources: Resources, new: Sequence[ReleaseRow]) -> tuple[float, float]:
    """Return the bytes that further releases would take, and those that are free."""
    models = {row.model_id: row.model_sha256 for row in new}
    for one in resources.releases.values():
        if models.get(one.model.card.id) == one.model.sha256:
            del models[one.model.card.id]
    encoders = sum(encoder_bytes(resources.settings.data_dir / "models" / name) for name in models)
    free = available_bytes()
    return release_bytes(row.n for row in new) + encoders, math.inf if free is None else free


def _default_survey(settings: Settings, defaults: Mapping[str, str], registered: Sequence[ReleaseRow]) -> str:
    named = settings.default_survey
    if named is not None and named not in defaults:
        raise NotServable(
            f"SKYLIKE_DEFAULT_SURVEY is {named!r}, which has no active release; there are: {', '.join(defaults)}.",
            f"skylike index build {named}",
        )
    return named or first_indexed(defaults, registered)


def _first_build(known: Sequence[SurveyRow]) -> str:
    return f"skylike index build {known[0].name}" if known else _NOTHING
