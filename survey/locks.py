"""One process at a time for a thing that is being made."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["SurveyBusy", "alone", "making_survey"]


class SurveyBusy(ValueError):
    """A survey that another process is making."""


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold a lock file, waiting for whoever holds it; the system frees the lock of a killed process."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@contextmanager
def making_survey(path: Path) -> Iterator[None]:
    """Be the only one who imports or simulates the survey at ``path``; does not wait.

    Raises
    ------
    SurveyBusy
        If another process does so already.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SurveyBusy(
                f"survey {path.name!r} is being imported or simulated by another command; wait until it is done."
            ) from error
        yield
