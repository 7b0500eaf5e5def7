"""How fast pretraining runs: the MoCo step against a plain one and against the network alone, in one run.

    python benchmarks/pretraining_speed.py                          the shipped sdss-rgb, on what there is
    python benchmarks/pretraining_speed.py --depth 50 --width 64 --stem middle --batch 1024 --device cuda --compile

Every round times each variant once, in turn, so that what else the machine does meets all of them; medians over rounds,
and of the ratios within a round, with the lowest and the highest round. Fields are random: speed does not depend on them.

Hardware: any; takes about 3 minutes on two cores. Figures of a CPU and of a GPU stand side by side in
docs/results/pretraining_speed.
Expected on a CPU: 1.2 to 1.5 times the plain step; loader_share below 0.01.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from figures import REPOSITORY, figure, machine, read_figures, table, write_results
from pretraining_steps import Case, load_step, network_step, our_step, plain_step, view_step
from progress import Progress

from training.config import PretrainConfig, read_config

COMMAND = "python benchmarks/pretraining_speed.py"
CONFIG = REPOSITORY / "training" / "configs" / "sdss-rgb.toml"
# Dense bfloat16 peak in 1e12 operations a second, from the makers' data sheets (without sparsity): NVIDIA H100 (SXM 989.4,
# PCIe 756), H200 989.4, A100 312, L4 121, L40S 362, GH200 989.4. The longest name that fits counts.
PEAKS = {
    "H100 PCIe": 756.0,
    "H100": 989.4,
    "H200": 989.4,
    "GH200": 989.4,
    "A100": 312.0,
    "L40S": 362.05,
    "L4": 121.0,
}

PAGE = """# Speed of pretraining

Galaxies a second (each is two views) of the steps that training is made of. Written by `{command}` on {machine}.
Figures without `_gpu` are a **CPU's**.

{table}

**Variants.** `moco_samples_per_s`: our step: two views of stored fields, both encoders in groups, InfoNCE, backward, SGD,
momentum encoder, queue. `recipe_samples_per_s`: the same with the regressions of the configuration. `plain`: a MoCo step written
straight from the paper's algorithm 1 (`benchmarks/plain_moco.py`): the same network, the same augmentations on whole fields and on every
image, no groups, usual layout. `network`: the query encoder's forward and backward alone, on views that lie ready: no MoCo can be faster. `two
encoders`: the same and the momentum encoder's forward, which MoCo cannot do without. `views_samples_per_s`: drawing two views
alone; `loader_samples_per_s`: gathering fields alone, from a memory-mapped file by the thread that runs ahead (`resident`: held in memory).
`loader_share`: share of the step's time spent waiting for fields, travelling from the file. Medians over {rounds} rounds of {steps} steps
(CPU; batch {batch}); the intervals are the lowest and the highest round.

**Network.** ResNet-{depth}, width {width}, stem `{stem}`, {input_px} px: {flops:.3g} GFLOP a galaxy (query forward and backward, key
forward; a multiplication and an addition are two), counted by torch. On a GPU `moco_bf16_share_gpu` is that times galaxies a
second over the device's dense bfloat16 peak.
"""


def gflop(case: Case) -> float:
    """Count the operations of one galaxy: query forward and backward, key forward."""
    on_cpu = Case(case.config, torch.device("cpu"), compiled=False, file=case.file)
    encoder = nn.Sequential(*on_cpu.encoder())
    contract = case.config.contract
    images = torch.rand(4, len(contract.bands), contract.input_px, contract.input_px)
    with FlopCounterMode(display=False) as counter:
        encoder(images).sum().backward()
        with torch.no_grad():
            encoder(images)
    return counter.get_total_flops() / 4 / 1e9


def timed(case: Case, steps: int, rounds: int) -> tuple[dict[str, list[float]], float]:
    """Return galaxies a second of each variant in each round, and the share of our step spent waiting for fields."""
    ours, loader = our_step(case, regressions=False, resident=False)
    variants: dict[str, Callable[[], Any]] = {
        "ours": ours,
        "recipe": our_step(case, regressions=True, resident=True)[0],
        "plain": plain_step(case),
        "network": network_step(case, keys=False),
        "two encoders": network_step(case, keys=True),
        "views": view_step(case),
        "loader": load_step(case, resident=False),
        "resident": load_step(case, resident=True),
    }
    for step in variants.values():
        for _ in range(3):
            step()
    told = Progress("rounds x variants", rounds * len(variants))
    found: dict[str, list[float]] = {name: [] for name in variants}
    loader.waited = 0.0
    for _ in range(rounds):
        for name, step in variants.items():
            seconds = elapsed(step, steps, case.device)
            found[name].append(steps * case.config.optimiser.batch / seconds)
            told.step(name)
    galaxies = rounds * steps * case.config.optimiser.batch
    return found, loader.waited * median(found["ours"]) / galaxies


def elapsed(step: Callable[[], Any], steps: int, device: torch.device) -> float:
    """Return the seconds that so many steps take, until the device has done them."""
    wait = torch.cuda.synchronize if device.type == "cuda" else (lambda: None)
    wait()
    began = time.perf_counter()
    for _ in range(steps):
        step()
    wait()
    return time.perf_counter() - began


def figures_of(
    found: dict[str, list[float]], share: float, flops: float, case: Case, command: str
) -> list[dict[str, Any]]:
    """Return the figures; those of a GPU have names of their own."""
    on_gpu = case.device.type == "cuda"
    end = "_gpu" if on_gpu else ""
    device = torch.cuda.get_device_name() if on_gpu else f"CPU, threads: {torch.get_num_threads()}"
    n = len(found["ours"])

    def told(name: str, values: list[float], unit: str, better: str = "higher", **against: float) -> Any:
        return figure(
            f"{name}{end}",
            float(f"{median(values):.4g}"),
            f"{unit}, {device}",
            n=n,
            better=better,
            interval=[float(f"{end:.4g}") for end in (min(values), max(values))],
            against={key.replace("_", " "): float(f"{value:.4g}") for key, value in against.items()},
            command=command,
        )

    others = {name: median(found[name]) for name in ("plain", "network", "two encoders")}
    figures = [
        told("moco_samples_per_s", found["ours"], "galaxies/s", **others),
        told("moco_over_plain", ratios(found, "ours", "plain"), "ratio"),
        told("moco_over_two_encoders", ratios(found, "ours", "two encoders"), "ratio"),
        told("moco_over_network", ratios(found, "ours", "network"), "ratio"),
        told("recipe_samples_per_s", found["recipe"], "galaxies/s", **others),
        told("views_samples_per_s", found["views"], "galaxies/s, two views each"),
        told("loader_samples_per_s", found["loader"], "galaxies/s", resident=median(found["resident"])),
        told("loader_share", [share], "share", "lower"),
    ]
    peak = peak_of(device) if on_gpu else None
    if peak is not None:
        per_s = [value * flops / 1e3 / peak for value in found["ours"]]
        figures.append(told("moco_bf16_share", per_s, f"share of {peak:g} TFLOP/s"))
    return figures


def ratios(found: dict[str, list[float]], one: str, other: str) -> list[float]:
    """Return the ratio of two variants in each round."""
    return [a / b for a, b in zip(found[one], found[other], strict=True)]


def peak_of(device: str) -> float | None:
    """Return a device's peak by its name; None if it is in no table."""
    names = [name for name in PEAKS if all(word in device for word in name.split())]
    return PEAKS[max(names, key=len)] if names else None


def main() -> int:
    """Time and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 takes every core")
    parser.add_argument("--steps", type=int, default=8, help="in each round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch", type=int, default=0, help="default the configuration's")
    parser.add_argument("--depth", type=int, choices=(18, 50), default=0)
    parser.add_argument("--width", type=int, default=0)
    parser.add_argument("--stem", default="")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--dry", action="store_true", help="print, write nothing")
    told = parser.parse_args()
    if told.threads:
        torch.set_num_threads(told.threads)
    config = changed(read_config(CONFIG), told)
    command = " ".join([COMMAND, *sys.argv[1:]])
    with tempfile.TemporaryDirectory(prefix="skylike-bench-") as folder:
        case = Case(config, torch.device(told.device), told.compile, Path(folder) / "fields.bin")
        torch.backends.cudnn.benchmark = True
        flops = gflop(case)
        found, share = timed(case, told.steps, told.rounds)
    figures = figures_of(found, share, flops, case, command)
    print(table(figures))
    print(f"{flops:.4g} GFLOP a galaxy")
    if told.dry:
        return 0
    mine = {entry["id"] for entry in figures}
    kept = [entry for name, entry in read_figures("pretraining_speed").items() if name not in mine]
    merged = sorted([*figures, *kept], key=lambda entry: str(entry["id"]).endswith("_gpu"))
    numbers = {
        "rounds": told.rounds,
        "steps": told.steps,
        "batch": config.optimiser.batch,
        "depth": config.network.depth,
        "width": config.network.width,
        "stem": config.network.stem,
        "input_px": config.contract.input_px,
        "flops": flops,
    }
    write_results(
        "pretraining_speed",
        merged,
        PAGE.format(command=command, machine=machine(), table=table(merged), **numbers),
    )
    return 0


def changed(config: PretrainConfig, told: argparse.Namespace) -> PretrainConfig:
    """Return the configuration with what the command line asks for; the queue stays a multiple of the batch."""
    network = {name: getattr(told, name) for name in ("depth", "width", "stem") if getattr(told, name)}
    batch = told.batch or config.optimiser.batch
    return config.model_copy(
        update={
            "network": config.network.model_copy(update=network),
            "optimiser": config.optimiser.model_copy(update={"batch": batch}),
            "moco": config.moco.model_copy(
                update={"queue_size": max(1, config.moco.queue_size // batch) * batch}
            ),
        }
    )


if __name__ == "__main__":
    sys.exit(main())
