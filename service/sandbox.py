"""Parse uploads in children that may die, hang or be taken over without harm to the service."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Self, TypeVar

from service.operations.refusals import Busy
from service.sandbox_limits import CPU_SECONDS, MAX_CPU_SECONDS
from service.sandbox_process import Child, Ended, ForkServer
from service.sandbox_reply import read_cutout, read_refusal, read_table_reply
from service.sandbox_wire import MAX_HEAD_BYTES, BadFrame, Deadline, receive_head, send_frame
from service.table_wire import ReadTable
from survey.ingest import CutoutRejected, Overrides, Understood
from survey.prescan import PrescanReport, check_blocks, prescan

__all__ = ["MAX_FILES", "ChildDied", "ChildTimeout", "Sandbox"]

logger = logging.getLogger(__name__)

T = TypeVar("T")
Files = Sequence[tuple[str, bytes | memoryview]]

MAX_FILES = 9
_QUEUE_SECONDS = 30.0
# A child that takes nothing for so long has been given up by its reader long before.
_FEED_SECONDS = 600.0
# At a child's niceness on a busy machine: a table of 160 MB told its first rows after 3.4 s (measured).
_BODY_BYTES_PER_SECOND = 20e6
# Seconds for each second of the processor beyond the usual ones.
_PATIENCE = 6.0
_SMALLER = "Send a smaller cutout around the galaxy"


class ChildDied(CutoutRejected):
    """The child ended without an answer: the file crashed the program that read it."""

    def __init__(self) -> None:
        super().__init__(
            "upload.crashed",
            "The file crashed the program that read it. Write it again with another program.",
        )


class ChildTimeout(CutoutRejected):
    """The child used up its time."""

    def __init__(self, limit: str, task: str = "") -> None:
        smaller = "Send it as Parquet or FITS, or in parts" if task == "table" else _SMALLER
        super().__init__("upload.timeout", f"Reading the file took more than {limit}. {smaller}.")


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

    def read_table(
        self,
        name: str,
        data: bytes | memoryview,
        *,
        max_rows: int,
        chosen: Mapping[str, str] | None = None,
    ) -> ReadTable:
        """Read a table with its ids or positions; see :func:`service.table_reader.read_rows`.

        A child has more time for more bytes: half a second of the processor for each MiB, of which the slowest, VOTable,
        takes 0.17 s (200,000 rows, measured).
        """
        seconds = min(MAX_CPU_SECONDS, CPU_SECONDS + len(data) // 2**21)
        head = {"task": "table", "max_rows": max_rows, "chosen": dict(chosen or {}), "cpu_seconds": seconds}
        with self._slot():
            return self._work(head, [(name, data)], read_table_reply, MAX_HEAD_BYTES)

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

    def stream(
        self,
        head: dict[str, Any],
        files: Files,
        read: Callable[[dict[str, Any], socket.socket, Deadline], T],
        *,
        body: Iterator[bytes] | None = None,
        most: int = MAX_HEAD_BYTES,
    ) -> Generator[T, None, None]:
        """Give one job to a child that answers in many frames, and yield each as it comes; holds its slot meanwhile.

        The time limit counts anew for every frame, longer for a large body, which may be read as a whole before the first
        one. A frame that refuses ends the job, unless ``read`` takes it.

        Parameters
        ----------
        read
            Gets the head of a frame; what it leaves of the frame's body breaks the next one.
        body
            Pieces of ``head["body_bytes"]`` bytes together, sent while answers are read.
        """
        cpu_seconds = int(head.get("cpu_seconds", CPU_SECONDS))
        wall_seconds = self._wall_seconds + head.get("body_bytes", 0) / _BODY_BYTES_PER_SECOND
        with self._slot():
            child = self._fork()
            feeder: threading.Thread | None = None
            try:
                with self._blame(child, cpu_seconds, wall_seconds):
                    _send_job(child.stream, head, files, Deadline(self._wall_seconds))
                    if body is not None:
                        feeder = threading.Thread(target=_feed, args=(child.stream, body), daemon=True)
                        feeder.start()
                while True:
                    with self._blame(child, cpu_seconds, wall_seconds):
                        deadline = Deadline(wall_seconds)
                        told = receive_head(child.stream, deadline, most)
                        answer = read(told, child.stream, deadline)
                    yield answer
                    if told.get("end") is True:
                        return
            finally:
                if self._on_end is not None:
                    self._on_end(child.finish())
                child.end()
                if feeder is not None:
                    feeder.join()

    def _work(
        self,
        head: dict[str, Any],
        files: Files,
        read: Callable[[dict[str, Any], socket.socket, Deadline], T],
        most: int,
    ) -> T:
        cpu_seconds = int(head.get("cpu_seconds", CPU_SECONDS))
        # Who may work for longer may take longer, and more so: at its niceness it waits for everybody else.
        wall_seconds = self._wall_seconds + _PATIENCE * (cpu_seconds - CPU_SECONDS)
        child = self._fork()
        try:
            with self._blame(child, cpu_seconds, wall_seconds, head.get("task", "")):
                deadline = Deadline(wall_seconds)
                _send_job(child.stream, head, files, deadline)
                told = receive_head(child.stream, deadline, most)
                refusal = read_refusal(told)
                if refusal is None:
                    return read(told, child.stream, deadline)
        finally:
            if self._on_end is not None:
                self._on_end(child.finish())
            child.end()
        if "cause" in told:
            logger.info("a reader failed on an upload", extra={"cause": str(told["cause"])[:100]})
        raise refusal

    @contextmanager
    def _blame(
        self, child: Child, cpu_seconds: int, wall_seconds: float = 0.0, task: str = ""
    ) -> Iterator[None]:
        """Turn what a child's socket raises into the refusal that it stands for."""
        try:
            yield
        except TimeoutError as error:
            raise ChildTimeout(f"{wall_seconds or self._wall_seconds:g} s", task) from error
        except (EOFError, BrokenPipeError, ConnectionResetError) as error:
            ended = child.ended(timeout=1.0)
            code = None if ended is None else ended.exit_code
            logger.warning("a parsing child ended without an answer", extra={"exit_code": code})
            if code == -signal.SIGXCPU:
                raise ChildTimeout(f"{cpu_seconds} s of processor time", task) from error
            raise ChildDied from error
        except BadFrame as error:
            logger.warning("a parsing child answered nonsense", extra={"reason": str(error)})
            raise CutoutRejected(
                "upload.unreadable",
                "What stands in the file leads to an impossible size, position or pixel scale.",
            ) from error

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


def _send_job(stream: socket.socket, head: dict[str, Any], files: Files, deadline: Deadline) -> None:
    listed = [{"name": name, "size": len(data)} for name, data in files]
    send_frame(stream, {**head, "files": listed}, [data for _, data in files], deadline)


def _feed(stream: socket.socket, pieces: Iterator[bytes]) -> None:
    """Send a body while answers are read; who reads them learns of a child that ended, and tells why."""
    # A socket's time limit would be the reader's too: this end has one of its own.
    with contextlib.suppress(OSError), stream.dup() as own:
        # Not none: the other end's limit has made the descriptor, which both share, one that does not block.
        own.settimeout(_FEED_SECONDS)
        for piece in pieces:
            own.sendall(piece)


def _prescan_all(files: Files) -> list[PrescanReport]:
    """Look at the headers of all files, of which no more together than of one."""
    if not files:
        raise CutoutRejected("upload.empty", "The request holds no file.")
    if len(files) > MAX_FILES:
        raise CutoutRejected("upload.files", f"The request holds {len(files)} files (limit {MAX_FILES}).")
    reports: list[PrescanReport] = []
    for _, data in files:
        reports.append(prescan(bytes(data)))
        check_blocks(sum(report.header_blocks for report in reports))
    if len(reports) > 1 and any(report.kind != "fits" for report in reports):
        raise CutoutRejected(
            "upload.files", "Several files of one galaxy must all be FITS; send a picture alone."
        )
    return reports
