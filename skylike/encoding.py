"""What is said of a survey's images, computed once and continued where it was interrupted."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from index.causes.inspections import Inspections, InspectionsMismatch
from index.causes.job import inspect_survey
from index.causes.merged import MergedInspections
from index.embed import embed_survey
from index.embeddings import EmbeddingMismatch, EmbeddingStore
from index.model import Model
from index.photoz_job import estimate_survey
from index.photoz_shards import PhotozShards, ShardsMismatch
from index.updates.merge import MergedEmbeddings, MergedShards
from survey.archive import SurveyFolder
from survey.manifests import CorruptFolder
from survey.updated import UpdatedSurvey

__all__ = [
    "Step",
    "embed",
    "embed_parts",
    "inspections",
    "inspections_of_parts",
    "redshifts",
    "redshifts_of_parts",
]

#: Opens a named step; what it yields takes (done, total).
Step = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]


def embed(survey: SurveyFolder, model: Model, path: Path, step: Step) -> dict[str, str]:
    """Embed a survey into ``path``, continuing what is there; returns why objects have no embedding, by id."""
    with step(f"Embedding {survey.info.name} with {model.card.id}") as progress:
        try:
            return embed_survey(survey, model, path, progress=progress).rejected
        except (EmbeddingMismatch, CorruptFolder):
            # Of an earlier version of the survey or the model: nothing can use them any more.
            shutil.rmtree(path)
            return embed_survey(survey, model, path, progress=progress).rejected


def redshifts(data_dir: Path, survey: SurveyFolder, model: Model, step: Step) -> PhotozShards | None:
    """Let the model's redshift network see the survey; None for a model without one."""
    if model.card.photoz is None:
        return None
    path = data_dir / "photoz" / f"{survey.info.name}.{model.card.id}"
    with step(f"Estimating redshifts of {survey.info.name} with {model.card.id}") as progress:
        try:
            estimate_survey(survey, model, path, progress=progress)
        except (ShardsMismatch, CorruptFolder):
            # Of an earlier version, as with embeddings.
            shutil.rmtree(path, ignore_errors=True)
            estimate_survey(survey, model, path, progress=progress)
    return PhotozShards.open(path)


def inspections(data_dir: Path, survey: SurveyFolder, step: Step) -> Inspections:
    """Look for defects and neighbours in a survey's cutouts."""
    path = data_dir / "inspections" / survey.info.name
    with step(f"Inspecting {survey.info.name}") as progress:
        try:
            return inspect_survey(survey, path, progress=progress)
        except (InspectionsMismatch, CorruptFolder):
            # Of an earlier version of the survey or the rules, as with embeddings.
            shutil.rmtree(path, ignore_errors=True)
            return inspect_survey(survey, path, progress=progress)


def embed_parts(data_dir: Path, survey: SurveyFolder, model: Model, step: Step) -> EmbeddingStore:
    """Embed a survey and its supplements, and return what is left of their embeddings."""
    stores = []
    for part in survey.parts:
        path = data_dir / "embeddings" / f"{part.info.name}--{model.card.id}"
        embed(part, model, path, step)
        stores.append(EmbeddingStore.open(path))
    return MergedEmbeddings(survey, model, stores) if isinstance(survey, UpdatedSurvey) else stores[0]


def redshifts_of_parts(data_dir: Path, survey: SurveyFolder, model: Model, step: Step) -> PhotozShards | None:
    """Let the model's redshift network see a survey and its supplements; None for a model without one."""
    found = [redshifts(data_dir, part, model, step) for part in survey.parts]
    shards = [one for one in found if one is not None]
    if not shards:
        return None
    return MergedShards(survey, model, shards) if isinstance(survey, UpdatedSurvey) else shards[0]


def inspections_of_parts(data_dir: Path, survey: SurveyFolder, step: Step) -> Inspections:
    """Look for defects and neighbours in the cutouts of a survey and its supplements."""
    found = [inspections(data_dir, part, step) for part in survey.parts]
    return MergedInspections(survey, found) if isinstance(survey, UpdatedSurvey) else found[0]
