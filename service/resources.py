"""What a running service serves: surveys and releases, beside what the process shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from service.operations.refusals import ObjectNotFound, ReleaseMismatch, UnknownRelease, UnknownSurvey
from service.served import Served
from service.shared import Shared
from survey.archive import SurveyFolder, UnknownObject

if TYPE_CHECKING:
    from service.batching import Batcher
    from service.jobs.store import JobStore
    from service.kept_folder import KeptFolder
    from service.keyring import KeyRing
    from service.sandbox import Sandbox
    from service.settings import Settings
    from service.workers import Fairness, Workers

__all__ = ["NotReady", "Resources", "State"]

T = TypeVar("T")
#: Surveys and active releases of the catalogue: kind, name, SHA-256.
State = frozenset[tuple[str, str, str]]


class NotReady(RuntimeError):
    """A self-test that failed; the message names it."""


@dataclass(frozen=True, eq=False)
class Resources:
    """What is served at one time, with what the process shares; a request keeps the one that it began with.

    Nothing in it changes. When other releases become active, another one takes its place; this one lives as long as a
    request holds it.

    Attributes
    ----------
    shared
        What outlives it.
    surveys
        Every survey of the catalogue, by name.
    releases
        Every active release, by id.
    defaults
        Survey to the id of the release that answers when only the survey is named.
    default_survey
        Answers when a request names none; None when no survey has a release.
    state
        What the catalogue said when this was opened: whether there is something new to open.
    """

    shared: Shared
    surveys: Mapping[str, SurveyFolder]
    releases: Mapping[str, Served]
    defaults: Mapping[str, str]
    default_survey: str | None
    state: State = frozenset()

    @property
    def settings(self) -> Settings:
        """The process's configuration."""
        return self.shared.settings

    @property
    def engine(self) -> Engine:
        """The database."""
        return self.shared.engine

    @property
    def sessions(self) -> sessionmaker[Session]:
        """Maker of sessions that read."""
        return self.shared.sessions

    @property
    def sandbox(self) -> Sandbox:
        """Children that parse what strangers send."""
        return self.shared.sandbox

    @property
    def workers(self) -> Workers:
        """Threads for what would stop the event loop."""
        return self.shared.workers

    @property
    def searches(self) -> Batcher:
        """Where searches by vector wait for each other."""
        return self.shared.searches

    @property
    def fairness(self) -> Fairness:
        """Heavy requests of each client."""
        return self.shared.fairness

    @property
    def keyring(self) -> KeyRing:
        """Keys and their owners."""
        return self.shared.keyring

    @property
    def kept(self) -> KeptFolder:
        """Uploads that are kept."""
        return self.shared.kept

    @property
    def jobs(self) -> JobStore:
        """Jobs."""
        return self.shared.jobs

    async def in_sandbox(self, work: Callable[[], T]) -> T:
        """Run what waits for a parsing child in a thread."""
        return await self.shared.in_sandbox(work)

    async def pinned(self, release_id: str) -> Served:
        """Return a release by its id, opened now if it is served no longer.

        Raises
        ------
        UnknownRelease
            If the catalogue does not know it.
        ReleaseGone
            If it knows it, and its folder, model or survey is there no longer.
        Busy
            If too many requests wait for others to be opened.
        """
        return self.releases.get(release_id) or await self.shared.pins.served(self, release_id)

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
        """Return the refusal that says where else an id occurs, or what a URL made of it."""
        others = [name for name, folder in self.surveys.items() if name != survey and _has(folder, object_id)]
        hint = f" Survey {_listed(others)} has it: ask with ?survey={others[0]}." if others else ""
        meant = object_id.replace(" ", "+")
        if meant != object_id and survey in self.surveys and _has(self.surveys[survey], meant):
            hint = f" It has {meant!r}: in a URL's query + is a space; write it as %2B."
        return ObjectNotFound(
            f"Survey {survey} has no object {object_id!r}.{hint}", survey=survey, other_surveys=others
        )

    def check_database(self) -> None:
        """Ask the database something; see :meth:`Shared.check_database`."""
        self.shared.check_database()

    def check_search(self) -> None:
        """Let each release find its first object by its own embedding.

        Raises
        ------
        NotReady
            If another object is nearer to it than itself.
        """
        for served in self.releases.values():
            engine = served.release.engine
            # An update may have withdrawn the first ones.
            row = 0 if engine.alive is None else int(engine.alive.argmax())
            vector = served.release.store.vector(row)
            best = engine.search(vector[None, :], 1).hits
            # Numbers of half precision leave a vector's own length off by some 1e-4.
            if float(best.similarity[0, 0]) < min(1.0, float(vector @ vector)) - 1e-4:
                raise NotReady(f"release {served.release.id} does not find its own first object")

    def close(self) -> None:
        """Close what the process shares."""
        self.shared.close()


def _has(folder: SurveyFolder, object_id: str) -> bool:
    try:
        folder.row_of(object_id)
    except UnknownObject:
        return False
    return True


def _listed(names: Mapping[str, object] | list[str]) -> str:
    return ", ".join(names) or "none"
