"""What a running service holds: surveys, releases, sessions, workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from anyio import CapacityLimiter, to_thread
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session, sessionmaker

from service.jobs.store import JobStore
from service.kept_folder import KeptFolder
from service.keyring import KeyRing
from service.operations.refusals import ObjectNotFound, ReleaseMismatch, UnknownRelease, UnknownSurvey
from service.served import Served
from service.settings import Settings
from service.workers import Fairness, Workers
from survey.archive import SurveyFolder, UnknownObject

if TYPE_CHECKING:
    from service.sandbox import Sandbox

__all__ = ["NotReady", "Resources"]

T = TypeVar("T")


class NotReady(RuntimeError):
    """A self-test that failed; the message names it."""


@dataclass(frozen=True, eq=False)
class Resources:
    """Everything opened at start and closed at the end; nothing in it changes in between.

    Attributes
    ----------
    surveys
        Every survey of the catalogue, by name.
    releases
        Every active release, by id.
    defaults
        Survey to the id of the release that answers when only the survey is named.
    default_survey
        Answers when a request names none; None when no survey has a release.
    """

    settings: Settings
    engine: Engine
    sessions: sessionmaker[Session]
    surveys: Mapping[str, SurveyFolder]
    releases: Mapping[str, Served]
    defaults: Mapping[str, str]
    default_survey: str | None
    sandbox: Sandbox
    workers: Workers = field(init=False)
    fairness: Fairness = field(init=False)
    keyring: KeyRing = field(init=False)
    kept: KeptFolder = field(init=False)
    jobs: JobStore = field(init=False)
    _parsing: CapacityLimiter = field(init=False)

    def __post_init__(self) -> None:
        workers = Workers(threads=self.settings.search_workers, queue=self.settings.search_queue)
        object.__setattr__(self, "workers", workers)
        object.__setattr__(self, "fairness", Fairness(self.settings.heavy_per_client))
        object.__setattr__(self, "keyring", KeyRing(self.sessions))
        object.__setattr__(self, "kept", KeptFolder(self.settings.kept_dir))
        object.__setattr__(self, "jobs", JobStore(self.engine, self.settings))
        # Uploads wait in threads of their own: the database and /readyz must find one free. One more than may wait is
        # for the one that is refused.
        waiting = self.settings.sandbox_children + self.settings.sandbox_queue
        object.__setattr__(self, "_parsing", CapacityLimiter(waiting + 1))

    async def in_sandbox(self, work: Callable[[], T]) -> T:
        """Run what waits for a parsing child in a thread."""
        return await to_thread.run_sync(work, limiter=self._parsing)

    @cached_property
    def field_arcsec(self) -> float | None:
        """Side of the largest field of the sky that a release's model reads; None if one reads images whole."""
        contracts = [served.model.contract for served in self.releases.values()]
        sides = [
            None if contract.pixel_scale_arcsec is None else contract.field_px * contract.pixel_scale_arcsec
            for contract in contracts
            if not contract.is_display
        ]
        known = [side for side in sides if side is not None]
        return max(known, default=0.0) if len(known) == len(sides) else None

    def folder(self, survey: str | None = None) -> SurveyFolder:
        """Return a survey, the default one if none is named.

        Raises
        ------
        UnknownSurvey
            If it is not served.
        """
        name = survey or self.default_survey
        if name is None or name not in self.surveys:
            raise UnknownSurvey(
                f"No survey {name or '(default)'!r} is served; there are: {_listed(self.surveys)}.",
                survey=name,
            )
        return self.surveys[name]

    def default(self, survey: str | None = None) -> Served:
        """Return a survey's default release.

        Raises
        ------
        UnknownSurvey, UnknownRelease
            If there is no such survey, or it has no release.
        """
        name = self.folder(survey).info.name
        if name not in self.defaults:
            raise UnknownRelease(
                f"Survey {name} has no index release, so it has no neighbours. Build one: skylike index build {name}",
                survey=name,
            )
        return self.releases[self.defaults[name]]

    def choose(self, survey: str | None = None, release: str | None = None) -> Served:
        """Return the release that a request names, or the default.

        Raises
        ------
        UnknownSurvey, UnknownRelease
            If what was named is not served.
        ReleaseMismatch
            If the release is of another survey than the one named.
        """
        if release is None:
            return self.default(survey)
        served = self.releases.get(release)
        if served is None:
            raise UnknownRelease(
                f"No release {release!r} is served; `/api/v1/releases` lists those that are.", release=release
            )
        if survey is not None and served.survey != survey:
            raise ReleaseMismatch(
                f"Release {release} is of survey {served.survey}, not of {survey}. Name one of the two."
            )
        return served

    def locate(
        self, object_id: str, survey: str | None = None, release: str | None = None
    ) -> tuple[Served, int]:
        """Return the release that a request names with an object's row in it.

        Raises
        ------
        ObjectNotFound
            If the survey has no such id; says which other surveys have it.
        ObjectNotIndexed
            If the release has no embedding of it.
        """
        served = self.choose(survey, release)
        try:
            return served, served.row_of(object_id)
        except ObjectNotFound as error:
            raise self.not_found(object_id, served.survey) from error

    def not_found(self, object_id: str, survey: str) -> ObjectNotFound:
        """Return the refusal that says where else an id occurs."""
        others = [name for name, folder in self.surveys.items() if name != survey and _has(folder, object_id)]
        hint = f" Survey {_listed(others)} has it: ask with ?survey={others[0]}." if others else ""
        return ObjectNotFound(
            f"Survey {survey} has no object {object_id!r}.{hint}", survey=survey, other_surveys=others
        )

    def check_database(self) -> None:
        """Ask the database something.

        Raises
        ------
        sqlalchemy.exc.OperationalError
            If it does not answer.
        """
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def check_search(self) -> None:
        """Let each release find its first object by its own embedding.

        Raises
        ------
        NotReady
            If another object is nearer to it than itself.
        """
        for served in self.releases.values():
            store = served.release.store
            best = store.search(store.vector(0)[None, :], 1)
            if float(best.similarity[0, 0]) < 1 - 1e-4:
                raise NotReady(f"release {served.release.id} does not find its own first object")

    def close(self) -> None:
        """Close what holds files, connections and processes."""
        self.sandbox.close()
        self.engine.dispose()


def _has(folder: SurveyFolder, object_id: str) -> bool:
    try:
        folder.row_of(object_id)
    except UnknownObject:
        return False
    return True


def _listed(names: Mapping[str, object] | list[str]) -> str:
    return ", ".join(names) or "none"
