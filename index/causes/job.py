"""The resumable job that inspects every cutout of a survey."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from index.causes.inspections import Inspections, InspectionsInfo
from index.field_blocks import shard_rows
from survey.archive import SurveyFolder
from survey.inspection import RULES, Inspection, inspect

__all__ = ["inspect_survey"]

_SHARD_SIZE = 4096
# Read at once, and told as progress.
_BATCH = 128


def inspect_survey(
    survey: SurveyFolder,
    path: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
    shard_size: int = _SHARD_SIZE,
) -> Inspections:
    """Inspect every cutout of a survey, skipping the shards that an earlier run has finished.

    Parameters
    ----------
    survey
        One with cutouts.
    path
        Folder of the inspections.

    Raises
    ------
    InspectionsMismatch
        If ``path`` holds inspections of another survey, or by other rules.
    CorruptFolder
        If the survey holds no cutouts, or the manifest at ``path`` cannot be read.
    """
    info = InspectionsInfo(survey.info.name, survey.sha256, RULES, len(survey), shard_size)
    store = Inspections.open_or_create(path, info)
    shards = [
        shard_rows(shard, shard_size=shard_size, n_objects=info.n_objects) for shard in range(info.n_shards)
    ]
    todo = [shard for shard in range(info.n_shards) if not store.has(shard)]
    done = info.n_objects - sum(len(shards[shard]) for shard in todo)
    for shard in todo:
        rows = shards[shard]
        found: dict[str, Inspection] = {}
        for first, cutouts in survey.scan(rows.start, rows.stop, _BATCH):
            ids = survey.ids[first : first + len(cutouts)]
            found |= {i: inspect(cutout) for i, cutout in zip(ids, cutouts, strict=True)}
            if progress is not None:
                progress(done + len(found), info.n_objects)
        store.write(shard, found)
        done += len(rows)
    return store
