"""From a finished run to a model folder: tricks and precision chosen on the validation part, golden objects, card."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from index.model import Model, publish_model
from training.augment.recipe import Views
from training.cards import Facts, card_of, model_id
from training.config import PretrainConfig
from training.export import Head, encoder_graph
from training.fusion import RingPart, fit_ring_part
from training.golden import golden_fields
from training.models.resnet import ResNet
from training.nuisance import Nuisance, measure_nuisances, removal_of, ridge_r2
from training.precision import Precision, choose_precision
from training.preparation import Prepared
from training.pretrain import judge_vectors, views_of
from training.probes import embed_with
from training.quantise import run_graph
from training.runs import RunFolder
from training.tricks import Chosen, choose_head

__all__ = ["NotTrained", "Wishes", "backbone_of", "export_run"]

_N_AXES_SAMPLE = 4096
_N_MEASURED = 4096
_N_CALIBRATION = 512
_N_GALLERY = 2000

Floats = NDArray[np.float32]
Told = Callable[[str, int, int], None]


class NotTrained(ValueError):
    """A run without a state that could be exported."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is asked of an export beyond what the validation part decides.

    Attributes
    ----------
    without
        Directions to take out of the vector; the model's id says so.
    precision
        None takes integers if they find the same neighbours, else weights in half precision.
    hybrid
        Whether the description of rings may be joined.
    """

    without: Sequence[Nuisance] = ()
    precision: Precision | None = None
    hybrid: bool = True


def export_run(
    config: PretrainConfig,
    prepared: Prepared,
    run: RunFolder,
    models: Path,
    *,
    wishes: Wishes | None = None,
    progress: Told | None = None,
) -> Model:
    """Publish the best state of a run as a model.

    Parameters
    ----------
    models
        The folder that gets a folder named by the model's id; one that is there is replaced.
    progress
        Told (step, done, total).

    Raises
    ------
    NotTrained
        If the run has no finished epoch.
    """
    state = run.load(best=True)
    if state is None:
        raise NotTrained(f"run {run.path.name} has not finished an epoch; train it first")
    wishes = wishes or Wishes()
    parts = _Parts(prepared, backbone_of(config, prepared, state), progress or (lambda *_: None))
    validation = parts.inputs(0, prepared.splits[0].validation)
    train = parts.trunks()
    rings = parts.rings(views_of(config, prepared)) if wishes.hybrid else None
    chosen = choose_head(
        train,
        {views: parts.embed(validation, views) for views in train},
        None if rings is None else (rings, validation),
        parts.judge,
    )
    head, nuisance = _cleaned(parts, chosen, wishes.without)
    bands, side = len(prepared.contract.bands), prepared.contract.input_px
    released = choose_precision(
        encoder_graph(parts.backbone, head, bands=bands, input_px=side),
        calibration=parts.inputs(0, _spread(prepared.splits[0].train, _N_CALIBRATION)),
        queries=validation,
        gallery=parts.gallery(),
        judge=parts.judge,
        asked=wishes.precision,
        progress=parts.told("Comparing precisions"),
    )
    fields = golden_fields(prepared.contract)
    golden = run_graph(released.graph, prepared.contract.finish(fields))[0]
    name = model_id(config.model_id, wishes.without)
    facts = Facts(config, prepared, chosen, head, released, nuisance, tuple(wishes.without), run.lines())
    return publish_model(models / name, card_of(name, facts), encoder=released.graph, golden=(fields, golden))


class _Parts:
    """A backbone with the data that it is judged on."""

    def __init__(self, prepared: Prepared, backbone: ResNet, tell: Told) -> None:
        self.prepared, self.backbone, self.tell = prepared, backbone, tell
        self.plain = Views(prepared.contract, ())

    def told(self, title: str) -> Callable[[int, int], None]:
        return lambda done, total: self.tell(title, done, total)

    def inputs(self, source: int, places: NDArray[np.int64]) -> Floats:
        fields = self.prepared.sources[source].fields[places]
        return np.asarray(self.plain.plain(torch.from_numpy(np.asarray(fields))).numpy(), dtype=np.float32)

    def embed(self, inputs: Floats, views: int) -> Floats:
        batches = [torch.from_numpy(inputs[n : n + 256]) for n in range(0, len(inputs), 256)]
        return embed_with(self.backbone, batches, views=views)

    def trunks(self) -> dict[int, Floats]:
        """Return backbone vectors of training galaxies of the first survey by number of views.

        Mean and axes are its own: with those of another processing beside it neighbours are fewer (0.58 for 0.60 of
        the trunk, 0.65 for 0.69 of polar48 between the two sets of SDSS pictures).
        """
        found: dict[int, list[Floats]] = {1: [], 8: []}
        places = _spread(self.prepared.splits[0].train, _N_AXES_SAMPLE)
        for n in range(0, len(places), 256):
            inputs = self.inputs(0, places[n : n + 256])
            for views, vectors in found.items():
                vectors.append(self.embed(inputs, views))
            self.tell("Embedding the training part", min(n + 256, len(places)), len(places))
        return {views: np.concatenate(vectors) for views, vectors in found.items()}

    def rings(self, views: Views) -> RingPart:
        """Fit the description to the same galaxies and two views of each."""
        places = _spread(self.prepared.splits[0].train, _N_AXES_SAMPLE)
        generator = torch.Generator().manual_seed(0)
        fields = self.prepared.sources[0].fields
        first, second = (
            np.concatenate(
                [
                    views(torch.from_numpy(np.asarray(fields[places[n : n + 256]])), generator).numpy()
                    for n in range(0, len(places), 256)
                ]
            )
            for _ in range(2)
        )
        return fit_ring_part(
            self.prepared.contract, self.inputs(0, places), np.random.default_rng(0), views=(first, second)
        )

    def gallery(self) -> Floats:
        """Return inputs of galaxies that the validation part is searched among, from every source."""
        share = _N_GALLERY // len(self.prepared.splits)
        return np.concatenate(
            [self.inputs(n, _spread(split.train, share)) for n, split in enumerate(self.prepared.splits)]
        )

    def judge(self, vectors: Floats) -> float:
        return judge_vectors(self.prepared, vectors, centred=False)


def _cleaned(parts: _Parts, chosen: Chosen, without: Sequence[Nuisance]) -> tuple[Head, dict[str, Any]]:
    """Take directions out of the vector; return the head with how well each nuisance is told before and after.

    The directions are found on the training part; R² is cross-validated on training and validation part together.
    """
    head, split = chosen.head, parts.prepared.splits[0]
    train = _spread(split.train, _N_MEASURED)
    places = np.concatenate([train, split.validation])
    inputs = parts.inputs(0, places)
    vectors = head.apply(parts.embed(inputs, head.projection.views), inputs)
    values = measure_nuisances(parts.prepared.contract, parts.prepared.sources[0].fields[places])
    told: dict[str, Any] = {
        "n": len(places),
        "r2": {name: round(ridge_r2(vectors, value), 4) for name, value in values.items()},
    }
    if without:
        absent = [name for name in without if name not in values]
        if absent:
            raise ValueError(f"nothing to take out: {', '.join(absent)} cannot be measured with one band")
        removal = removal_of(vectors[: len(train)], [values[name][: len(train)] for name in without])
        head = replace(head, removal=removal)
        cleaned = vectors @ removal
        cleaned /= np.linalg.norm(cleaned, axis=1, keepdims=True)
        told["r2_after"] = {name: round(ridge_r2(cleaned, value), 4) for name, value in values.items()}
        told["score_before"] = round(parts.judge(vectors[len(train) :]), 5)
        told["score_after"] = round(parts.judge(cleaned[len(train) :]), 5)
    return head, told


def _spread(places: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return at most ``n`` places, evenly spread."""
    return places[np.unique(np.linspace(0, len(places) - 1, min(n, len(places))).astype(np.int64))]


def backbone_of(config: PretrainConfig, prepared: Prepared, state: dict[str, Any]) -> ResNet:
    """Return the query encoder's backbone of a method's state, as it is exported."""
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
