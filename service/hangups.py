"""SIGHUP as a request to look again, as daemons take it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["hangups"]


@contextmanager
def hangups(act: Callable[[], None]) -> Iterator[None]:
    """Call ``act`` for each SIGHUP while the block runs, on the running event loop.

    A service that was started in a terminal ends with it, and one in another thread than the first gets no signals.
    """
    if sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty():
        yield
        return
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(signal.SIGHUP, act)
    except (RuntimeError, ValueError, NotImplementedError):
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
