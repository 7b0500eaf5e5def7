"""What an update does to the rows of a release."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from index.causes.inspections import Inspections
from index.photoz_shards import PhotozShards
from index.release import Release
from index.updates.withdrawn import read_withdrawn_ids
from index.vectors.store import VectorArray
from survey.archive import UnknownObject

__all__ = ["Delta", "NothingToUpdate", "Supplement", "delta_of"]


class NothingToUpdate(ValueError):
    """An update that would leave everything as it is, or nothing at all."""


@dataclass(frozen=True, slots=True, eq=False)
class Supplement:
    """New and changed objects.

    Attributes
    ----------
    survey, sha256
        The survey they come from.
    ids
        Of those with an embedding.
    vectors
        Theirs, in the space that the release searches, unit norm, shape (M, D).
    objects
        Their rows of the survey's table.
    flags
        What their cutouts raised, int32, shape (M,).
    rejected
        Ids of the supplement without an embedding: what the release has of them is superseded by nothing.
    shards
        What the model's redshift network said of them, if it has one.
    inspections
        What was found in their pixels; without, they have no cause.
    """

    survey: str
    sha256: str
    ids: Sequence[str]
    vectors: VectorArray
    objects: pa.Table
    flags: NDArray[np.int32]
    rejected: Collection[str] = ()
    shards: PhotozShards | None = None
    inspections: Inspections | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Delta:
    """Old rows that live on, and new ones.

    Attributes
    ----------
    alive
        Shape (old and new rows,).
    added, changed
        Objects.
    supplements
        All of them, oldest first.
    withdrawn_ids
        Ids that stay away when the supplements are merged, sorted.
    """

    supplement: Supplement | None
    alive: NDArray[np.bool_]
    added: int
    changed: int
    supplements: list[dict[str, str]]
    withdrawn_ids: list[str]

    @property
    def ids(self) -> Sequence[str]:
        """Of the new rows."""
        return self.supplement.ids if self.supplement else ()


def delta_of(
    base: Release, supplement: Supplement | None, withdraw: Collection[str], unindexed: Collection[str]
) -> Delta:
    """Compare a release with what is to be added, changed and withdrawn; see :func:`index.updates.release.update_release`."""
    new = list(supplement.ids) if supplement else []
    given = {*new, *(supplement.rejected if supplement else ())}
    if not given and not withdraw and not unindexed:
        raise NothingToUpdate("nothing is added, changed or withdrawn; name a supplement or ids")
    alive = np.ones(base.info.n + len(new), np.bool_)
    if base.alive is not None:
        alive[: base.info.n] = base.alive
    both = sorted(given & {*withdraw, *unindexed})
    if both:
        raise NothingToUpdate(
            f"{both[0]!r} is in the supplement and to be withdrawn; leave one of the two out"
        )
    for object_id in withdraw:
        try:
            alive[base.columns.row_of(object_id)] = False
        except UnknownObject as error:
            raise UnknownObject(f"{base.id} has no object {object_id!r} to withdraw") from error
    before = {i: row for row, i in enumerate(base.columns.ids) if alive[row]}
    changed = given & before.keys()
    alive[[before[i] for i in changed]] = False
    if alive.sum() < 2:
        raise NothingToUpdate(f"{int(alive.sum())} galaxies would remain of {base.info.n}; keep at least 2")
    known = base.info.update.supplements if base.info.update else []
    named = [{"survey": supplement.survey, "sha256": supplement.sha256}] if supplement else []
    gone = sorted(({*read_withdrawn_ids(base.path, base.info)} | {*withdraw, *unindexed}) - given)
    return Delta(
        supplement,
        alive,
        added=len(set(new) - before.keys()),
        changed=len(changed),
        supplements=[*known, *named],
        withdrawn_ids=gone,
    )
