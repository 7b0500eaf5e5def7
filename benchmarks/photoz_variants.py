"""What could stand in the photo-z network's place: frozen embeddings, other heads, other inputs, averaged views.

    python benchmarks/photoz_variants.py CONFIG --data-dir DIR --run RUN --embedding MODEL

Writes predictions for `photoz.py` beside those of the fine-tuned run: the same with its probabilities averaged over eight views
(`RUN-views8`); heads on the pretrained trunk as it is (`…-frozen`: the trunk alone; `…-head`: with magnitudes; `…-mixture`: six
Gaussians for bins; `…-ebv`: E(B-V) beside), on magnitudes in apertures alone (`…-magnitudes`), and the kernel of `skylike index`
on MODEL's embedding (`…-knn`). What is there is left alone. About 20 minutes on one core.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from photoz_data import prediction_path
from photoz_predict import write_predictions
from progress import Progress

from index.encoder import OnnxEncoder
from index.kernel import neighbour_weights
from index.model import Model
from index.pdf import FloatArray, cde_loss
from skylike.cli.training_runs import config_path
from training.photoz import fit_photoz, grid_of, load_network
from training.photoz_config import PhotozConfig, read_photoz_config
from training.photoz_data import Part, photoz_parts
from training.photoz_prediction import Predicted, batches_of, predict
from training.runs import RunFolder

HEADS: dict[str, dict[str, Any]] = {
    "frozen": {"apertures": False},
    "head": {},
    "mixture": {"kind": "mixture"},
    "ebv": {"ebv": True},
    "magnitudes": {"trunk": False},
}
K, WIDTHS, SHARPENINGS = 20, (0.002, 0.004, 0.008, 0.015), (1.0, 1.4, 2.0, 2.8, 4.0, 5.6)
PARTS = ("calibrate", "test")
Floats = NDArray[np.float32]


def main() -> None:
    """Fit what is missing and predict."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--run", required=True)
    parser.add_argument("--embedding", required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data_dir: Path = arguments.data_dir
    base = read_photoz_config(config_path(arguments.config))
    parts = photoz_parts(base, data_dir)
    runs = data_dir / "runs"
    for name, changes in HEADS.items():
        made = partial(_head, base, parts, runs / f"{base.model_id}-photoz-{name}", changes)
        _once(data_dir, f"{base.model_id}-{name}", parts, name, made)
    averaged = partial(_averaged, runs / arguments.run)
    _once(data_dir, f"{arguments.run}-views8", parts, "views8", averaged)
    nearest = partial(_neighbours, base, parts, data_dir / "models" / arguments.embedding)
    _once(data_dir, f"{base.model_id}-knn", parts, "knn", nearest)


Parts = dict[str, Part]
Predict = Callable[[Part, Callable[[int, int], None]], Predicted]


def _once(data_dir: Path, name: str, parts: Parts, start: str, make: Callable[[], Predict]) -> None:
    path = prediction_path(data_dir, name)
    if not path.is_file():
        judged = {part: parts[part] for part in PARTS}
        write_predictions(path, judged, make(), n_labels=len(parts["train"]), start=start)


def _head(base: PhotozConfig, parts: Parts, run: Path, changes: dict[str, Any]) -> Predict:
    config = base.model_copy(
        update={"head": base.head.model_copy(update=changes), "finetune": False, "augment": ()}
    )
    if not config.head.trunk:
        config = config.model_copy(update={"pretrained": None})
    pretrained = None if config.pretrained is None else RunFolder.opened(run.parent / config.pretrained)
    lines: dict[str, Progress] = {}

    def tell(step: str, done: int, total: int) -> None:
        lines.setdefault(step, Progress(f"{run.name}: {step}", total)).to(done)

    fit_photoz(config, parts, run, device=torch.device("cpu"), pretrained=pretrained, progress=tell)
    network = load_network(config, RunFolder.opened(run))
    assert network is not None
    return lambda part, told: predict(network, part, progress=told)


def _averaged(run: Path) -> Predict:
    folder = RunFolder.opened(run)
    told = json.loads((run / "config.json").read_text())
    told.pop("survey_sha256")
    network = load_network(PhotozConfig.model_validate(told), folder)
    assert network is not None
    return lambda part, told: predict(network, part, views=8, progress=told)


def _neighbours(config: PhotozConfig, parts: Parts, model: Path) -> Predict:
    """Return the kernel on an embedding; its width and sharpening have the least CDE loss on the validation part."""
    encoder, grid = OnnxEncoder(Model.open(model)), grid_of(config)
    known = _embedded(encoder, parts["train"])
    z = parts["train"].z

    def deposited(vectors: Floats) -> FloatArray:
        found = np.empty((len(vectors), grid.n_bins))
        for n in range(0, len(vectors), 256):
            similarity = vectors[n : n + 256] @ known.T
            nearest = np.argpartition(-similarity, K, axis=1)[:, :K]
            near = np.take_along_axis(similarity, nearest, axis=1)
            order = np.argsort(-near, axis=1)
            nearest, near = (
                np.take_along_axis(nearest, order, axis=1),
                np.take_along_axis(near, order, axis=1),
            )
            weights = neighbour_weights(near, np.full(len(near), K), 1.0)
            found[n : n + 256] = grid.deposit(z[nearest], weights)
        return found

    def mixed(sums: FloatArray, width: float, sharpening: float) -> FloatArray:
        powered = np.power(np.maximum(sums @ grid.kernel(width), 1e-30), sharpening)
        return np.asarray(powered / powered.sum(axis=1, keepdims=True))

    validation = parts["validation"]
    judged = deposited(_embedded(encoder, validation))
    _, width, sharpening = min(
        (cde_loss(mixed(judged, w, s), grid, validation.z), w, s) for w in WIDTHS for s in SHARPENINGS
    )

    def answer(part: Part, told: Callable[[int, int], None]) -> Predicted:
        vectors = _embedded(encoder, part, told)
        logits = np.log(mixed(deposited(vectors), width, sharpening) + 1e-12)
        return Predicted(logits.astype(np.float32), np.empty((len(part), 0), np.float32), vectors)

    return answer


def _embedded(encoder: OnnxEncoder, part: Part, told: Callable[[int, int], None] | None = None) -> Floats:
    return np.concatenate([encoder.encode(part.inputs(some).numpy()) for some in batches_of(len(part), told)])


if __name__ == "__main__":
    main()
