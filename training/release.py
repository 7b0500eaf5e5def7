"""From a finished run to a model folder: projection chosen on the validation part, one graph, golden objects, card."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from index.model import Model, ModelCard, publish_model
from training.augment.recipe import Views
from training.config import PretrainConfig
from training.export import Projection, encoder_graph
from training.models.resnet import ResNet
from training.pca import principal_axes
from training.pretrain import Prepared, judge_vectors
from training.probes import embed_with
from training.runs import RunFolder

__all__ = ["NotTrained", "export_run"]

#: Powers of the eigenvalues that are divided by: 0 leaves the axes as they are, 0.5 whitens fully (which hurts).
POWERS = (0.0, 0.125, 0.25, 0.375, 0.5)
_DIMENSION = 128
_N_GOLDEN = 8
_N_AXES_SAMPLE = 8192


class NotTrained(ValueError):
    """A run without a state that could be exported."""


@dataclass(frozen=True, slots=True, eq=False)
class _Chosen:
    projection: Projection
    power: float
    score: float
    tried: dict[str, float]


def export_run(
    config: PretrainConfig, prepared: Prepared, run: RunFolder, out: Path, *, views: int = 8
) -> Model:
    """Publish the best state of a run as a model.

    The vector is the backbone's, averaged over ``views``, less its mean over the training part, on at most 128
    principal axes scaled by ``eigenvalue ** -power``; the power is the one with the best neighbours on the validation
    part.

    Raises
    ------
    NotTrained
        If the run has no finished epoch.
    """
    state = run.load(best=True)
    if state is None:
        raise NotTrained(f"run {run.path.name} has not finished an epoch; train it first")
    backbone = _backbone(config, prepared, state)
    plain = Views(prepared.contract, ())
    trunks = [
        _embed(backbone, plain, source.fields, split.train[:_N_AXES_SAMPLE], views)
        for source, split in zip(prepared.sources, prepared.splits, strict=True)
    ]
    validation = _embed(backbone, plain, prepared.sources[0].fields, prepared.splits[0].validation, views)
    chosen = _choose(np.concatenate(trunks), validation, prepared, views)
    golden = np.asarray(
        prepared.sources[0].fields[np.sort(prepared.splits[0].train[:_N_GOLDEN])], dtype=np.float32
    )
    expected = _project(_embed(backbone, plain, golden, np.arange(len(golden)), views), chosen.projection)
    bands = len(prepared.contract.bands)
    graph = encoder_graph(backbone, chosen.projection, bands=bands, input_px=prepared.contract.input_px)
    return publish_model(out, _card(config, prepared, chosen, run), encoder=graph, golden=(golden, expected))


def _backbone(config: PretrainConfig, prepared: Prepared, state: dict[str, Any]) -> ResNet:
    network = ResNet(
        depth=config.network.depth,
        bands=len(prepared.contract.bands),
        stem=config.network.stem,
        width=config.network.width,
    )
    prefix = "query_encoder.0."
    weights = {
        name.removeprefix(prefix): value for name, value in state["moco"].items() if name.startswith(prefix)
    }
    network.load_state_dict(weights)
    return network.eval()


def _embed(
    backbone: ResNet, plain: Views, fields: NDArray[np.generic], places: NDArray[np.int64], views: int
) -> NDArray[np.float32]:
    batches = (places[n : n + 256] for n in range(0, len(places), 256))
    return embed_with(
        backbone, [plain.plain(torch.from_numpy(np.asarray(fields[batch]))) for batch in batches], views=views
    )


def _choose(
    train: NDArray[np.float32], validation: NDArray[np.float32], prepared: Prepared, views: int
) -> _Chosen:
    principal = principal_axes(train, n_axes=_DIMENSION, rng=np.random.default_rng(0))
    tried: dict[str, float] = {}
    best: _Chosen | None = None
    for power in POWERS:
        scaled = (principal.axes * principal.explained**-power).astype(np.float32)
        projection = Projection(principal.mean.astype(np.float32), scaled, views)
        score = judge_vectors(prepared, _project(validation, projection))
        tried[str(power)] = round(score, 5)
        if best is None or score > best.score:
            best = _Chosen(projection, power, score, tried)
    assert best is not None
    return best


def _project(trunk: NDArray[np.float32], projection: Projection) -> NDArray[np.float32]:
    vectors = (trunk - projection.mean) @ projection.axes
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def _card(config: PretrainConfig, prepared: Prepared, chosen: _Chosen, run: RunFolder) -> ModelCard:
    surveys = [source.survey for source in prepared.sources]
    lines = run.lines()
    return ModelCard(
        id=config.model_id,
        method=config.method,
        title=f"MoCo v2, ResNet-{config.network.depth} ({config.network.stem} stem, width {config.network.width})",
        contract=prepared.contract.to_json(),
        dimension=chosen.projection.axes.shape[1],
        views=chosen.projection.views,
        training={
            "config": config.model_dump(mode="json"),
            "survey": ", ".join(survey.info.name for survey in surveys),
            "survey_sha256": surveys[0].sha256,
            "surveys": {survey.info.name: survey.sha256 for survey in surveys},
            "n": sum(len(split.train) for split in prepared.splits),
            "epochs": lines[-1]["epoch"] if lines else 0,
            "seed": config.seed,
            "labels": "none; those of the validation part chose the epoch and the power",
            "power": chosen.power,
            "powers": chosen.tried,
        },
        metrics={"validation_score": round(chosen.score, 4)},
        code_revision=f"skylike {importlib.metadata.version('skylike')}",
        licence="Weights: BSD-3-Clause. Trained on "
        + "; ".join(
            f"{survey.info.title}: {survey.info.licence or 'licence not stated'}" for survey in surveys
        ),
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    )
