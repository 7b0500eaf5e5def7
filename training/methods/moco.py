"""MoCo v2: a query encoder learns to recognise a galaxy among a queue of others.

References
----------
He, Fan, Wu, Xie & Girshick 2020, CVPR, arXiv:1911.05722 (algorithm 1; shuffled normalisation, section 3.3);
Chen, Fan, Girshick & He 2020, arXiv:2003.04297 (perceptron head, temperature 0.2, cosine schedule).
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["MoCo", "MoCoSettings", "encode_in_groups"]


@dataclass(frozen=True, slots=True)
class MoCoSettings:
    """The numbers of the method.

    Attributes
    ----------
    queue_size
        K, keys that serve as negatives: a multiple of the batch and at most a quarter of the training set, or a
        galaxy is too often its own negative.
    momentum
        m, share that the momentum encoder keeps of itself in a step.
    temperature
        Divides the cosines before the softmax.
    projection
        Length of the vectors that are compared.
    groups
        Parts of a batch that batch normalisation sees at once; see :func:`encode_in_groups`.
    """

    queue_size: int = 4096
    momentum: float = 0.99
    temperature: float = 0.2
    projection: int = 128
    groups: int = 4

    def check(self, *, batch: int, n_train: int) -> None:
        """Refuse a queue that does not fit the batch and the training set.

        Raises
        ------
        ValueError
            If K is no multiple of the batch, more than a quarter of the set, or the batch no multiple of the groups.
        """
        if self.queue_size % batch:
            raise ValueError(
                f"a queue of {self.queue_size} is no multiple of the batch of {batch}; take {self.queue_size // batch * batch or batch}"
            )
        if self.queue_size > n_train // 4:
            most = n_train // 4 // batch * batch
            raise ValueError(
                f"a queue of {self.queue_size} is more than a quarter of {n_train} galaxies, which would meet themselves "
                f"as negatives; take at most {most or f'{n_train // 4}, and a batch that divides it'}"
            )
        if self.groups < 1 or batch % self.groups or batch // self.groups < 2:
            raise ValueError(
                f"a batch of {batch} cannot be normalised in {self.groups} equal groups of two or more"
            )


class MoCo(nn.Module):
    """The method's state: two encoders and a queue for each source of images.

    Parameters
    ----------
    backbone
        From images to vectors (N, D); the query encoder's, whose copy is the momentum encoder's.
    head
        From vectors to projections (N, P), dropped after training.
    generator
        Draws the first queues and the shuffles; on the device of the batches.
    sources
        Sets of images that tell themselves apart by their processing: a galaxy is compared with negatives of its own
        source only, or the encoder learns the sources instead of the galaxies.

    Attributes
    ----------
    queue
        Keys of unit norm, shape (sources, K, P); of a source's, the oldest are replaced first.
    oldest
        Place of each source's oldest key, shape (sources,).
    """

    queue: Tensor
    oldest: Tensor

    def __init__(
        self,
        backbone: nn.Module,
        head: nn.Module,
        settings: MoCoSettings,
        generator: torch.Generator,
        *,
        sources: int = 1,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.generator = generator
        self.query_encoder = nn.Sequential(backbone, head)
        self.momentum_encoder = deepcopy(self.query_encoder).requires_grad_(requires_grad=False)
        shape = (sources, settings.queue_size, settings.projection)
        first = torch.randn(shape, generator=generator, device=generator.device)
        self.register_buffer("queue", functional.normalize(first, dim=2))
        self.register_buffer("oldest", torch.zeros(sources, dtype=torch.int64))

    @property
    def backbone(self) -> nn.Module:
        """What is kept."""
        return self.query_encoder[0]

    def forward(self, queries: Tensor, keys: Tensor, source: int = 0) -> tuple[Tensor, Tensor, Tensor]:
        """Compare two views of the same galaxies (algorithm 1, up to the optimiser's step).

        Parameters
        ----------
        queries, keys
            Shape (N, C, S, S); row n of both is the same galaxy.
        source
            Where all of them come from.

        Returns
        -------
        loss
            InfoNCE, the mean over the batch.
        trunk
            The queries' backbone vectors (N, D), with their gradient: for an auxiliary loss.
        new_keys
            For :meth:`after_step`, shape (N, P).
        """
        trunk = encode_in_groups(self.backbone, queries, self.settings.groups)
        q = functional.normalize(self.query_encoder[1](trunk).float(), dim=1)
        with torch.no_grad():
            # In another order, so that a galaxy's two views share no normalising statistics.
            order = torch.randperm(len(keys), generator=self.generator, device=keys.device)
            shuffled = encode_in_groups(self.momentum_encoder, keys[order], self.settings.groups)
            k = functional.normalize(shuffled.float(), dim=1)[order.argsort()]
        positive = (q * k).sum(dim=1, keepdim=True)
        negative = q @ self.queue[source].T
        logits = torch.cat([positive, negative], dim=1) / self.settings.temperature
        first = torch.zeros(len(logits), dtype=torch.int64, device=logits.device)
        return functional.cross_entropy(logits, first), trunk, k

    @torch.no_grad()
    def enqueue(self, new_keys: Tensor, source: int = 0) -> None:
        """Let the new keys replace the oldest ones of their source."""
        start, n = int(self.oldest[source]), len(new_keys)
        self.queue[source, start : start + n] = new_keys
        self.oldest[source] = (start + n) % self.queue.shape[1]

    @torch.no_grad()
    def follow(self) -> None:
        """Move the momentum encoder towards the query encoder, once for each step of that."""
        m = self.settings.momentum
        pairs = zip(self.momentum_encoder.parameters(), self.query_encoder.parameters(), strict=True)
        for slow, fast in pairs:
            slow.lerp_(fast, 1 - m)

    def after_step(self, new_keys: Tensor, source: int = 0) -> None:
        """Follow and enqueue, where every batch is a step."""
        self.follow()
        self.enqueue(new_keys, source)


def encode_in_groups(encoder: Callable[[Tensor], Tensor], images: Tensor, groups: int) -> Tensor:
    """Encode a batch in equal parts, each normalised by its own statistics, as on as many devices.

    Batch normalisation lets the images of a batch see each other. The queue's keys come from other batches, so an
    encoder can tell the positive by the statistics that it shares with the query, and learn nothing of galaxies. On
    several devices the paper shuffles the keys between them; on one device the parts of the batch take their place.
    """
    if groups == 1:
        return encoder(images)
    return torch.cat([encoder(part) for part in images.chunk(groups)])
