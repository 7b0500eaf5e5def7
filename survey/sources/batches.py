"""Cutouts decoded in batches on all cores; finished batches outlive an interruption."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import warnings
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import orjson
from numpy.typing import NDArray

from survey.ingest import CutoutRejected
from survey.sources.plan import Decoded, Decoder

__all__ = ["BATCH", "Batch", "BatchStore", "WorkerDied", "decode"]

# Objects decoded as one task, and kept on disk as one file until the survey is whole.
BATCH = 256
# Starting workers takes longer than decoding fewer than this.
_WORTH_A_POOL = 1000


class WorkerDied(ValueError):
    """A decoding process ended without an answer."""


@dataclass(slots=True, eq=False)
class Batch:
    """Decoded objects of one span: positions kept, refused, and their pixels."""

    kept: list[int]
    refused: dict[int, str]
    flux: NDArray[Any] | None
    ivar: NDArray[np.float32] | None
    facts: dict[str, list[float | None]] = field(default_factory=dict)


def decode(
    decoder: Decoder, spans: Sequence[tuple[int, int]], store: BatchStore | None, workers: int
) -> Iterator[Batch]:
    """Decode spans in order, those of an earlier run from disk, the others on all cores."""
    wanted = workers or os.cpu_count() or 1
    missing = [n for n in range(len(spans)) if store is None or not store.has(n)]
    n_objects = sum(spans[n][1] - spans[n][0] for n in missing)
    if wanted == 1 or n_objects < _WORTH_A_POOL:
        fresh: Iterable[Batch] = (_decode_span(decoder, *spans[n]) for n in missing)
        yield from _merged(decoder, spans, missing, fresh, store)
        return
    # Not fork: the caller may have threads (Arrow, BLAS), and a forked child could hang in their locks.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(wanted, mp_context=context, initializer=_start_worker, initargs=(decoder,))
    try:
        with pool:
            fresh = pool.map(_work, [spans[n] for n in missing])
            yield from _merged(decoder, spans, missing, fresh, store)
    except BrokenProcessPool as error:
        raise WorkerDied(
            "a file killed the process that decoded it, or memory ran out; start again (finished batches "
            "are kept) with `--workers 1` to see where it stops"
        ) from error


def _merged(
    decoder: Decoder,
    spans: Sequence[tuple[int, int]],
    missing: Sequence[int],
    fresh: Iterable[Batch],
    store: BatchStore | None,
) -> Iterator[Batch]:
    waiting, to_do = iter(fresh), set(missing)
    for n in range(len(spans)):
        if n not in to_do:
            assert store is not None
            kept = store.load(n)
            if kept is not None:
                yield kept
                continue
        batch = next(waiting) if n in to_do else _decode_span(decoder, *spans[n])
        if store is not None:
            store.save(n, batch)
        yield batch


_worker_decoder: Decoder | None = None


def _start_worker(decoder: Decoder) -> None:
    global _worker_decoder  # noqa: PLW0603  one decoder per worker process, sent once
    _worker_decoder = decoder
    warnings.simplefilter("ignore")


def _work(span: tuple[int, int]) -> Batch:
    assert _worker_decoder is not None
    return _decode_span(_worker_decoder, *span)


def _decode_span(decoder: Decoder, first: int, stop: int) -> Batch:
    decoded: list[Decoded] = []
    batch = Batch([], {}, None, None)
    for row in range(first, stop):
        try:
            decoded.append(decoder(row))
        except CutoutRejected as error:
            batch.refused[row - first] = f"{error.code}: {error}"
            continue
        batch.kept.append(row - first)
    if decoded:
        batch.flux = np.stack([d.flux for d in decoded])
        ivars = [d.ivar for d in decoded if d.ivar is not None]
        batch.ivar = np.stack(ivars) if len(ivars) == len(decoded) else None
        names = dict.fromkeys(name for d in decoded for name in d.facts)
        batch.facts = {name: [d.facts.get(name) for d in decoded] for name in names}
    return batch


class BatchStore:
    """Finished batches of an import, on disk until the survey is published.

    Parameters
    ----------
    fingerprint
        Changes with anything that changes a batch; batches of another fingerprint are thrown away.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.folder = folder
        marker = folder / "fingerprint"
        if not marker.is_file() or marker.read_text() != fingerprint:
            # Another input than last time: nothing of it can be used.
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            marker.write_text(fingerprint)

    def _path(self, n: int) -> Path:
        return self.folder / f"{n:06d}.npz"

    def has(self, n: int) -> bool:
        """Whether batch ``n`` is finished."""
        return self._path(n).is_file()

    def save(self, n: int, batch: Batch) -> None:
        """Keep a finished batch; whole or not at all."""
        words = orjson.dumps(
            {
                "kept": batch.kept,
                "refused": {str(k): v for k, v in batch.refused.items()},
                "facts": batch.facts,
            }
        )
        arrays: dict[str, Any] = {"words": np.frombuffer(words, np.uint8)}
        arrays |= {
            name: plane for name, plane in (("flux", batch.flux), ("ivar", batch.ivar)) if plane is not None
        }
        temporary = self._path(n).with_suffix(".tmp")
        with temporary.open("wb") as stream:
            np.savez(stream, **arrays)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(self._path(n))

    def load(self, n: int) -> Batch | None:
        """Return a finished batch; None where its file is torn, as a power cut may leave it."""
        try:
            with self._path(n).open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
                words = orjson.loads(arrays["words"].tobytes())
                flux, ivar = (arrays.get(name) for name in ("flux", "ivar"))
        except (OSError, EOFError, ValueError, KeyError, BadZipFile, zlib.error):
            return None
        return Batch(
            words["kept"], {int(k): v for k, v in words["refused"].items()}, flux, ivar, words["facts"]
        )
