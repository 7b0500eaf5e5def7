"""HTTP/1.1 for strangers: uvicorn's protocol with deadlines for sending and reading and a bound on headers."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.clients import IS_GONE

__all__ = ["PatientProtocol"]


class PatientProtocol(HttpToolsProtocol):
    """Closes connections that send too slowly or too much header, or that do not read their answer.

    uvicorn itself waits for ever for the rest of a request, and httptools takes headers without end
    (docs/operations.md): a few hundred silent connections would be enough to fill a service without a proxy.

    Attributes
    ----------
    header_seconds
        From the connection, or a request's first byte, to the end of its headers.
    body_seconds
        For each ``body_bytes`` of the body, or what is left of it: with the defaults 17 KiB/s at least.
    header_bytes
        Largest request line with headers. What frames a chunked body and trails it may take as much, and another
        byte for each byte of the body: uvicorn keeps trailers without end, 1.5 GB of the 99 MB that were tried.
    answer_seconds
        Within which a client must read something of an answer that waits for it.
    """

    header_seconds: ClassVar[float] = 10.0
    body_seconds: ClassVar[float] = 60.0
    body_bytes: ClassVar[int] = 1 << 20
    header_bytes: ClassVar[int] = 64 << 10
    answer_seconds: ClassVar[float] = 60.0

    _patience: asyncio.TimerHandle | None = None
    _unread = 0
    _deadline: asyncio.TimerHandle | None = None
    _in_headers = True
    _framing = 0
    _body = 0
    _ungranted = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock of the first request."""
        super().connection_made(transport)
        self._start(self.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks."""
        self._stop()
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes that are no body."""
        self._framing += len(data)
        super().data_received(data)
        if self._framing > self.header_bytes + self._body and not self.transport.is_closing():
            self.send_400_response("Headers too large." if self._in_headers else "Chunks too small.")
        elif self._deadline is None and (self.cycle is None or self.cycle.response_complete):
            # Empty lines between two requests end uvicorn's own patience with an idle connection.
            self._start(self.header_seconds)

    def on_message_begin(self) -> None:
        """Start the clock of a further request."""
        super().on_message_begin()
        self.scope[IS_GONE] = self.transport.is_closing  # type: ignore[typeddict-unknown-key]
        self._in_headers = True
        if self._deadline is None:
            self._start(self.header_seconds)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; trailers are dropped, for nobody may add to the headers that were judged."""
        if self._in_headers:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Go on to the body's clock."""
        self._in_headers = False
        self._start(self.body_seconds)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Grant more time for what has arrived."""
        self._framing -= len(body)
        self._body += len(body)
        self._ungranted += len(body)
        if self._ungranted >= self.body_bytes:
            self._ungranted = 0
            self._start(self.body_seconds)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop the clock: the answer takes the time that it takes."""
        self._stop()
        self._framing = self._body = self._ungranted = 0
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Start the clock of an answer that waits to be read."""
        super().pause_writing()
        self._wait_for_reader()

    def resume_writing(self) -> None:
        """Stop it: most of the answer has been read."""
        self._stop_waiting()
        super().resume_writing()

    def _wait_for_reader(self) -> None:
        self._stop_waiting()
        self._unread = self.transport.get_write_buffer_size()
        self._patience = self.loop.call_later(self.answer_seconds, self._look_at_reader)

    def _look_at_reader(self) -> None:
        if self.transport.get_write_buffer_size() < self._unread:
            self._wait_for_reader()
        else:
            # To close would be to wait for ever for the rest to be read.
            self._stop_waiting()
            self.transport.abort()

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _start(self, seconds: float) -> None:
        self._stop()
        self._deadline = self.loop.call_later(seconds, self._give_up)

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.close()
