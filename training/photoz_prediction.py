"""What a photo-z network says of stored fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from training.models.photoz import PhotozNetwork
from training.photoz_data import Part
from training.probes import orbit

__all__ = ["Predicted", "batches_of", "predict"]

_BATCH = 256


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """Answers for N galaxies.

    Attributes
    ----------
    logits
        Of redshift bins, shape (N, B).
    photometry
        Asinh magnitudes in apertures, shape (N, P); P is 0 for a network without them.
    features
        Standardised, as the head reads them, shape (N, F).
    """

    logits: NDArray[np.float32]
    photometry: NDArray[np.float32]
    features: NDArray[np.float32]


def batches_of(n: int, progress: Callable[[int, int], None] | None = None) -> Iterator[slice]:
    """Yield slices that go through n galaxies; told how many are done."""
    for first in range(0, n, _BATCH):
        yield slice(first, first + _BATCH)
        if progress is not None:
            progress(min(first + _BATCH, n), n)


def predict(
    network: PhotozNetwork,
    part: Part,
    *,
    views: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Predicted:
    """Let a network answer.

    Parameters
    ----------
    views
        1, or 8: probabilities are averaged over quarter turns and reflections; photometry and features are the image's own.
    """
    device = network.centre.device
    logits, photometry, features = [], [], []
    network.eval()
    with torch.no_grad():
        for some in batches_of(len(part), progress):
            images, dust = part.inputs(some).to(device), part.dust(some).to(device)
            seen = orbit(images) if views == 8 else [images]
            raw = [network.raw(view, dust) for view in seen]
            shares = [torch.log_softmax(network.head(network.standardised(one)), dim=1) for one in raw]
            logits.append(torch.logsumexp(torch.stack(shares), dim=0).cpu())
            photometry.append(raw[0][:, : network.n_photometry].cpu())
            features.append(network.standardised(raw[0]).cpu())
    return Predicted(*(torch.cat(parts).numpy() for parts in (logits, photometry, features)))
