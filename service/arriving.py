"""Bodies too large for memory, received into files without a name."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import IO, TYPE_CHECKING, Final

from anyio import to_thread

from service.jobs.folder import JobFolder

if TYPE_CHECKING:
    from starlette.requests import Request

    from service.settings import Settings

__all__ = ["mapped", "on_disk"]

_IN_MEMORY: Final = 1 << 20


@asynccontextmanager
async def on_disk(request: Request, settings: Settings) -> AsyncIterator[IO[bytes]]:
    """Receive a raw body into a file that is gone when the block, or the process, ends.

    Up to 1 MiB stays in memory; more goes to the folder of jobs, or where that cannot be written, to the system's
    for temporary files. ``BodyLimit`` bounds it.
    """
    folder = await to_thread.run_sync(_folder, settings)
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, dir=folder) as file:
        waiting = bytearray()
        async for piece in request.stream():
            waiting += piece
            if len(waiting) >= _IN_MEMORY:
                await to_thread.run_sync(file.write, bytes(waiting))
                waiting.clear()
        file.write(bytes(waiting))
        yield file


@contextmanager
def mapped(file: IO[bytes]) -> Iterator[bytes | memoryview]:
    """Give what a file holds without reading it into memory, unless it is small."""
    size = file.seek(0, 2)
    file.seek(0)
    if size <= _IN_MEMORY:
        yield file.read()
        return
    with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as pages, memoryview(pages) as view:
        yield view


def _folder(settings: Settings) -> str | None:
    try:
        JobFolder(settings.job_dir).make()
        with tempfile.TemporaryFile(dir=settings.job_dir):
            return str(settings.job_dir)
    except OSError:
        return None
