"""The resumable job from a survey through a model's redshift network to Parquet shards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index.embed import NothingToEmbed
from index.evidence import Answer
from index.field_blocks import field_blocks, shard_rows, shifted
from index.model import Model
from index.photoz_encoder import PhotozEncoder
from index.photoz_shards import PhotozShards, PhotozShardsInfo
from survey.archive import SurveyFolder

__all__ = ["PhotozReport", "estimate_survey"]

_SHARD_SIZE = 4096


@dataclass(frozen=True, slots=True)
class PhotozReport:
    """What a job did.

    Attributes
    ----------
    n_estimated
        Objects with an estimate, earlier runs included.
    rejected
        Object id to reason, for the others.
    n_shards_done
        Shards written by this run.
    """

    n_estimated: int
    rejected: dict[str, str]
    n_shards_done: int


def estimate_survey(
    survey: SurveyFolder,
    model: Model,
    path: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
    batch: int = 256,
    threads: int = 0,
    shard_size: int = _SHARD_SIZE,
) -> PhotozReport:
    """Estimate the redshift of every object of a survey, skipping the shards that an earlier run has finished.

    Parameters
    ----------
    model
        One with a redshift network.
    path
        Folder of the shards; see :class:`index.photoz_shards.PhotozShards`.
    batch
        Objects calibrated and estimated at once.
    threads
        Threads of the network, 0 for all cores.

    Raises
    ------
    ShardsMismatch
        If ``path`` holds redshifts of another survey or model.
    CorruptFolder, GoldenMismatch
        If the model has no such network, or one that does not run here.
    NothingToEmbed
        If the survey has no images.
    """
    if not survey.has_cutouts:
        raise NothingToEmbed(
            f"survey {survey.info.name} is a catalogue without images; it has no image redshifts"
        )
    encoder = PhotozEncoder(model, threads)
    info = describe_shards(survey, model, shard_size=shard_size)
    shards = PhotozShards.open_or_create(path, info)
    todo = [shard for shard in range(info.n_shards) if not shards.has(shard)]
    sizes = {shard: len(_rows(info, shard)) for shard in todo}
    done = info.n_objects - sum(sizes.values())
    for shard in todo:
        ids, answer, rejected = _estimated(
            survey, encoder, _rows(info, shard), batch, shifted(progress, done, info.n_objects)
        )
        shards.write(shard, ids, answer, rejected=rejected)
        done += sizes[shard]
    rejected = shards.rejected
    return PhotozReport(info.n_objects - len(rejected), rejected, len(todo))


def describe_shards(survey: SurveyFolder, model: Model, *, shard_size: int = _SHARD_SIZE) -> PhotozShardsInfo:
    """Describe the estimates that a survey and a model give: what a folder is bound to."""
    card = model.card.photoz
    assert card is not None, "the caller knows that there is a network"
    return PhotozShardsInfo(
        survey=survey.info.name,
        survey_sha256=survey.sha256,
        model_id=model.card.id,
        model_sha256=model.sha256,
        z_max=card.z_max,
        n_bins=card.n_bins,
        train_set=card.train_set,
        n_objects=len(survey),
        shard_size=shard_size,
    )


def _rows(info: PhotozShardsInfo, shard: int) -> range:
    return shard_rows(shard, shard_size=info.shard_size, n_objects=info.n_objects)


def _estimated(
    survey: SurveyFolder, encoder: PhotozEncoder, rows: range, batch: int, progress: Callable[[int], None]
) -> tuple[list[str], Answer, dict[str, str]]:
    """Run the network over some rows and calibrate what it says, with the flags of the cutouts."""
    contract = encoder.model.contract
    ids: list[str] = []
    answers: list[Answer] = []
    rejected: dict[str, str] = {}
    for block in field_blocks(survey, contract, rows, batch=batch):
        rejected |= block.rejected
        ids += [survey.ids[row] for row in block.rows]
        found = encoder.run(contract.finish(block.fields))
        probability, columns, quantiles = encoder.calibration.apply(
            found.logits, found.photometry, found.features
        )
        columns["z_flags"] = columns["z_flags"] | np.array(block.flags, dtype=np.int32)
        answers.append((probability, columns, quantiles))
        progress(block.stop - rows.start)
    return ids, _joined(answers), rejected


def _joined(answers: list[Answer]) -> Answer:
    probability, columns, quantiles = zip(*answers, strict=True)
    together = {name: np.concatenate([one[name] for one in columns]) for name in columns[0]}
    return np.concatenate(probability), together, np.concatenate(quantiles)
