"""Pretrain for some minutes on a machine that is lent, and bring the run back in pieces.

    python benchmarks/gpu/pretrain.py training/configs/sdss-rgb.toml --data-dir DATA --minutes 8 --out PIECES
    python benchmarks/gpu/pretrain.py … --resume PIECES --out PIECES2        go on where another machine stopped
    python benchmarks/gpu/pretrain.py … --weights-only --out PIECES          the best backbone alone, in half precision

Needs torch with its GPU, the packages of `skylike[train]` but none of the network (nothing is downloaded), this repository
and of the data folder only ``fields/*`` and, of each survey, ``survey.json`` and ``objects.parquet``: no cutouts. The configuration's
width, depth, batch and epochs may be overridden for a larger machine; the run then belongs to that configuration.
What comes back (`config.json`, `log.jsonl`, `latest.pt`, `best.pt`) is cut into pieces of at most 16 MiB with
checksums; `python benchmarks/gpu/pieces.py join PIECES DATA/runs/NAME` puts it together, and `skylike train export` or another call
of this script goes on from there. A state holds the weights three times and the queues: 34 MB for a ResNet-18 of width 32, 136 MB
for one of width 64, 340 MB for a ResNet-50; --weights-only brings 22 MB or 47 MB of the last two.

Hardware: one GPU (written for an H100 with torch 2.11 and Python 3.12); a CPU does for trying it out.
Expected: prints galaxies a second, the share of the time spent waiting for data, peak memory and the validation of each epoch.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pieces import MOST_BYTES, BadPieces, join_files, split_files

from training.config import BadConfig, PretrainConfig, read_config
from training.curves import summarise
from training.preparation import prepare
from training.pretrain import pretrain
from training.runs import RunFolder

REPOSITORY = Path(__file__).resolve().parents[2]
# Kept for writing the state and cutting it.
_END_SECONDS = 20.0
_BACKBONE = "query_encoder.0."
# Torch tries its kernels on the first batches.
_WARM_BATCHES = 20


def main() -> int:
    """Train and cut."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", type=Path)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True, help="for everything, the pieces included")
    parser.add_argument("--out", type=Path, help="folder for the pieces")
    parser.add_argument("--resume", type=Path, help="folder of pieces of an earlier call")
    parser.add_argument("--weights-only", action="store_true", help="bring back the best backbone alone")
    parser.add_argument("--most-mib", type=float, default=MOST_BYTES / (1 << 20), help="of a piece")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--compile", action="store_true")
    for name in ("depth", "width", "batch", "epochs", "seed"):
        parser.add_argument(f"--{name}", type=int)
    told = parser.parse_args()
    began = time.monotonic()
    try:
        run = train(told, began)
    except (BadConfig, BadPieces, ValueError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(summarise(run), indent=1))
    if told.out is not None:
        for path in cut(
            run, told.out, weights_only=told.weights_only, most_bytes=int(told.most_mib * (1 << 20))
        ):
            print(path)
    return 0


def train(told: argparse.Namespace, began: float) -> RunFolder:
    """Train until the time is up; print the speed."""
    config = overridden(read_config(told.config), told)
    path = told.data_dir / "runs" / config.model_id
    if told.resume is not None:
        join_files(told.resume, path)
    prepared = prepare(config, told.data_dir, root=REPOSITORY)
    device = torch.device(told.device)
    marks: list[tuple[float, int]] = []
    finished = pretrain(
        config,
        prepared,
        path,
        device=device,
        progress=lambda done, total: tell(marks, done, total),
        most_seconds=max(0.0, 60 * told.minutes - _END_SECONDS - (time.monotonic() - began)),
        compiled=told.compile,
    )
    print(f"{finished.epochs} of {config.optimiser.epochs} epochs, best score {finished.best_score:.5f}")
    if len(marks) > _WARM_BATCHES + 1:
        (start, first), (end, last) = marks[_WARM_BATCHES], marks[-1]
        speed = (last - first) * config.optimiser.batch / (end - start)
        print(f"{speed:.0f} galaxies/s on {name_of(device)}, validation and states included")
    if device.type == "cuda":
        print(f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB of the GPU's memory at most")
    return RunFolder.opened(path)


def overridden(config: PretrainConfig, told: argparse.Namespace) -> PretrainConfig:
    """Return the configuration with what the command line gives; the queue stays a multiple of the batch."""
    given = {name: getattr(told, name) for name in ("depth", "width") if getattr(told, name)}
    optimiser = {name: getattr(told, name) for name in ("batch", "epochs") if getattr(told, name)}
    update: dict[str, Any] = {
        "network": {**config.network.model_dump(), **given},
        "optimiser": {**config.optimiser.model_dump(), **optimiser},
    }
    batch = update["optimiser"]["batch"]
    if config.moco.queue_size % batch:
        queue_size = max(batch, config.moco.queue_size // batch * batch)
        update["moco"] = {**config.moco.model_dump(), "queue_size": queue_size}
    if told.seed is not None:
        update["seed"] = told.seed
    return PretrainConfig.model_validate({**config.model_dump(mode="json"), **update})


def tell(marks: list[tuple[float, int]], done: int, total: int) -> None:
    """Remember when a batch was done; print a line every ten seconds."""
    now = time.monotonic()
    if marks and int(now / 10) != int(marks[-1][0] / 10):
        rate = (done - marks[0][1]) / max(1e-9, now - marks[0][0])
        left = (total - done) / max(1e-9, rate)
        print(f"batch {done} of {total}, {rate:.1f}/s, {left:.0f} s left", file=sys.stderr, flush=True)
    marks.append((now, done))


def name_of(device: torch.device) -> str:
    """Return what a device calls itself."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "the CPU"


def cut(run: RunFolder, pieces: Path, *, weights_only: bool, most_bytes: int = MOST_BYTES) -> list[Path]:
    """Cut a run into pieces; with ``weights_only`` its configuration, its log and its best backbone."""
    names = (
        ["config.json", "log.jsonl", "best.pt"]
        if weights_only
        else ["config.json", "log.jsonl", "latest.pt", "best.pt"]
    )
    files = [run.path / name for name in names if (run.path / name).is_file()]
    if not weights_only:
        return split_files(files, pieces, most_bytes=most_bytes)
    state = run.load(best=True)
    if state is None:
        raise BadPieces(f"run {run.path.name} has no best epoch yet")
    slim = run.path / "slim" / "best.pt"
    slim.parent.mkdir(exist_ok=True)
    kept = {name: halved(value) for name, value in state["moco"].items() if name.startswith(_BACKBONE)}
    torch.save({"moco": kept}, slim)
    return split_files(
        [slim if path.name == slim.name else path for path in files], pieces, most_bytes=most_bytes
    )


def halved(value: Tensor) -> Tensor:
    """Return weights in half precision; those that do not fit into it, and counters, as they are."""
    if not value.is_floating_point():
        return value
    half = value.half()
    return half if bool(torch.isfinite(half).all()) else value


if __name__ == "__main__":
    sys.exit(main())
