"""A release made from another by adding, changing and withdrawing objects."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from index.release import Release, hash_of_ids
from index.release_info import ReleaseInfo, UpdateInfo
from index.updates.delta import NothingToUpdate, Supplement, delta_of
from index.updates.writer import Writer
from survey.manifests import CorruptFolder, publish_folder

__all__ = ["NothingToUpdate", "Supplement", "update_release"]

# The first kind of release with an anomaly model, which scores what is new.
_OLDEST = 5
_CHECKED = 100
_SAME = 1e-5


def update_release(
    base: Release,
    supplement: Supplement | None,
    releases_dir: Path,
    *,
    withdraw: Collection[str] = (),
    unindexed: Collection[str] = (),
    threads: int = 0,
    progress: Callable[[int, int], None] | None = None,
    now: datetime | None = None,
) -> ReleaseInfo:
    """Make a release from another one, exactly, at the cost of the difference; publish it.

    Its rows are those of ``base``, then the supplement's. Rows that are withdrawn, or superseded by a changed object,
    stay in the files and are nobody's neighbour, evidence or hit. Files that do not change are linked, with the hashes
    that ``base`` knows of them; an approximate index keeps its rows, and the new ones are searched exactly.

    Parameters
    ----------
    supplement
        None to withdraw alone.
    withdraw
        Ids of ``base``.
    unindexed
        Further ids to withdraw, of objects of its survey that ``base`` has no embedding of.
    threads
        0 means as many as there are cores.
    progress
        Told how many new objects were compared with all others, of how many.

    Raises
    ------
    NothingToUpdate
        If there is nothing to do, or fewer than two galaxies would remain.
    UnknownObject
        If ``base`` has not an id that is to be withdrawn.
    SupplementMismatch
        If the supplement's columns do not fit.
    CorruptFolder
        If ``base`` was built by an earlier version, or a part is damaged; nothing is published then.
    """
    if base.format < _OLDEST:
        raise CorruptFolder(
            f"{base.id} was built by an earlier version; build it anew: skylike index build {base.info.survey} "
            f"--model {base.info.model_id}"
        )
    delta = delta_of(base, supplement, withdraw, unindexed)
    created = now or datetime.now(UTC)
    ids = [*base.columns.ids, *delta.ids]
    update = UpdateInfo(
        base=base.id,
        base_sha256=base.sha256,
        supplements=delta.supplements,
        added=delta.added,
        changed=delta.changed,
        withdrawn=len(withdraw) + len(unindexed),
        n_withdrawn_rows=int((~delta.alive).sum()),
    )
    hash_ids = hash_of_ids(ids)
    info = replace(
        base.info,
        id=_release_id(base.info, created, (base.sha256, created.isoformat(), hash_ids)),
        n=len(ids),
        n_rejected=base.info.n_rejected + (len(supplement.rejected) if supplement else 0),
        ids_sha256=hash_ids,
        created=created.isoformat(),
        update=update,
    )
    staged = releases_dir / f".{info.id}.staged"
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    try:
        Writer(base, staged, delta, threads=threads, progress=progress).write(info)
        _check(Release.open(staged), base.info.n)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    publish_folder(staged, releases_dir / info.id)
    return info


def _check(made: Release, n_base: int) -> None:
    """Let new objects find themselves, or a twin, as a reader would.

    Raises
    ------
    CorruptFolder
        If one does not.
    """
    rows = np.arange(n_base, made.info.n)
    rows = rows[:: -(-len(rows) // _CHECKED) or 1]
    if not len(rows):
        return
    vectors = made.store.vectors(rows)
    # In half precision a vector has not quite norm 1.
    itself = np.minimum(np.einsum("qd,qd->q", vectors.astype(np.float64), vectors.astype(np.float64)), 1)
    missed = itself - made.engine.search(vectors, 1).hits.similarity[:, 0] > _SAME
    if missed.any():
        lost = made.columns.ids[int(rows[missed.argmax()])]
        raise CorruptFolder(f"{made.id}: {lost!r} does not find itself first; run the update again")


def _release_id(info: ReleaseInfo, created: datetime, hashed: Sequence[str]) -> str:
    tail = f"--{created:%Y%m%dt%H%M%S}-{hash_of_ids(hashed)[:6]}"
    return f"{info.survey}--{info.model_id}"[: 64 - len(tail)] + tail
