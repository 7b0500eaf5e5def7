"""The head alone, fitted to features that do not move: the frozen baseline, and where fine-tuning begins.

A head that is right before the trunk moves leaves the trunk's features as they are where they serve already (Kumar et al.
2022, arXiv:2202.10054).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import torch
from torch import Tensor

from index.pdf import RedshiftGrid
from training.models.photoz import PhotozHead
from training.photoz_config import HeadConfig
from training.photoz_targets import cross_entropy, crps
from training.schedule import learning_rate

__all__ = ["fit_head"]

# So often is a head judged while it is fitted.
_JUDGED = 20


def fit_head(
    head: PhotozHead,
    config: HeadConfig,
    grid: RedshiftGrid,
    *,
    features: Tensor,
    targets: Tensor,
    judge: Callable[[PhotozHead], float],
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> float:
    """Fit a head in place and leave it at its best epoch.

    Parameters
    ----------
    features, targets
        Standardised features (n, F) and smeared redshifts (n, B) of the training part.
    judge
        Returns the validation loss of a head.

    Returns
    -------
    float
        The smallest validation loss.
    """
    generator = torch.Generator().manual_seed(seed)
    batch = min(config.batch, len(features))
    per_epoch = len(features) // batch
    epochs = max(config.epochs, math.ceil(config.least_steps / per_epoch))
    steps = epochs * per_epoch
    optimiser = torch.optim.AdamW(
        head.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    judged_every = math.ceil(epochs / _JUDGED)
    best, kept = judge(head), copy.deepcopy(head.state_dict())
    for epoch in range(epochs):
        head.train()
        order = torch.randperm(len(features), generator=generator)
        for n in range(per_epoch):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(
                    epoch * per_epoch + n, steps=steps, warmup=per_epoch, highest=config.learning_rate
                )
            rows = order[n * batch : (n + 1) * batch].to(features.device)
            logits = head(features[rows])
            loss = cross_entropy(logits, targets[rows])
            if config.crps_weight:
                loss = loss + config.crps_weight * crps(logits, targets[rows], grid)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no types for it
            optimiser.step()
        if (epoch + 1) % judged_every == 0 or epoch + 1 == epochs:
            loss_now = judge(head)
            if loss_now < best:
                best, kept = loss_now, copy.deepcopy(head.state_dict())
        if progress is not None:
            progress(epoch + 1, epochs)
    head.load_state_dict(kept)
    return best
