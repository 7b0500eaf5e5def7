"""Whose the other end of a connection is, as the kernel has it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final

__all__ = ["is_own_users"]

_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))

Address = IPv4Address | IPv6Address
End = tuple[Address, int]


def is_own_users(client: End, server: End) -> bool | None:
    """Whether a connection within this machine was opened by the user that this process runs as.

    Parameters
    ----------
    client, server
        The ends as the server has them.

    Returns
    -------
    bool or None
        None where the kernel has no such table (``/proc`` is Linux's). False also for an end that stands in no table:
        it is in another network namespace or on another machine, or closed already.
    """
    asked = (_plain(client), _plain(server))
    # The kernel writes its table in pieces; a line that moves meanwhile is missed, so a miss is looked at again.
    found = _look(asked)
    return _look(asked) if found is False else found


def _look(asked: tuple[End, End]) -> bool | None:
    read = False
    for table in _TABLES:
        try:
            lines = table.read_text().splitlines()[1:]
        except OSError:
            continue
        read = True
        if any(ends == asked and owned for ends, owned in _rows(lines, asked[0][1])):
            return True
    return False if read else None


def _rows(lines: list[str], port: int) -> Iterator[tuple[tuple[End, End], bool]]:
    """Yield the ends of each connection from a port, and whether it is ours: proc_net_tcp(5).

    A socket without an inode has been closed by its process and counts as root's, whosever it was.
    """
    mark = f":{port:04X}"
    for line in lines:
        words = line.split()
        if len(words) > 9 and words[1].endswith(mark):
            yield (_end(words[1]), _end(words[2])), words[9] != "0" and int(words[7]) == os.geteuid()


def _end(text: str) -> End:
    """Read ``0100007F:1F90``: words of 32 bits in the byte order of the machine, and a port in hexadecimal."""
    address, _, port = text.partition(":")
    raw = b"".join(
        int(address[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(address), 8)
    )
    return _plain((ip_address(raw), int(port, 16)))


def _plain(end: End) -> End:
    """Write an IPv4 address within IPv6 as itself."""
    address, port = end
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address, port
