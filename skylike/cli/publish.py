"""`skylike train publish`: a model that comes with Skylike."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skylike.cli.options import DEFAULT_DATA_DIR, DataDir, Json, emit, fail

__all__ = ["publish"]


def publish(
    model: Annotated[str, typer.Argument(help="Id of a model in the data folder.")],
    *,
    metrics: Annotated[
        Path | None, typer.Option("--metrics", help="A JSON file of docs/results that the card shall quote.")
    ] = None,
    figures: Annotated[
        str, typer.Option("--figures", help="Ids of the figures to quote, separated by commas.")
    ] = "",
    licence: Annotated[
        str, typer.Option("--licence", help="Licences of weights and training sets, in place of the card's.")
    ] = "",
    out: Annotated[
        Path, typer.Option("--out", help="Folder of released models: of the checkout that you are in.")
    ] = Path("models"),
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Json = False,
) -> None:
    """Put a model among those that come with Skylike: 25 MB at most, drawn golden objects, figures in its card."""
    from index.model import GoldenMismatch, Model
    from survey.manifests import CorruptFolder
    from training.publish import NotReleasable, publish_released

    names = [name.strip() for name in figures.split(",") if name.strip()]
    if (metrics is None) != (not names):
        raise typer.BadParameter("--metrics and --figures go together")
    try:
        made = publish_released(
            Model.open(data_dir / "models" / model),
            out,
            results=metrics,
            figures=names,
            licence=licence or None,
        )
    except (CorruptFolder, GoldenMismatch, NotReleasable) as error:
        fail(str(error))
    size = sum(path.stat().st_size for path in made.path.iterdir())
    emit(
        {
            "model": made.card.id,
            "method": made.card.method,
            "precision": made.card.precision,
            "bytes": size,
            "quoted": len(names),
            "sha256": made.sha256,
        },
        as_json=as_json,
    )
