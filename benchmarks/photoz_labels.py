"""Redshift networks from few spectra and many, begun from the pretrained trunk and from nothing, for the curve of `photoz.py`.

    python benchmarks/photoz_labels.py CONFIG --data-dir DIR [--counts 100,300,1000,3000] [--all-scratch]

Fits `DIR/runs/MODEL-photoz-s0-n100[-scratch]` and so on, writes their predictions `DIR/photoz/…npz`; what is there is left
alone, a fit that was killed goes on. Both begin with the same magnitudes in apertures. The pretrained ones have at least 600 steps
of the head and 60 of all weights, the others 300 of all weights at the head's rate (five times the computing). The validation part, which
chooses the epoch, is whole throughout. About 25 minutes on one core.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from photoz_data import prediction_path
from photoz_predict import write_predictions
from progress import Progress

from skylike.cli.photoz_fit import default_run
from skylike.cli.training_runs import config_path
from training.photoz import fit_photoz, load_network
from training.photoz_config import PhotozConfig, read_photoz_config
from training.photoz_data import photoz_parts
from training.photoz_prediction import predict
from training.runs import RunFolder

STEPS, FINE_STEPS, SCRATCH_STEPS, BATCH, RATE = 600, 60, 300, 64, 1e-3
# Every so many galaxies of the calibration part calibrate a point of the curve.
FEW = 4


def main() -> None:
    """Fit and predict, one after the other."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--counts", default="100,300,1000,3000")
    parser.add_argument("--all-scratch", action="store_true", help="all spectra, from nothing, too")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    base = read_photoz_config(config_path(arguments.config))
    counts: list[int | None] = [int(count) for count in arguments.counts.split(",")]
    cases = [_case(base, n, scratch=scratch) for n in counts for scratch in (False, True)]
    if arguments.all_scratch:
        cases.append(_case(base, None, scratch=True))
    for config in cases:
        _fit(config, arguments.data_dir)


def _case(base: PhotozConfig, n: int | None, *, scratch: bool) -> PhotozConfig:
    """Return the configuration for so many spectra."""
    labels = base.labels.model_copy(update={"n": n})
    head = base.head.model_copy(update={"least_steps": STEPS})
    if not scratch:
        return base.model_copy(update={"labels": labels, "head": head, "least_steps": FINE_STEPS})
    optimiser = base.optimiser.model_copy(update={"batch": BATCH, "learning_rate": RATE})
    return base.model_copy(
        update={
            "labels": labels,
            "head": head,
            "least_steps": SCRATCH_STEPS,
            "optimiser": optimiser,
            "pretrained": None,
        }
    )


def _fit(config: PhotozConfig, data_dir: Path) -> None:
    name = default_run(config)
    out = prediction_path(data_dir, name)
    if out.is_file():
        return
    parts = photoz_parts(config, data_dir)
    pretrained = (
        None if config.pretrained is None else RunFolder.opened(data_dir / "runs" / config.pretrained)
    )
    lines: dict[str, Progress] = {}

    def tell(step: str, done: int, total: int) -> None:
        lines.setdefault(step, Progress(f"{name}: {step}", total)).to(done)

    fit_photoz(
        config,
        parts,
        data_dir / "runs" / name,
        device=torch.device("cpu"),
        pretrained=pretrained,
        progress=tell,
    )
    network = load_network(config, RunFolder.opened(data_dir / "runs" / name))
    assert network is not None
    write_predictions(
        out,
        {"calibrate": parts["calibrate"].take(slice(None, None, FEW)), "test": parts["test"]},
        lambda part, told: predict(network, part, progress=told),
        n_labels=len(parts["train"]),
        start="pretrained" if config.pretrained else "scratch",
    )


if __name__ == "__main__":
    main()
