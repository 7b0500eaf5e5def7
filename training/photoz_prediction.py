"""What a photo-z network says of stored fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from index.pdf import FloatArray
from training.augment.recipe import Views
from training.models.photoz import PhotozNetwork
from training.photoz_data import PhotozData
from training.probes import orbit

__all__ = ["Predicted", "inputs_of", "predict", "softmax"]

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


def predict(
    network: PhotozNetwork,
    data: PhotozData,
    places: NDArray[np.int64],
    *,
    views: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Predicted:
    """Let a network answer for stored fields.

    Parameters
    ----------
    views
        1, or 8: probabilities are averaged over quarter turns and reflections; photometry and features are the image's own.
    """
    device = network.centre.device
    logits, photometry, features = [], [], []
    network.eval()
    with torch.no_grad():
        for n in range(0, len(places), _BATCH):
            some = places[n : n + _BATCH]
            images, dust = inputs_of(data, some, device)
            seen = orbit(images) if views == 8 else [images]
            raw = [network.raw(view, dust) for view in seen]
            shares = [torch.log_softmax(network.head(network.standardised(one)), dim=1) for one in raw]
            logits.append(torch.logsumexp(torch.stack(shares), dim=0).cpu())
            photometry.append(raw[0][:, : network.n_photometry].cpu())
            features.append(network.standardised(raw[0]).cpu())
            if progress is not None:
                progress(min(n + _BATCH, len(places)), len(places))
    return Predicted(*(torch.cat(parts).numpy() for parts in (logits, photometry, features)))


def inputs_of(data: PhotozData, places: NDArray[np.int64], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the unchanged network inputs (n, C, S, S) and E(B-V) (n,) of stored fields."""
    fields = torch.from_numpy(np.asarray(data.source.fields[places])).to(device)
    return Views(data.contract, ()).plain(fields), torch.from_numpy(data.ebv[places]).float().to(device)


def softmax(logits: NDArray[np.floating]) -> FloatArray:
    """Return bin probabilities of logits (N, B)."""
    wide = logits.astype(np.float64)
    shares = np.exp(wide - wide.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
