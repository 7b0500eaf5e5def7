"""Cheap things between a backbone and its embedding, measured one by one; only those that pay are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.export import Head, Projection
from training.fusion import RingPart
from training.pca import PrincipalAxes, principal_axes

__all__ = ["POWERS", "WEIGHTS", "Chosen", "choose_head"]

#: Powers of the eigenvalues that are divided by: 0 leaves the axes as they are, 0.5 whitens fully.
POWERS = (0.0, 0.125, 0.25, 0.375, 0.5)
#: Weights of the description of rings beside the trunk; 0 is a model that is no hybrid.
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
_DIMENSION = 128
# Half the numbers in every index are worth this much of the score.
_WORTH_OF_AXES = 0.005

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """The head that won.

    Attributes
    ----------
    head
        What becomes part of the graph.
    power
        Of its eigenvalues; None where the backbone's vector is not projected.
    score
        On the validation part.
    tried
        Score of each trick by name; ``powers`` on top of the views, ``fused, by weight`` each at its best power.
    """

    head: Head
    power: float | None
    score: float
    tried: dict[str, float | dict[str, float]]


def choose_head(
    train: Mapping[int, Floats],
    validation: Mapping[int, Floats],
    rings: tuple[RingPart, Floats] | None,
    judge: Callable[[Floats], float],
) -> Chosen:
    """Choose views, centring, power and the weight of the ring part, in this order.

    Parameters
    ----------
    train, validation
        Backbone vectors by number of views (1 and 8, or one of them), shape (N, D).
    rings
        A fitted part with the validation part's network inputs; None to try no hybrid.
    judge
        Scores vectors of the validation part as they would be searched; larger is better. Where it cannot (NaN), all
        views are averaged, the axes are left as they are, and the model is no hybrid.
    """
    tried: dict[str, float | dict[str, float]] = {}
    scores = {views: judge(_unit(vectors)) for views, vectors in validation.items()}
    if any(np.isnan(score) for score in scores.values()):
        views = max(train)
        principal = principal_axes(train[views], n_axes=_DIMENSION, rng=np.random.default_rng(0))
        return Chosen(Head(_projection(principal, 0.0, views)), 0.0, float("nan"), tried)
    for views, score in scores.items():
        tried["single view" if views == 1 else f"{views} views"] = round(score, 5)
    views = max(scores, key=lambda n: scores[n])
    trunk, seen = train[views], validation[views]
    principal = principal_axes(trunk, n_axes=_DIMENSION, rng=np.random.default_rng(0))
    mean, whole = principal.mean.astype(np.float32), np.eye(trunk.shape[1], dtype=np.float32)
    centred = Projection(mean, whole, views)
    candidates: list[tuple[float | None, Projection]] = [
        (None, Projection(np.zeros_like(mean), whole, views))
    ]
    plain = scores[views]
    without_mean = judge(Head(centred).apply(seen))
    tried["centred"] = round(without_mean, 5)
    if without_mean > plain:
        candidates, plain = [(None, centred)], without_mean
    by_power = {power: _projection(principal, power, views) for power in POWERS}
    powers = {power: judge(Head(made).apply(seen)) for power, made in by_power.items()}
    tried["powers"] = {str(power): round(score, 5) for power, score in powers.items()}
    if max(powers.values()) >= plain - _WORTH_OF_AXES:
        candidates = list(by_power.items())
    return _joined(candidates, seen, rings, judge, tried)


def _joined(
    candidates: list[tuple[float | None, Projection]],
    seen: Floats,
    rings: tuple[RingPart, Floats] | None,
    judge: Callable[[Floats], float],
    tried: dict[str, float | dict[str, float]],
) -> Chosen:
    """Choose among projections and weights at once, since what is joined changes which power is best."""
    best: Chosen | None = None
    by_weight: dict[str, float] = {}
    beside = None if rings is None else rings[0].vectors(rings[1])
    for weight in WEIGHTS if beside is not None else WEIGHTS[:1]:
        part = rings[0] if rings is not None and weight else None
        for power, projection in candidates:
            vectors = Head(projection).apply(seen)
            if part is not None and beside is not None:
                vectors = np.concatenate([vectors, np.float32(weight) * beside], axis=1)
            score = judge(_unit(vectors))
            by_weight[str(weight)] = max(by_weight.get(str(weight), -np.inf), round(score, 5))
            if best is None or score > best.score:
                best = Chosen(Head(projection, part, weight), power, score, tried)
    assert best is not None
    if beside is not None:
        assert rings is not None
        tried["rings alone"] = round(judge(rings[0].moduli_vectors(rings[1])), 5)
        tried["rings and phases alone"] = round(judge(beside), 5)
        tried["fused, by weight"] = by_weight
    return best


def _projection(principal: PrincipalAxes, power: float, views: int) -> Projection:
    scaled = (principal.axes * principal.explained**-power).astype(np.float32)
    return Projection(principal.mean.astype(np.float32), scaled, views)


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)
