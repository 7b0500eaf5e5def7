"""Which parts of the pretraining recipe help: short runs that leave one out, and stems by quality and cost.

    python benchmarks/recipe.py --data-dir DATA              all runs that are not done yet, then docs/results/recipe
    python benchmarks/recipe.py --data-dir DATA --only full  one kind of run: full, augment, losses or stems

Every run is the shipped configuration sdss-rgb with one thing changed, a few epochs of gz1 alone, and can be stopped
and begun again. Judged on galaxies that no run held out or used the labels of: purity@10 of the mean over eight views,
centred, on principal axes, among the training and validation galaxies together and in the validation part alone.

Hardware: two cores, no GPU. Takes about 45 minutes on one core.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from figures import REPOSITORY, figure, machine, write_results
from progress import Progress

from training.augment.recipe import Views
from training.config import PretrainConfig, read_config
from training.metrics import purity_at_k
from training.pca import principal_axes
from training.preparation import Prepared, prepare
from training.pretrain import pretrain
from training.probes import embed_with
from training.release import backbone_of
from training.runs import RunFolder

COMMAND = "python benchmarks/recipe.py --data-dir DIR"
CONFIG = REPOSITORY / "training" / "configs" / "sdss-rgb.toml"
POWER = 0.25
KINDS = ("full", "augment", "losses", "stems")
# Standard errors that hold 95 % of a normal distribution.
_TWO_SIDED_95 = 1.96


@dataclass(frozen=True, slots=True)
class Variant:
    """One run: the recipe with one thing changed."""

    kind: str
    name: str
    change: dict[str, Any]


def variants(config: PretrainConfig) -> Iterator[Variant]:
    """Yield the runs, the most telling first."""
    for seed in range(3):
        yield Variant("full", f"full, seed {seed}", {"seed": seed})
    moco = config.moco
    for name in ("contrast", "auxiliary", "description"):
        yield Variant("losses", f"without {name}", {"moco": moco.model_copy(update={f"{name}_weight": 0.0})})
    for change in config.augment:
        rest = [other for other in config.augment if other is not change]
        yield Variant("augment", f"without {change.name}", {"augment": rest})
    for stem in ("middle", "compact"):
        yield Variant("stems", f"stem {stem}", {"network": config.network.model_copy(update={"stem": stem})})


def main() -> int:
    """Run what is missing, write the page."""
    options = _options()
    torch.set_num_threads(options.threads)
    config = _short(read_config(CONFIG), options.epochs)
    prepared = prepare(config, options.data_dir, root=REPOSITORY)
    todo = [
        variant
        for variant in variants(config)
        if options.only in (None, variant.kind) and not _is_done(variant, options)
    ]
    per_epoch = len(prepared.splits[0].train) // config.optimiser.batch
    told = Progress("recipe", len(todo) * options.epochs * per_epoch)
    for variant in todo:
        pretrain(
            _changed(variant, config),
            prepared,
            _run_path(variant, options),
            device=torch.device("cpu"),
            progress=lambda _done, _total, name=variant.name: told.step(name),
        )
    rows = [_judge(variant, config, prepared, options) for variant in variants(config)]
    _write([row for row in rows if row is not None], options.epochs)
    return 0


def _short(config: PretrainConfig, epochs: int) -> PretrainConfig:
    data = config.data.model_copy(update={"surveys": config.data.surveys[:1]})
    optimiser = config.optimiser.model_copy(update={"epochs": epochs, "warmup_epochs": 1.0})
    return config.model_copy(update={"data": data, "optimiser": optimiser})


def _changed(variant: Variant, config: PretrainConfig) -> PretrainConfig:
    return config.model_copy(update=variant.change)


def _run_path(variant: Variant, options: argparse.Namespace) -> Path:
    slug = variant.name.replace(",", "").replace(" ", "-")
    return Path(options.data_dir) / "runs" / f"recipe-{options.epochs}-{slug}"


def _is_done(variant: Variant, options: argparse.Namespace) -> bool:
    path = _run_path(variant, options)
    return path.exists() and len(RunFolder.opened(path).lines()) >= options.epochs


def _judge(
    variant: Variant, config: PretrainConfig, prepared: Prepared, options: argparse.Namespace
) -> dict[str, Any] | None:
    if not _is_done(variant, options):
        return None
    run = RunFolder.opened(_run_path(variant, options))
    lines, state = run.lines(), run.load()
    if state is None:
        return None
    backbone = backbone_of(_changed(variant, config), prepared, state["method"])
    rows = np.sort(np.concatenate([prepared.splits[0].train, prepared.splits[0].validation]))
    source = prepared.sources[0]
    labels = np.array(source.survey.objects.take(source.rows[rows]).column("label").to_pylist())
    vectors = _vectors(backbone, prepared, rows)
    own = np.isin(rows, prepared.splits[0].validation)
    return {
        "kind": variant.kind,
        "name": variant.name,
        "purity": purity_at_k(vectors, labels),
        "validation": purity_at_k(vectors[own], labels[own]),
        "images_per_s": float(np.median([line["images_per_s"] for line in lines])),
    }


def _vectors(backbone: torch.nn.Module, prepared: Prepared, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    plain, fields = Views(prepared.contract, ()), prepared.sources[0].fields
    batches = (
        plain.plain(torch.from_numpy(np.array(fields[rows[n : n + 256]]))) for n in range(0, len(rows), 256)
    )
    trunk = np.concatenate([embed_with(backbone, [batch], views=8) for batch in batches])
    principal = principal_axes(trunk, n_axes=128, rng=np.random.default_rng(0))
    found = (trunk - principal.mean) @ (principal.axes * principal.explained**-POWER)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), dtype=np.float32)


def _write(rows: list[dict[str, Any]], epochs: int) -> None:
    full = [row for row in rows if row["kind"] == "full"]
    base = np.mean([row["purity"].mean() for row in full])
    spread = np.std([row["purity"].mean() for row in full], ddof=1) if len(full) > 1 else float("nan")
    command = f"{COMMAND} --epochs {epochs}"
    figures, lines = [], []
    for row in rows:
        mean = float(row["purity"].mean())
        paired = row["purity"] - np.mean([other["purity"] for other in full], axis=0)
        error = float(paired.std() / len(paired) ** 0.5)
        lines.append(
            f"| {row['name']} | {mean:.4f} | {mean - base:+.4f} ± {error:.4f} | {row['validation'].mean():.4f} "
            f"| {row['images_per_s']:.0f} |"
        )
        figures.append(
            figure(
                "purity10_change_" + row["name"].replace(",", "").replace(" ", "_").replace("-", "_"),
                round(float(mean - base), 4),
                "share, less the full recipe's mean over seeds; 95 % interval over galaxies",
                n=len(row["purity"]),
                better="higher",
                command=command,
                interval=[round(float(mean - base + way * _TWO_SIDED_95 * error), 4) for way in (-1, 1)],
                against={"purity10": round(mean, 4), "purity10_full_mean": round(float(base), 4)},
            )
        )
    n = len(rows[0]["purity"])
    page = [
        "# What in the pretraining recipe helps",
        "",
        f"`{command}`, {time.strftime('%Y-%m-%d')}, {machine()}.",
        "",
        f"Runs of {epochs} epochs of gz1_fixed51's training part alone, far from converged: they tell which parts help",
        "early, not what the finished model gains. purity@10 among the galaxies that are not held out",
        f"({n}; their pixels, never their labels, were trained on). The difference is to the mean of the full recipe's",
        f"{len(full)} seeds (which differ by {spread:.4f}, one standard deviation), with the standard error of the paired",
        "difference over galaxies: below two seeds' spread a difference means nothing. Neighbours of a galaxy's own sky count",
        "here, alike for every recipe.",
        "",
        "| recipe | purity@10 | difference | validation part alone | images/s (one core, shared) |",
        "| --- | --- | --- | --- | --- |",
        *lines,
        "",
    ]
    write_results("recipe", figures, "\n".join(page))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True, help="with surveys/gz1, as `skylike` has it")
    parser.add_argument("--only", choices=KINDS, help="train only these; the page shows all that are done")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
