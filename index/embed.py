"""The resumable job from a survey through an encoder to an embedding store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from index.embeddings import EmbeddingsInfo, EmbeddingStore
from index.field_blocks import FieldBlock, field_blocks, shard_rows, shifted
from index.model import Model, OnnxEncoder
from survey.archive import SurveyFolder

__all__ = ["EmbedReport", "FieldEncoder", "NothingToEmbed", "embed_survey"]

_SHARD_SIZE = 4096


class NothingToEmbed(ValueError):
    """A survey without images, or of which no object fits the model."""


class FieldEncoder(Protocol):
    """What turns calibrated fields into unit vectors: :class:`index.model.OnnxEncoder`."""

    def embed_fields(self, fields: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embed fields of shape (N, C, F, F) to (N, D)."""


@dataclass(frozen=True, slots=True)
class EmbedReport:
    """What an embedding job did.

    Attributes
    ----------
    n_embedded
        Objects with an embedding, earlier runs included.
    rejected
        Object id to reason, for the others.
    n_shards_done
        Shards written by this run; the others were there already.
    """

    n_embedded: int
    rejected: dict[str, str]
    n_shards_done: int


def embed_survey(
    survey: SurveyFolder,
    model: Model,
    path: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
    batch: int = 256,
    threads: int = 0,
    encoder: FieldEncoder | None = None,
    shard_size: int = _SHARD_SIZE,
) -> EmbedReport:
    """Embed every object of a survey, skipping the shards that an earlier run has finished.

    Parameters
    ----------
    path
        Folder of the embedding store.
    batch
        Objects calibrated and encoded at once.
    threads
        Threads of the encoder, 0 for all cores.
    encoder
        Used in place of the model's own graph.

    Returns
    -------
    EmbedReport
        Names every object that has no embedding.

    Raises
    ------
    EmbeddingMismatch
        If ``path`` holds embeddings of another survey or model.
    NothingToEmbed
        If the survey has no images, or no object could be embedded.
    """
    if not survey.has_cutouts:
        raise NothingToEmbed(
            f"survey {survey.info.name} is a catalogue without images; it can be ingested, not embedded"
        )
    info = describe_embeddings(survey, model, shard_size=shard_size)
    store = EmbeddingStore.open_or_create(path, info)
    todo = [shard for shard in range(info.n_shards) if not store.has_shard(shard)]
    if todo:
        encoder = encoder or OnnxEncoder(model, threads)
        done = info.n_objects - sum(len(_rows(info, shard)) for shard in todo)
        for shard in todo:
            job = _Job(survey, model, encoder, batch)
            job.run(_rows(info, shard), shifted(progress, done, info.n_objects))
            store.write_shard(
                shard,
                job.ids,
                job.hpx29,
                job.embeddings(info.dimension),
                flags=job.flags,
                rejected=job.rejected,
            )
            done += len(_rows(info, shard))
    rejected = store.rejected
    if len(rejected) == info.n_objects:
        reason = next(iter(rejected.values()))
        raise NothingToEmbed(f"no object of survey {survey.info.name} fits model {model.card.id}: {reason}")
    return EmbedReport(info.n_objects - len(rejected), rejected, len(todo))


def describe_embeddings(
    survey: SurveyFolder, model: Model, *, shard_size: int = _SHARD_SIZE
) -> EmbeddingsInfo:
    """Describe the embeddings that a survey and a model give: what a store is bound to."""
    return EmbeddingsInfo(
        survey=survey.info.name,
        survey_sha256=survey.sha256,
        model_id=model.card.id,
        model_sha256=model.sha256,
        dimension=model.card.dimension,
        n_objects=len(survey),
        shard_size=shard_size,
    )


def _rows(info: EmbeddingsInfo, shard: int) -> range:
    return shard_rows(shard, shard_size=info.shard_size, n_objects=info.n_objects)


class _Job:
    """Gathers one shard."""

    def __init__(self, survey: SurveyFolder, model: Model, encoder: FieldEncoder, batch: int) -> None:
        self.survey, self.model, self.encoder, self.batch = survey, model, encoder, batch
        self.ids: list[str] = []
        self.hpx29: list[int | None] = []
        self.flags: list[int] = []
        self.rejected: dict[str, str] = {}
        self._blocks: list[NDArray[np.float32]] = []

    def run(self, rows: range, progress: Callable[[int], None]) -> None:
        cells = self.survey.objects.column("hpx29").slice(rows.start, len(rows)).to_pylist()
        for block in field_blocks(self.survey, self.model.contract, rows, batch=self.batch):
            self.rejected |= block.rejected
            if block.rows:
                self._keep(self.encoder.embed_fields(block.fields), block, cells, rows.start)
            progress(block.stop - rows.start)

    def embeddings(self, dimension: int) -> NDArray[np.float32]:
        return np.concatenate([np.empty((0, dimension), np.float32), *self._blocks])

    def _keep(
        self, vectors: NDArray[np.float32], block: FieldBlock, cells: list[int | None], start: int
    ) -> None:
        # A field without any light has no direction; its graph answers zeros or NaN.
        good = np.abs(np.linalg.norm(vectors.astype(np.float64), axis=1) - 1) < 1e-3
        for row, flags, is_good in zip(block.rows, block.flags, good, strict=True):
            if is_good:
                self.ids.append(self.survey.ids[row])
                self.hpx29.append(cells[row - start])
                self.flags.append(flags)
            else:
                self.rejected[self.survey.ids[row]] = (
                    "model.no_embedding: the model gives no unit vector (an empty image?)"
                )
        self._blocks.append(np.asarray(vectors[good], dtype=np.float32))
