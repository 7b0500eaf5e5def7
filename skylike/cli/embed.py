"""`skylike train embed`: a survey embedded by torch."""

from __future__ import annotations

import shutil
from typing import Annotated

import typer

from skylike.cli.options import DEFAULT_DATA_DIR, DataDir, Json, emit, fail, progress
from skylike.cli.training_runs import import_torch, torch_device

__all__ = ["embed"]


def embed(
    survey: Annotated[str, typer.Argument(help="Name of the survey.")],
    *,
    model: Annotated[str, typer.Option("--model", help="Name of the model, in the data folder or released.")],
    device: Annotated[str, typer.Option("--device", help="cpu or cuda; cuda if there is one.")] = "auto",
    threads: Annotated[int, typer.Option("--threads", min=0, help="CPU threads; 0 takes every core.")] = 0,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Objects embedded at once.")] = 1024,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Json = False,
) -> None:
    """Embed a survey on a GPU; `skylike index build` then finds the embeddings done."""
    torch = import_torch()
    from index.embed import NothingToEmbed
    from index.embeddings import EmbeddingMismatch
    from index.model import GoldenMismatch
    from skylike.choosing import NoSuchModel, choose_model
    from survey.archive import SurveyFolder
    from survey.manifests import CorruptFolder
    from survey.naming import BadName, checked_name
    from training.embedding import UnknownOperator, embed_with_torch

    for hint, value in (("SURVEY", survey), ("--model", model)):
        try:
            checked_name(value)
        except BadName as error:
            raise typer.BadParameter(str(error), param_hint=hint) from error
    if threads:
        torch.set_num_threads(threads)
    chosen = torch_device(device)
    try:
        folder = SurveyFolder(data_dir / "surveys" / survey)
        opened = choose_model(data_dir, folder, model, step=progress)
        path = data_dir / "embeddings" / f"{survey}--{opened.card.id}"
        with progress(f"Embedding {survey} with {opened.card.id} on {chosen}") as report:
            try:
                done = embed_with_torch(folder, opened, path, device=chosen, batch=batch, progress=report)
            except EmbeddingMismatch:
                # Of an earlier version of the survey or the model: nothing can use them any more.
                shutil.rmtree(path)
                done = embed_with_torch(folder, opened, path, device=chosen, batch=batch, progress=report)
    except (
        CorruptFolder,
        GoldenMismatch,
        NoSuchModel,
        NothingToEmbed,
        UnknownOperator,
    ) as error:
        fail(str(error))
    emit(
        {
            "survey": survey,
            "model": opened.card.id,
            "device": str(chosen),
            "embedded": done.n_embedded,
            "rejected": len(done.rejected),
            "shards": done.n_shards_done,
            "next": f"skylike index build {survey} --model {opened.card.id}",
        },
        as_json=as_json,
    )
