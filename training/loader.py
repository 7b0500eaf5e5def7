"""Training fields on the device of the network: all of them where they fit, else batch by batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.schedule import Batch
from training.stored_fields import StoredFields

__all__ = ["Loader"]


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
        travel by batch, pinned where the device is a GPU.
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
        self._sources, self._places = sources, places
        needed = sum(len(p) * s.fields[0].nbytes for s, p in zip(sources, places, strict=True))
        self.is_resident = needed <= resident_bytes
        self._resident = (
            [torch.from_numpy(s.fields[p]).to(device) for s, p in zip(sources, places, strict=True)]
            if self.is_resident
            else []
        )

    @property
    def counts(self) -> list[int]:
        """Training galaxies of each source."""
        return [len(places) for places in self._places]

    def take(self, batch: Batch) -> Tensor:
        """Return the fields of a batch, shape (N, C, F, F), as stored (uint8 or float16)."""
        if self.is_resident:
            return self._resident[batch.source][torch.from_numpy(batch.rows).to(self.device)]
        places = self._places[batch.source][batch.rows]
        # In the file's order, so that a disk is read forwards.
        order = np.argsort(places)
        gathered = np.empty(
            (len(places), *self._sources[batch.source].fields.shape[1:]),
            self._sources[batch.source].fields.dtype,
        )
        gathered[order] = self._sources[batch.source].fields[places[order]]
        tensor = torch.from_numpy(gathered)
        if self.device.type == "cuda":
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor
