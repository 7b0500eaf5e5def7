"""What a worker answers from: opened when the first job needs it, and again when a job names another release."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from service.jobs.handlers import Handler, Spec, maker_of
from service.operations.refusals import UnknownRelease

if TYPE_CHECKING:
    from service.resources import Resources
    from service.settings import Settings

__all__ = ["OpenedReleases"]

logger = logging.getLogger(__name__)


class OpenedReleases:
    """The handlers of one worker, with the surveys, models and releases that they answer from.

    A release never changes, so what is open stays right; one that was activated since, or is active no longer, is opened
    when a job names it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._resources: Resources | None = None
        self._latest: tuple[str, Handler] | None = None

    def handler(self, spec: Spec) -> Handler:
        """Return the handler of a job; the same object while the worker stays with that job.

        Raises
        ------
        UnknownRelease
            If the release that the job names cannot be opened any more.
        UnknownKind
            If there is no such kind.
        NotServable
            If nothing can be opened at the moment.
        """
        if self._latest is None or self._latest[0] != spec.job_id:
            make = maker_of(spec.kind)
            self._latest = (spec.job_id, make(self._opened(spec.parameters.get("release"))))
        return self._latest[1]

    def close(self) -> None:
        """Close what is open."""
        if self._resources is not None:
            self._resources.close()
        self._resources = self._latest = None

    def _opened(self, release: str | None) -> Resources:
        if self._resources is not None and (release is None or release in self._resources.releases):
            return self._resources
        self.close()
        # Imported here: a worker that waits needs neither faiss nor ONNX Runtime nor astropy.
        from service.opening import NotServable, open_resources  # noqa: PLC0415

        try:
            self._resources = open_resources(self._settings, pinned=() if release is None else (release,))
        except NotServable as error:
            if release is None or isinstance(error.__cause__, SQLAlchemyError):
                raise
            raise _gone(release) from error
        logger.info("worker opened", extra={"releases": sorted(self._resources.releases)})
        if release is not None and release not in self._resources.releases:
            raise _gone(release)
        return self._resources


def _gone(release: str) -> UnknownRelease:
    return UnknownRelease(
        f"Release {release}, for which this job was made, cannot be opened any more: it was pruned, or its survey "
        "was replaced. Send the rows again; the release that is active now will answer.",
        release=release,
    )
