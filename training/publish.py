"""From a model in a data folder to one that comes with Skylike, its card quoting measured figures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from index.model import Model, publish_model
from training.golden import are_drawn

__all__ = ["MOST_BYTES", "NotReleasable", "publish_released", "quoted_figures"]

#: Each replacement of a released model stays in every clone.
MOST_BYTES = 25_000_000
# What a reader needs beside a value; the machine and the commit stand in the results.
_QUOTED = ("value", "interval", "sd", "unit", "n", "better", "against")


class NotReleasable(ValueError):
    """A model, or a quotation, that must not be shipped as it is; the message says why."""


def quoted_figures(results: Path, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return figures of a results file by id, as cards quote them.

    Parameters
    ----------
    results
        A JSON file of ``docs/results``.
    names
        Ids; a figure keeps its value, interval, spread (``sd``) where there is one, unit, number and rivals.

    Raises
    ------
    NotReleasable
        If the file cannot be read or holds no such figure.
    """
    try:
        figures = {entry["id"]: entry for entry in json.loads(results.read_text())["figures"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotReleasable(f"{results.name} is no file of results with figures") from error
    missing = [name for name in names if name not in figures]
    if missing:
        raise NotReleasable(f"{results.name} holds no figure {', '.join(missing)}")
    return {
        name: {key: figures[name][key] for key in _QUOTED if figures[name].get(key) is not None}
        for name in names
    }


def publish_released(
    model: Model,
    folder: Path,
    *,
    results: Path | None = None,
    figures: Sequence[str] = (),
    licence: str | None = None,
) -> Model:
    """Write a model among the released ones, checked as a reader would.

    Parameters
    ----------
    folder
        ``models/`` of a checkout.
    results, figures
        Measured figures for the card, under ``metrics.figures``; the file is named there.
    licence
        In place of the card's, where the terms of a training set were not in its survey folder.

    Raises
    ------
    NotReleasable
        If it is larger than 25 MB, its golden objects are not drawn ones, or a figure is not in the results.
    """
    graph = (model.path / "encoder.onnx").read_bytes()
    fields, embeddings = model.golden
    size = sum(path.stat().st_size for path in model.path.iterdir())
    if size > MOST_BYTES:
        raise NotReleasable(
            f"{model.card.id} takes {size / 1e6:.1f} MB, 25 MB are allowed; export it in fewer bits or train a narrower one"
        )
    if not are_drawn(model.contract, fields):
        raise NotReleasable(
            f"the golden objects of {model.card.id} are no drawn galaxies: pixels of a survey are never shipped; "
            "export the model again"
        )
    metrics = dict(model.card.metrics)
    if results is not None:
        metrics |= {"figures": quoted_figures(results, figures), "figures_from": results.name}
    changed = {"metrics": metrics} if licence is None else {"metrics": metrics, "licence": licence}
    card = model.card.model_copy(update=changed)
    return publish_model(
        folder / card.id, card, encoder=graph, golden=(fields, embeddings), photoz=model.photoz_parts()
    )
