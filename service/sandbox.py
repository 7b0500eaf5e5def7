"""Parse uploads in children that may die, hang or be taken over without harm to the service."""

from __future__ import annotations

import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Self, TypeVar

from service.operations.refusals import Busy
from service.sandbox_limits import CPU_SECONDS
from service.sandbox_process import Child, Ended, ForkServer
from service.sandbox_reply import check_table, read_cutout, read_refusal
from service.sandbox_wire import MAX_HEAD_BYTES, BadFrame, Deadline, receive_head, send_frame
from survey.ingest import CutoutRejected, Overrides, Understood
from survey.prescan import PrescanReport, check_blocks, prescan

__all__ = ["MAX_FILES", "ChildDied", "ChildTimeout", "Sandbox"]

logger = logging.getLogger(__name__)

T = TypeVar("T")
Files = Sequence[tuple[str, bytes]]

MAX_FILES = 9
_QUEUE_SECONDS = 30.0
# A row of a table as JSON: an id of 256 characters, each at worst twelve bytes, and two numbers.
_ROW_BYTES = 256 * 12 + 64


class ChildDied(CutoutRejected):
    """The child ended without an answer: the file crashed the program that read it."""

    def __init__(self) -> None:
        super().__init__(
            "upload.crashed",
            "The file crashed the program that read it. Write it again with another program.",
        )


class ChildTimeout(CutoutRejected):
    """The child used up its time."""

    def __init__(self, limit: str) -> None:
        super().__init__(
            "upload.timeout",
            f"Reading the file took more than {limit}. Send a smaller cutout around the galaxy.",
        )


class Sandbox:
    """A fork server and the children it forks, one for each upload.

    Parameters
    ----------
    children
        How many run at the same time.
    queue
        How many uploads may wait; one more is refused.
    wall_seconds
        After which a child is killed.
    on_end
        Told in the caller's thread how each child ended (None if nobody knows) before its job returns; waiting for
        the end costs a millisecond, so the service has none.
    """

    def __init__(
        self,
        *,
        children: int = 2,
        queue: int = 16,
        wall_seconds: float = 8.0,
        on_end: Callable[[Ended | None], None] | None = None,
    ) -> None:
        self._server = ForkServer()
        self._free = threading.Semaphore(children)
        self._most = children + queue
        self._wall_seconds = wall_seconds
        self._on_end = on_end
        self._inside = 0
        self._lock = threading.Lock()

    @property
    def server_pid(self) -> int | None:
        """Process id of the fork server; another one later means that it died and was started again."""
        return self._server.pid

    def start(self) -> None:
        """Start the fork server; returns before it is ready, jobs wait for it."""
        self._server.start()

    def close(self) -> None:
        """End the fork server with all its children."""
        self._server.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, files: Files, overrides: Overrides, *, field_arcsec: float | None = None) -> Understood:
        """Read one galaxy from its files.

        Parameters
        ----------
        files
            (name, bytes) each: one picture, or one to nine FITS files. Names are text, never a path.
        overrides
            What the sender says about them.
        field_arcsec
            Side of what is wanted around the galaxy, if the scale is known; None for all of the image.

        Raises
        ------
        CutoutRejected
            With the code of the prescan or the reader, ``upload.crashed``, ``upload.timeout`` or ``upload.memory``.
        Busy
            If the queue is full.
        """
        head = {"task": "cutout", "overrides": asdict(overrides), "field_arcsec": field_arcsec}
        # The prescan needs its turn too: many at a time would hold up whoever reads by id.
        with self._slot():
            reports = _prescan_all(files)
            exact = [
                (name, data[: report.length]) for (name, data), report in zip(files, reports, strict=True)
            ]
            understood = self._work(head, exact, read_cutout, MAX_HEAD_BYTES)
        for note in (note for report in reports for note in report.notes):
            understood.report.say("container", note)
        return understood

    def read_table(self, name: str, data: bytes, *, max_rows: int) -> dict[str, Any]:
        """Read a table's ids or positions; see :func:`service.table_reader.read_rows`."""
        head = {"task": "table", "max_rows": max_rows}
        return self.submit(
            head,
            [(name, data)],
            lambda told, *_: check_table(told, max_rows),
            most=MAX_HEAD_BYTES + _ROW_BYTES * max_rows,
        )

    def probe(self) -> dict[str, Any]:
        """Ask a child what it can see: its modules, environment, limits, network interfaces."""
        return self.submit({"task": "probe"}, [], lambda told, *_: dict(told["probe"]))

    def submit(
        self,
        head: dict[str, Any],
        files: Files,
        read: Callable[[dict[str, Any], socket.socket, Deadline], T],
        *,
        most: int = MAX_HEAD_BYTES,
    ) -> T:
        """Give one job to a child as it is (:meth:`run` looks at the headers first) and read its answer.

        Parameters
        ----------
        most
            Bytes that the head of the answer may have.
        """
        with self._slot():
            return self._work(head, files, read, most)

    def _work(
        self,
        head: dict[str, Any],
        files: Files,
        read: Callable[[dict[str, Any], socket.socket, Deadline], T],
        most: int,
    ) -> T:
        child = self._fork()
        deadline = Deadline(self._wall_seconds)
        try:
            listed = [{"name": name, "size": len(data)} for name, data in files]
            send_frame(child.stream, {**head, "files": listed}, [data for _, data in files], deadline)
            told = receive_head(child.stream, deadline, most)
            refusal = read_refusal(told)
            if refusal is None:
                return read(told, child.stream, deadline)
        except TimeoutError as error:
            raise ChildTimeout(f"{self._wall_seconds:g} s") from error
        except (EOFError, BrokenPipeError, ConnectionResetError) as error:
            ended = child.ended(timeout=1.0)
            code = None if ended is None else ended.exit_code
            logger.warning("a parsing child ended without an answer", extra={"exit_code": code})
            if code == -signal.SIGXCPU:
                raise ChildTimeout(f"{CPU_SECONDS} s of processor time") from error
            raise ChildDied from error
        except BadFrame as error:
            logger.warning("a parsing child answered nonsense", extra={"reason": str(error)})
            raise CutoutRejected(
                "upload.unreadable",
                "What stands in the file leads to an impossible size, position or pixel scale.",
            ) from error
        finally:
            if self._on_end is not None:
                self._on_end(child.finish())
            child.end()
        if "cause" in told:
            logger.info("a reader failed on an upload", extra={"cause": str(told["cause"])[:100]})
        raise refusal

    def _fork(self) -> Child:
        try:
            return self._server.fork()
        except OSError as error:
            logger.exception("no child can be forked for an upload")
            raise Busy("The reader of uploads is being restarted. Try again in a minute.") from error

    @contextmanager
    def _slot(self) -> Iterator[None]:
        with self._lock:
            if self._inside >= self._most:
                raise Busy(
                    f"{self._inside} uploads are being read or wait (limit {self._most}). Try again in a few seconds."
                )
            self._inside += 1
        try:
            if not self._free.acquire(timeout=_QUEUE_SECONDS):
                raise Busy(f"The upload waited {_QUEUE_SECONDS:g} s for its turn. Try again later.")
            try:
                yield
            finally:
                self._free.release()
        finally:
            with self._lock:
                self._inside -= 1


def _prescan_all(files: Files) -> list[PrescanReport]:
    """Look at the headers of all files, of which no more together than of one."""
    if not files:
        raise CutoutRejected("upload.empty", "The request holds no file.")
    if len(files) > MAX_FILES:
        raise CutoutRejected("upload.files", f"The request holds {len(files)} files (limit {MAX_FILES}).")
    reports: list[PrescanReport] = []
    for _, data in files:
        reports.append(prescan(data))
        check_blocks(sum(report.header_blocks for report in reports))
    if len(reports) > 1 and any(report.kind != "fits" for report in reports):
        raise CutoutRejected(
            "upload.files", "Several files of one galaxy must all be FITS; send a picture alone."
        )
    return reports
