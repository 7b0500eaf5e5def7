"""Rights that a parsing child gives up for good, as the kernel enforces them."""

from __future__ import annotations

import contextlib
import ctypes
import resource
import struct
import sys
import tempfile
import urllib.request

from service.sandbox_limits import CPU_SECONDS, LIMITS

__all__ = ["give_up_rights", "leave_the_network"]

_CLONE_NEWNET, _CLONE_NEWUSER = 0x40000000, 0x10000000
_PR_SET_NO_NEW_PRIVS = 38
# The same on every architecture (linux/arch/*/syscall*.tbl); the C library has no functions for them.
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_RULESET_VERSION = 1


def leave_the_network() -> bool:
    """Move to a network namespace without interfaces; False where the kernel does not let an ordinary process do so."""
    if sys.platform != "linux":
        return False
    try:
        return bool(ctypes.CDLL(None).unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0)
    except (OSError, AttributeError):
        return False


def give_up_rights(cpu_seconds: int = CPU_SECONDS) -> None:
    """Take memory, time, files, processes and the network from this process.

    What is open stays open; nothing is opened any more, no module imported, no address asked.

    Parameters
    ----------
    cpu_seconds
        Processor time that is left to it.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _close_the_file_system(libc)
    for limit, value in {**LIMITS, resource.RLIMIT_CPU: cpu_seconds}.items():
        # With equal limits of processor time the kernel sends SIGKILL, which says nothing; one second later it does.
        resource.setrlimit(limit, (value, value + 1 if limit == resource.RLIMIT_CPU else value))
    # reproject makes a folder for temporary files at every call, though it puts none there; this child may open none.
    tempfile.TemporaryDirectory = contextlib.nullcontext  # type: ignore[assignment,misc]
    # astropy follows what a VOTable points to: it is told so before the kernel would have to.
    urllib.request.urlopen = _fetch_nothing


def _fetch_nothing(*_: object, **__: object) -> None:
    raise PermissionError("a parsing child fetches nothing")


def _close_the_file_system(libc: ctypes.CDLL) -> None:
    """Forbid by Landlock all that it knows (no rule allows any of it); nothing happens where the kernel has none.

    References
    ----------
    https://docs.kernel.org/userspace-api/landlock.html (bits of ``struct landlock_ruleset_attr`` by version)
    """
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _RULESET_VERSION)
    if version < 1:
        return
    # Reading, writing, making, removing; then moving, truncating, device commands.
    n_file_rights = 13 + (version >= 2) + (version >= 3) + (version >= 5)
    tcp = 0b11 if version >= 4 else 0
    # Abstract sockets of others, and signals to them.
    scoped = 0b11 if version >= 6 else 0
    attributes = struct.pack("=QQQ", (1 << n_file_rights) - 1, tcp, scoped)
    size = 8 + 8 * (version >= 4) + 8 * (version >= 6)
    ruleset = libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), 0)
    if ruleset >= 0:
        libc.syscall(_RESTRICT_SELF, ruleset, 0)
        # Closed by its number: this process has no Python file object of it.
        libc.close(ruleset)
