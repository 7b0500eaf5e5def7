"""How good a backbone's vectors are, measured while it trains: neighbours of a validation part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.metrics import purity_at_k
from training.photoz_metrics import normalised_dz, sigma_mad

__all__ = ["embed_with", "label_score", "orbit", "redshift_score"]

_NEIGHBOURS = 10


def orbit(images: Tensor) -> list[Tensor]:
    """Return the eight views that quarter turns and reflections make, each of shape (N, C, S, S)."""
    mirrored = images.transpose(2, 3)
    return [
        view.flip(axes) if axes else view for view in (images, mirrored) for axes in ((), (2,), (3,), (2, 3))
    ]


def embed_with(backbone: nn.Module, inputs: Sequence[Tensor], *, views: int = 1) -> NDArray[np.float32]:
    """Return backbone vectors, mean over ``views`` (1 or 8), shape (N, D), as an exported model would give them.

    Parameters
    ----------
    inputs
        Batches of network inputs (n, C, S, S), on the backbone's device.
    """
    was_training = backbone.training
    backbone.eval()
    found = []
    with torch.no_grad():
        for batch in inputs:
            seen = orbit(batch) if views == 8 else [batch]
            vectors = [backbone(view.contiguous(memory_format=torch.channels_last)).float() for view in seen]
            found.append(torch.stack(vectors).mean(dim=0).cpu().numpy())
    backbone.train(was_training)
    return np.concatenate(found)


def label_score(
    vectors: NDArray[np.float32],
    labels: Sequence[str],
    same_sky: Sequence[tuple[int, int]] = (),
    *,
    centred: bool = True,
) -> float:
    """Return purity@10 of vectors, less their mean unless they are unit vectors to be taken as they are."""
    unit = _centred(vectors) if centred else vectors
    return float(purity_at_k(unit, labels, k=_NEIGHBOURS, excluded=same_sky).mean())


def redshift_score(
    vectors: NDArray[np.float32], z_spec: NDArray[np.float64], *, centred: bool = True
) -> float:
    """Return minus sigma_MAD of the mean redshift of the ten nearest, so that larger is better."""
    unit = _centred(vectors) if centred else vectors
    similarity = unit @ unit.T
    np.fill_diagonal(similarity, -np.inf)
    nearest = np.argpartition(-similarity, _NEIGHBOURS, axis=1)[:, :_NEIGHBOURS]
    return -sigma_mad(normalised_dz(z_spec[nearest].mean(axis=1), z_spec))


def _centred(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    centred = vectors - vectors.mean(axis=0)
    return np.asarray(
        centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12), dtype=np.float32
    )
