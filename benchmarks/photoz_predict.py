"""What a photo-z run says of the galaxies that judge it, written for `photoz.py`.

    python benchmarks/photoz_predict.py --data-dir DIR --run RUN [--name ID] [--model ID] [--on SURVEY ...]

Runs the network of `DIR/runs/RUN` on the parts train (5,000 of it), calibrate and test, and on every galaxy of the surveys after `--on`,
and writes `DIR/photoz/ID.npz` and `DIR/photoz/ID@SURVEY.npz`. With `--model` the released graph of that model answers instead.
A minute on one core for 20,000 galaxies.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from photoz_data import GRID, prediction_path
from progress import Progress

from training.models.apertures import aperture_names
from training.photoz import load_network
from training.photoz_config import PhotozConfig
from training.photoz_data import Part, photoz_parts, whole_survey
from training.photoz_degraded import DEGRADATIONS, degraded_inputs
from training.photoz_prediction import Predicted, predict
from training.photoz_release import CELL_APERTURE, run_photoz_graph
from training.quantise import run_graph
from training.runs import RunFolder

__all__ = ["N_REFERENCE", "write_predictions"]

N_REFERENCE = 5000
Answer = Callable[[Part, Callable[[int, int], None]], Predicted]


def main() -> None:
    """Predict and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--run", required=True)
    parser.add_argument("--name", help="of the predictions; default the run's")
    parser.add_argument("--model", help="let the released graph of this model answer")
    parser.add_argument("--on", nargs="*", default=[], help="further surveys")
    arguments = parser.parse_args()
    data_dir: Path = arguments.data_dir
    run = RunFolder.opened(data_dir / "runs" / arguments.run)
    stored = json.loads((run.path / "config.json").read_text())
    stored.pop("survey_sha256")
    config = PhotozConfig.model_validate(stored)
    name = arguments.name or run.path.name
    answer = _graph(data_dir / "models" / arguments.model) if arguments.model else _network(config, run)
    parts = photoz_parts(config, data_dir)
    n_labels = len(parts["train"])
    parts = {
        "train": parts["train"].thinned(N_REFERENCE),
        **{name: parts[name] for name in ("calibrate", "test")},
    }
    start = "pretrained" if config.pretrained else "scratch"
    start = start if config.head.trunk else "magnitudes in apertures"
    told = _degraded(data_dir / "models" / arguments.model, parts["train"]) if arguments.model else {}
    path = prediction_path(data_dir, name)
    write_predictions(path, parts, answer, n_labels=n_labels, start=start, **told)
    for survey in arguments.on:
        other = whole_survey(config, data_dir, survey)
        write_predictions(prediction_path(data_dir, name, survey), {"test": other}, answer)


def _network(config: PhotozConfig, run: RunFolder) -> Answer:
    network = load_network(config, run)
    if network is None:
        raise SystemExit(f"run {run.path.name} has no state yet")
    return lambda part, tell: predict(network, part, views=config.views, progress=tell)


def _graph(model: Path) -> Answer:
    graph = (model / "photoz.onnx").read_bytes()
    return lambda part, tell: run_photoz_graph(graph, part, tell)


def _degraded(model: Path, part: Part) -> dict[str, Any]:
    """Return what support's watched directions are learnt from, as the export does."""
    graph = (model / "photoz.onnx").read_bytes()
    found = {
        f"degraded_{kind}": run_graph(graph, degraded_inputs(part, kind), ("features",))[0]
        for kind in DEGRADATIONS
    }
    return {**found, "n_watched": len(aperture_names(part.contract))}


def write_predictions(path: Path, parts: Mapping[str, Part], answer: Answer, **more: Any) -> None:
    """Write what ``photoz_data.read_predictions`` reads, for the galaxies of each part."""
    found: list[Predicted] = []
    progress, done = Progress(path.name, sum(map(len, parts.values()))), 0
    for part in parts.values():
        found.append(answer(part, partial(_tell, progress, done)))
        done += len(part)
    photometry = np.concatenate([one.photometry for one in found])
    known = aperture_names(part.contract)
    cells = [known.index(f"{band}_{CELL_APERTURE}") for band in "gr"] if photometry.shape[1] else []
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        object_id=np.concatenate([part.ids for part in parts.values()]),
        part=np.concatenate([np.full(len(part), name) for name, part in parts.items()]),
        logits=np.concatenate([one.logits for one in found]),
        photometry=photometry[:, cells],
        photometry_names=np.array(list("gr")[: len(cells)]),
        features=np.concatenate([one.features for one in found]).astype(np.float32),
        z_max=GRID.z_max,
        **more,
    )


def _tell(progress: Progress, before: int, now: int, _total: int) -> None:
    progress.to(before + now)


if __name__ == "__main__":
    main()
