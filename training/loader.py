"""Training fields on the device of the network: all of them where they fit, else batch by batch, gathered ahead."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.schedule import Batch
from training.stored_fields import StoredFields

__all__ = ["Loader"]

# So many batches wait for the network; a disk's hiccup of some steps is bridged.
_AHEAD = 8
# Fields copied at once to where they stay.
_COPIED = 4096


class Loader:
    """Gathers batches of stored fields.

    Parameters
    ----------
    sources
        The surveys' fields.
    places
        For each source, which of its stored fields are trained on.
    device
        Where batches go.
    resident_bytes
        Fields that take no more than this are held on the device from the beginning; others stay memory-mapped and
        travel by batch, gathered by a thread, pinned where the device is a GPU.

    Attributes
    ----------
    waited
        Seconds that :meth:`take` has kept its caller waiting since the beginning.
    """

    def __init__(
        self,
        sources: Sequence[StoredFields],
        places: Sequence[NDArray[np.int64]],
        device: torch.device,
        *,
        resident_bytes: int,
    ) -> None:
        self.device = device
        self.waited = 0.0
        self._sources, self._places = sources, places
        needed = sum(len(p) * s.fields[0].nbytes for s, p in zip(sources, places, strict=True))
        self.is_resident = needed <= resident_bytes
        self._resident = (
            [_copied(s.fields, p, device) for s, p in zip(sources, places, strict=True)]
            if self.is_resident
            else []
        )
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="loader")
        self._later: Iterator[Batch] = iter(())
        self._coming: deque[tuple[Batch, Future[Tensor]]] = deque()

    @property
    def counts(self) -> list[int]:
        """Training galaxies of each source."""
        return [len(places) for places in self._places]

    def expect(self, batches: Sequence[Batch]) -> None:
        """Begin to gather batches that will be taken in this order; forget those expected before."""
        for _, gathered in self._coming:
            gathered.cancel()
        self._coming.clear()
        if self.is_resident:
            return
        self._later = iter(batches)
        for _ in range(_AHEAD):
            self._gather_next()

    def take(self, batch: Batch) -> Tensor:
        """Return the fields of a batch, shape (N, C, F, F), as stored (uint8 or float16).

        Raises
        ------
        OSError
            If the stored fields can be read no more.
        """
        began = time.perf_counter()
        taken = self._take(batch)
        self.waited += time.perf_counter() - began
        return taken

    def _take(self, batch: Batch) -> Tensor:
        if self.is_resident:
            return self._resident[batch.source][torch.from_numpy(batch.rows).to(self.device)]
        if self._coming and self._coming[0][0] is batch:
            _, gathered = self._coming.popleft()
            self._gather_next()
            fields = gathered.result()
        else:
            fields = self._gathered(batch)
        return fields.to(self.device, non_blocking=True)

    def _gather_next(self) -> None:
        batch = next(self._later, None)
        if batch is not None:
            self._coming.append((batch, self._thread.submit(self._gathered, batch)))

    def _gathered(self, batch: Batch) -> Tensor:
        places = self._places[batch.source][batch.rows]
        fields = self._sources[batch.source].fields
        # In the file's order, so that a disk is read forwards.
        order = np.argsort(places)
        gathered = np.empty((len(places), *fields.shape[1:]), fields.dtype)
        gathered[order] = fields[places[order]]
        tensor = torch.from_numpy(gathered)
        return tensor.pin_memory() if self.device.type == "cuda" else tensor


def _copied(fields: NDArray[np.generic], places: NDArray[np.int64], device: torch.device) -> Tensor:
    """Return fields on the device, never all of them twice in memory."""
    whole = torch.empty(
        (len(places), *fields.shape[1:]), dtype=torch.from_numpy(fields[:1].copy()).dtype, device=device
    )
    for first in range(0, len(places), _COPIED):
        some = slice(first, first + _COPIED)
        whole[some] = torch.from_numpy(fields[places[some]]).to(device)
    return whole
