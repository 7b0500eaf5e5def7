"""Who opens a file, as the kernel tells it (inotify)."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["watched"]

_IN_OPEN = 0x20


@contextmanager
def watched(path: Path) -> Iterator[Callable[[], bool]]:
    """Give a function that says whether the file was opened since it was asked last."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_NONBLOCK)
    assert descriptor >= 0
    assert libc.inotify_add_watch(descriptor, os.fsencode(path), _IN_OPEN) >= 0

    def was_opened() -> bool:
        try:
            return bool(os.read(descriptor, 65536))
        except BlockingIOError:
            return False

    try:
        yield was_opened
    finally:
        os.close(descriptor)
