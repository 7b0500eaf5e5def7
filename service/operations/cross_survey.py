"""One ranking of several surveys whose vectors are of one model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from service.operations.refusals import ModelMismatch

if TYPE_CHECKING:
    from service.operations.finding import Found
    from service.resources import Resources
    from service.served import Served

__all__ = ["ALL", "merged_hits", "merged_search", "partners"]

#: Instead of names: every survey that has a release of the model.
ALL = "all"


def partners(resources: Resources, served: Served, names: Sequence[str]) -> tuple[Served, ...]:
    """Return the releases that can be searched with a vector of one release, in the order of their surveys.

    Parameters
    ----------
    served
        Whose vector it is.
    names
        Surveys; or :data:`ALL` alone.

    Raises
    ------
    UnknownSurvey
        If one is not served.
    ModelMismatch
        If one that was named has no release of the same model and the same projection.
    """
    wanted = list(resources.surveys) if list(names) == [ALL] else list(dict.fromkeys(names))
    found = []
    for name in wanted:
        resources.folder(name)
        fitting = [one for one in resources.releases.values() if one.survey == name and _alike(one, served)]
        if fitting:
            default = resources.defaults.get(name)
            found.append(
                min(fitting, key=lambda one: (one is not served, one.release.id != default, one.release.id))
            )
        elif list(names) != [ALL]:
            models = sorted({one.block["model"] for one in resources.releases.values() if one.survey == name})
            raise ModelMismatch(
                f"Release {served.release.id} is of model {served.block['model']}; survey {name} is indexed by "
                f"{', '.join(models) or 'none'}, or in another projection. Vectors of different models are never "
                f"compared: index {name} by {served.block['model']}, or leave it out.",
                survey=name,
                model=served.block["model"],
                models=models,
            )
    return tuple(found)


def merged_hits(hits: Sequence[list[dict[str, Any]]], found: Sequence[Found], k: int) -> list[dict[str, Any]]:
    """Merge the hits of several releases by similarity, equal ones in the order of the releases.

    Returns
    -------
    list
        At most k, ranked from 1.
    """
    every = [
        (-similarity, number, hit)
        for number, (own, one) in enumerate(zip(hits, found, strict=True))
        for similarity, hit in zip(one.similarity.tolist(), own, strict=True)
    ]
    best = sorted(every, key=lambda one: one[:2])[:k]
    return [{**hit, "rank": rank} for rank, (_, _, hit) in enumerate(best, 1)]


def merged_search(
    parts: Sequence[Served], found: Sequence[Found], n_hits: int, *, is_range: bool
) -> dict[str, Any]:
    """Return the certificate of several searches: as exact as the least exact of them."""
    blocks = [one.search for one in found]
    recalls = [block["recall"] for block in blocks]
    is_truncated = any(block["truncated"] for block in blocks) or (
        is_range and n_hits < sum(len(one.rows) for one in found)
    )
    return {
        **blocks[0],
        "exact": all(block["exact"] for block in blocks),
        "recall": None if None in recalls else min(recalls),
        "recall_at_10": min(block["recall_at_10"] for block in blocks),
        "n_total": sum(block["n_total"] for block in blocks),
        "n_searched": sum(block["n_searched"] for block in blocks),
        "complete": all(block["complete"] or block["truncated"] for block in blocks) and not is_truncated,
        "truncated": is_truncated,
        "releases": [
            {
                "id": served.release.id,
                "survey": served.survey,
                **{name: block[name] for name in ("release_sha256", "n_total", "n_searched", "exact")},
            }
            for served, block in zip(parts, blocks, strict=True)
        ],
    }


def _alike(one: Served, other: Served) -> bool:
    """Whether vectors of two releases can be compared: those of one model in one space."""
    if one.block["model_sha256"] != other.block["model_sha256"]:
        return False
    ours, theirs = one.release.projection, other.release.projection
    if ours is None or theirs is None:
        return ours is theirs
    return np.array_equal(ours.matrix, theirs.matrix)
