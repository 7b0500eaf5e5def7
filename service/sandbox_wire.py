"""Frames between the service and its parsing children: a JSON head, then raw bytes.

Nothing here is ever unpickled, so that a child taken over by a hostile file can at worst send wrong numbers.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

__all__ = ["MAX_HEAD_BYTES", "BadFrame", "Deadline", "receive_body", "receive_head", "send_frame"]

MAX_HEAD_BYTES = 1024 * 1024
_LENGTH = struct.Struct(">Q")


class BadFrame(ValueError):
    """Bytes that are no frame, or one larger than its reader allows."""


class Deadline:
    """A moment on the monotonic clock that sockets are made to respect; ``None`` never comes."""

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds

    def apply(self, stream: socket.socket) -> None:
        """Let the next call on the socket time out at the deadline.

        Raises
        ------
        TimeoutError
            If it has passed.
        """
        if self._end is None:
            stream.settimeout(None)
            return
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        stream.settimeout(left)


def send_frame(
    stream: socket.socket, head: dict[str, Any], buffers: Sequence[bytes | memoryview], deadline: Deadline
) -> None:
    """Send a head and its buffers; the reader learns the buffers' sizes from the head."""
    text = json.dumps(head).encode()
    for part in (_LENGTH.pack(len(text)) + text, *buffers):
        deadline.apply(stream)
        stream.sendall(part)


def receive_head(stream: socket.socket, deadline: Deadline, most: int = MAX_HEAD_BYTES) -> dict[str, Any]:
    """Receive a head.

    Raises
    ------
    BadFrame
        If it has more than ``most`` bytes or is no JSON object.
    EOFError
        If the other side has hung up.
    """
    (length,) = _LENGTH.unpack(receive_body(stream, _LENGTH.size, deadline))
    if length > most:
        raise BadFrame(f"a head of {length} bytes (limit {most})")
    try:
        head = json.loads(receive_body(stream, length, deadline))
    except (ValueError, RecursionError) as error:
        raise BadFrame("the head is no JSON") from error
    if not isinstance(head, dict):
        raise BadFrame("the head is no JSON object")
    return head


def receive_body(stream: socket.socket, size: int, deadline: Deadline) -> bytearray:
    """Receive exactly this many bytes; EOFError if the other side hangs up before."""
    body = bytearray(size)
    view = memoryview(body)
    while view:
        deadline.apply(stream)
        n = stream.recv_into(view)
        if n == 0:
            raise EOFError
        view = view[n:]
    return body
