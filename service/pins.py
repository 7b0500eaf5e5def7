"""Releases that are served no longer, opened again because a request names one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from service.operations.refusals import UnknownRelease
from service.workers import Workers

if TYPE_CHECKING:
    from service.resources import Resources
    from service.served import Served

__all__ = ["Opener", "Pins", "opens_nothing"]

#: Opens one release beside those that are served; raises UnknownRelease or ReleaseGone.
Opener = Callable[["Resources", str], "Served"]

_KEPT = 2
# One at a time is opened; so many requests may wait for it.
_WAITING = 8


def opens_nothing(_resources: Resources, release_id: str) -> Served:
    """Refuse every release, in processes that open none later."""
    raise UnknownRelease(f"No release {release_id!r} is served.", release=release_id)


class Pins:
    """The last releases that were asked for and are not served; used from one event loop.

    Parameters
    ----------
    opener
        Runs in a thread.
    """

    def __init__(self, opener: Opener) -> None:
        self._open = opener
        self._opened: OrderedDict[str, Served] = OrderedDict()
        self._threads = Workers(threads=1, queue=_WAITING)

    async def served(self, resources: Resources, release_id: str) -> Served:
        """Return a release, open already or opened now.

        Raises
        ------
        UnknownRelease
            If the catalogue does not know it.
        ReleaseGone
            If it knows it, and its folder, model or survey is there no longer.
        Busy
            If too many wait for others to be opened.
        """
        if release_id not in self._opened:
            # Who waited while another request opened it finds it in the thread.
            served = await self._threads.run(partial(self._opened_now, resources, release_id))
            self._opened[release_id] = served
        self._opened.move_to_end(release_id)
        while len(self._opened) > _KEPT:
            self._opened.popitem(last=False)
        return self._opened[release_id]

    def _opened_now(self, resources: Resources, release_id: str) -> Served:
        return self._opened.get(release_id) or self._open(resources, release_id)
