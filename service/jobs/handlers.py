"""What a kind of job does with a chunk of its rows; the engine knows no more of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from service.jobs.kinds import KINDS

if TYPE_CHECKING:
    from service.resources import Resources

__all__ = ["Handler", "Maker", "Spec", "UnknownKind", "maker_of", "register"]


class UnknownKind(LookupError):
    """A kind of job that no handler is registered for."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What a job is, the same for each of its chunks.

    Attributes
    ----------
    parameters
        JSON values, as they were given when the job was made. ``release``, if it is there, is the id of the index
        release that answers: the worker opens it, also when it is no longer the active one, or ends the job.
    n_rows, n_chunks, chunk_rows
        Rows of the input; its chunks, each of ``chunk_rows`` rows but the last.
    format
        Of the answer; a name that ``service.formats`` knows.
    """

    job_id: str
    kind: str
    parameters: dict[str, Any]
    n_rows: int
    n_chunks: int
    chunk_rows: int
    format: str


class Handler(Protocol):
    """One kind of job.

    A worker makes one for each job that it turns to, and keeps it while it stays with that job.
    """

    def run(self, spec: Spec, chunk: int, rows: pa.Table) -> pa.Table:
        """Answer one chunk.

        It may be called again for the same chunk (a worker died, a lease lapsed), so it changes nothing outside;
        the same rows must give the same answer. A row that cannot be answered is a row with a status, not an
        exception.

        Parameters
        ----------
        chunk
            Its number, 0 to ``n_chunks - 1``.
        rows
            The input rows of the chunk, in the order in which they were given.

        Returns
        -------
        pa.Table
            Of one schema for all chunks of a job, in the order of the rows.

        Raises
        ------
        service.operations.refusals.Refusal
            If no repetition can help: the job ends in ERROR with this text, which its owner reads.
        Exception
            Anything else: the chunk is tried again, three times in all.
        """
        ...

    def meta(self, spec: Spec) -> dict[str, Any]:
        """Return what the answer's header says, as ``service.formats.write`` takes it."""
        ...


#: Makes a handler from what the worker has opened.
Maker = Callable[["Resources"], Handler]

_REGISTERED: dict[str, Maker] = {}


def register(kind: str, make: Maker) -> None:
    """Let this process answer jobs of a kind that is not among those of ``service.jobs.kinds``."""
    _REGISTERED[kind] = make


def maker_of(kind: str) -> Maker:
    """Return what makes the handlers of a kind.

    Raises
    ------
    UnknownKind
        If there is none.
    """
    if kind in _REGISTERED:
        return _REGISTERED[kind]
    if kind not in KINDS:
        raise UnknownKind(f"no handler is registered for jobs of kind {kind!r}")
    module, name = KINDS[kind]
    make: Maker = getattr(import_module(module), name)
    return make
