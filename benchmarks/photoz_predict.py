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
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from photoz_data import GRID, prediction_path
from progress import Progress

from training.models.apertures import aperture_names
from training.photoz import load_network
from training.photoz_config import PhotozConfig
from training.photoz_data import PhotozData, photoz_data, whole_survey
from training.photoz_prediction import Predicted, predict
from training.photoz_release import CELL_APERTURE, run_photoz_graph
from training.runs import RunFolder

__all__ = ["N_REFERENCE", "write_predictions"]

N_REFERENCE = 5000
Places = Mapping[str, NDArray[np.int64]]
Answer = Callable[[PhotozData, NDArray[np.int64], Callable[[int, int], None]], Predicted]


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
    told = json.loads((run.path / "config.json").read_text())
    told.pop("survey_sha256")
    config = PhotozConfig.model_validate(told)
    name = arguments.name or run.path.name
    answer = _graph(data_dir / "models" / arguments.model) if arguments.model else _network(config, run)
    data = photoz_data(config, data_dir)
    train = data.places["train"]
    places = {
        "train": train[:: max(1, len(train) // N_REFERENCE)],
        "calibrate": data.places["calibrate"],
        "test": data.places["test"],
    }
    start = "pretrained" if config.pretrained else "scratch"
    start = start if config.head.trunk else "magnitudes in apertures"
    write_predictions(prediction_path(data_dir, name), data, places, answer, n_labels=len(train), start=start)
    for survey in arguments.on:
        other = whole_survey(config, data_dir, survey)
        write_predictions(prediction_path(data_dir, name, survey), other, other.places, answer)


def _network(config: PhotozConfig, run: RunFolder) -> Answer:
    network = load_network(config, run)
    if network is None:
        raise SystemExit(f"run {run.path.name} has no state yet")
    return lambda data, places, tell: predict(network, data, places, views=config.views, progress=tell)


def _graph(model: Path) -> Answer:
    graph = (model / "photoz.onnx").read_bytes()
    return lambda data, places, tell: run_photoz_graph(graph, data, places, tell)


def write_predictions(path: Path, data: PhotozData, places: Places, answer: Answer, **more: Any) -> None:
    """Write what ``photoz_data.read_predictions`` reads, for the galaxies of each part."""
    found: list[Predicted] = []
    total, done = sum(map(len, places.values())), 0
    progress = Progress(path.name, total)
    for part in places.values():
        found.append(answer(data, part, partial(_tell, progress, done)))
        done += len(part)
    names = data.source.survey.ids
    rows = data.source.rows[np.concatenate(list(places.values()))]
    photometry = np.concatenate([one.photometry for one in found])
    known = aperture_names(data.contract)
    cells = [known.index(f"{band}_{CELL_APERTURE}") for band in "gr"] if photometry.shape[1] else []
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        object_id=np.array([names[row] for row in rows]),
        part=np.concatenate([np.full(len(part), name) for name, part in places.items()]),
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
