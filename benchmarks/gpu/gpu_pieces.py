"""Exact search and spherical k-means in torch, block by block; what a GPU without a faiss of its own needs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

__all__ = ["DIMENSION", "K", "drawn", "kmeans", "nearest", "read_vectors"]

DIMENSION, K = 128, 10
_BLOCK = 1 << 20
_ASSIGNED = 1 << 16
# Candidates of fp16 products for each hit: they are scored again in float32.
_TIMES = 4


def drawn(n: int, device: torch.device, *, seed: int) -> Tensor:
    """Draw unit vectors, float16, shape (n, 128): what is timed does not depend on where they lie."""
    generator = torch.Generator(device=device).manual_seed(seed)
    vectors = torch.empty((n, DIMENSION), dtype=torch.float16, device=device)
    for start in range(0, n, _BLOCK):
        size = min(_BLOCK, n - start)
        block = torch.randn((size, DIMENSION), generator=generator, device=device)
        vectors[start : start + size] = torch.nn.functional.normalize(block).half()
    return vectors


def read_vectors(path: Path, device: torch.device) -> Tensor:
    """Read float16 vectors of shape (n, 128)."""
    return torch.from_numpy(np.load(path)).to(device)


def nearest(vectors: Tensor, queries: Tensor, k: int, *, single: bool = False) -> tuple[Tensor, Tensor]:
    """Find the k most similar vectors of each query.

    Parameters
    ----------
    vectors
        Float16, shape (N, D), N at least k.
    queries
        On the same device, shape (Q, D).
    single
        Multiply in float32 in place of float16; four times the memory traffic.

    Returns
    -------
    tuple
        Similarities and rows, nearest first, shape (Q, k).
    """
    fetched = k if single else min(len(vectors), _TIMES * k)
    best = torch.full((len(queries), fetched), -2.0, device=queries.device)
    rows = torch.zeros((len(queries), fetched), dtype=torch.int64, device=queries.device)
    asked = queries.float() if single else queries.half()
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK]
        similarity = asked @ (block.float() if single else block).T
        top, found = similarity.topk(min(fetched, len(block)), dim=1)
        best, order = torch.cat([best, top.float()], dim=1).topk(fetched, dim=1)
        rows = torch.cat([rows, found + start], dim=1).gather(1, order)
    if single:
        return best, rows
    scores = torch.einsum("qkd,qd->qk", vectors[rows].float(), queries.float())
    best, order = scores.topk(k, dim=1)
    return best, rows.gather(1, order)


def kmeans(sample: Tensor, lists: int, *, rounds: int, seed: int) -> tuple[Tensor, float]:
    """Find centroids by spherical k-means (Dhillon & Modha 2001, Machine Learning 42, 143).

    Returns
    -------
    tuple
        Unit centroids, float32, shape (lists, D); and the mean similarity of a vector with its centroid in the last round. A
        list that is left empty takes a vector at random.
    """
    generator = torch.Generator(device=sample.device).manual_seed(seed)
    chosen = torch.randperm(len(sample), generator=generator, device=sample.device)[:lists]
    centroids = sample[chosen].float()
    total = 0.0
    for _ in range(rounds):
        sums = torch.zeros_like(centroids)
        counts = torch.zeros(lists, device=sample.device)
        total = 0.0
        for start in range(0, len(sample), _ASSIGNED):
            block = sample[start : start + _ASSIGNED]
            similarity, own = (block @ centroids.to(block.dtype).T).max(dim=1)
            sums.index_add_(0, own, block.float())
            counts += torch.bincount(own, minlength=lists)
            total += float(similarity.float().sum())
        empty = counts == 0
        if bool(empty.any()):
            n_empty = int(empty.sum())
            sums[empty] = sample[
                torch.randint(len(sample), (n_empty,), generator=generator, device=sample.device)
            ].float()
        centroids = torch.nn.functional.normalize(sums)
    return centroids, total / len(sample)
