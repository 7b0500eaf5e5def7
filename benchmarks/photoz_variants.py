"""What could stand in the photo-z network's place: frozen embeddings, other heads, other inputs, averaged views.

    python benchmarks/photoz_variants.py CONFIG --data-dir DIR --run RUN --embedding MODEL

Heads are fitted to features of the pretrained trunk as it is: the trunk's vector alone (the frozen MLP), magnitudes in apertures
alone, both, both with E(B-V), both beneath six Gaussians in place of bins. Beside them the fine-tuned network of RUN, the same with
its probabilities averaged over eight views (on every fifth galaxy), and the kernel of nearest neighbours on MODEL's embedding.
All are judged on the test part without calibration; writes docs/results/photoz_variants.{md,json}. About 12 minutes on one core.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from figures import figure, machine, write_results
from progress import Progress

from index.encoder import OnnxEncoder
from index.kernel import neighbour_weights
from index.model import Model
from index.pdf import FloatArray, RedshiftGrid, cde_loss, summarise
from index.temperature import softmax
from skylike.cli.training_runs import config_path
from training.models.photoz import PhotozHead, PhotozNetwork
from training.photoz import grid_of, load_network, new_network
from training.photoz_config import HeadConfig, PhotozConfig, read_photoz_config
from training.photoz_data import Part, photoz_parts
from training.photoz_head import fit_head
from training.photoz_metrics import bootstrap, cluster_draws, normalised_dz, outlier_fraction, sigma_mad
from training.photoz_prediction import batches_of, predict
from training.photoz_split import parents_of
from training.photoz_targets import smeared
from training.runs import RunFolder

#: What each head reads and is, beside the configuration's.
HEADS: dict[str, tuple[str, dict[str, Any]]] = {
    "frozen": ("MLP on the trunk's vector, frozen", {"apertures": False}),
    "magnitudes": ("MLP on magnitudes in apertures", {"trunk": False}),
    "head": ("MLP on both, frozen", {}),
    "ebv": ("the same with E(B−V)", {"ebv": True}),
    "mixture": ("the same beneath six Gaussians", {"kind": "mixture"}),
}
K, WIDTHS, SHARPENINGS = 20, (0.002, 0.004, 0.008, 0.015), (1.0, 1.4, 2.0, 2.8, 4.0, 5.6)
EVERY_FOR_VIEWS = 5
COMMAND = (
    "python benchmarks/photoz_variants.py photoz-ugriz --data-dir DIR --run RUN --embedding moco-demo-ugriz"
)
PAGE = """Machinery test: real redshifts and colours, rendered pixels.

# What could stand in the photo-z network's place

Written by `{command}` on {machine}. The same spectra, validation part and test part as [photoz.md](photoz.md); no calibration. Errors:
bootstrap over the real galaxies behind the renderings. η(0.05) is the share of |dz| > 0.05.

{rows}
"""
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Variant:
    """p(z) of every ``step``-th test galaxy."""

    name: str
    title: str
    probability: FloatArray
    step: int = 1


def main() -> None:
    """Fit, predict, judge, write."""
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
    found = _heads(base, parts, data_dir)
    found.append(_neighbours(base, parts, data_dir / "models" / arguments.embedding))
    found += _finetuned(data_dir / "runs" / arguments.run, parts["test"])
    _write(found, parts["test"], grid_of(base))


def _heads(base: PhotozConfig, parts: dict[str, Part], data_dir: Path) -> list[Variant]:
    """Fit each head to features that are described once."""
    assert base.pretrained is not None
    wide = base.model_copy(update={"head": base.head.model_copy(update={"ebv": True})})
    whole = new_network(wide, RunFolder.opened(data_dir / "runs" / base.pretrained))
    raw = {name: _raw(whole, parts[name], name) for name in ("train", "validation", "test")}
    grid, found = grid_of(base), []
    targets = smeared(parts["train"].z, grid, base.bins.smearing)
    for name, (title, changes) in HEADS.items():
        config = base.model_copy(update={"head": base.head.model_copy(update=changes)})
        network = new_network(config)
        columns = _columns(whole, config.head)
        network.standardise(raw["train"][:, columns])
        known, asked = (network.standardised(raw[part][:, columns]) for part in ("validation", "test"))
        fit_head(
            network.head,
            config.head,
            grid,
            features=network.standardised(raw["train"][:, columns]),
            targets=targets,
            judge=partial(_loss, known, grid, parts["validation"].z),
            seed=base.seed,
            progress=_counting(title, base.head.epochs),
        )
        found.append(Variant(name, title, _answer(network.head, asked)))
    return found


def _columns(network: PhotozNetwork, head: HeadConfig) -> NDArray[np.int64]:
    """Return which raw features of the widest network a head reads."""
    n, total = network.n_photometry, len(network.centre)
    magnitudes, trunk = np.arange(n), np.arange(n, total - 1)
    parts = [magnitudes] * head.apertures + [trunk] * head.trunk + [np.array([total - 1])] * head.ebv
    return np.concatenate(parts)


def _raw(network: PhotozNetwork, part: Part, name: str) -> Tensor:
    told = _counting(f"Describing {name}", len(part))
    network.eval()
    with torch.no_grad():
        return torch.cat(
            [network.raw(part.inputs(some), part.dust(some)) for some in batches_of(len(part), told)]
        )


def _loss(known: Tensor, grid: RedshiftGrid, z: FloatArray, head: PhotozHead) -> float:
    return cde_loss(_answer(head, known), grid, z)


def _answer(head: PhotozHead, features: Tensor) -> FloatArray:
    head.eval()
    with torch.no_grad():
        return softmax(torch.cat([head(block) for block in torch.split(features, 4096)]).numpy())


def _finetuned(run: Path, test: Part) -> list[Variant]:
    folder = RunFolder.opened(run)
    told = json.loads((run / "config.json").read_text())
    told.pop("survey_sha256")
    network = load_network(PhotozConfig.model_validate(told), folder)
    assert network is not None
    found = []
    for name, title, views, step in (
        ("finetuned", "both, fine-tuned", 1, 1),
        ("one_view", "fine-tuned, one view, every fifth galaxy", 1, EVERY_FOR_VIEWS),
        ("eight_views", "fine-tuned, eight views, the same galaxies", 8, EVERY_FOR_VIEWS),
    ):
        part = test.take(slice(None, None, step))
        told = predict(network, part, views=views, progress=_counting(title, len(part)))
        found.append(Variant(name, title, softmax(told.logits), step))
    return found


def _neighbours(config: PhotozConfig, parts: dict[str, Part], model: Path) -> Variant:
    """Answer by the kernel on an embedding; its width and sharpening have the least CDE loss on the validation part."""
    encoder, grid = OnnxEncoder(Model.open(model)), grid_of(config)
    vectors = {name: _embedded(encoder, parts[name], name) for name in ("train", "validation", "test")}
    z = parts["train"].z

    def deposited(asked: Floats) -> FloatArray:
        found = np.empty((len(asked), grid.n_bins))
        for some in batches_of(len(asked)):
            similarity = asked[some] @ vectors["train"].T
            nearest = np.argpartition(-similarity, K, axis=1)[:, :K]
            near = np.take_along_axis(similarity, nearest, axis=1)
            order = np.argsort(-near, axis=1)
            nearest = np.take_along_axis(nearest, order, axis=1)
            near = np.take_along_axis(near, order, axis=1)
            weights = neighbour_weights(near, np.full(len(near), K), 1.0)
            found[some] = grid.deposit(z[nearest], weights)
        return found

    def mixed(sums: FloatArray, width: float, sharpening: float) -> FloatArray:
        powered = np.power(np.maximum(sums @ grid.kernel(width), 1e-30), sharpening)
        return np.asarray(powered / powered.sum(axis=1, keepdims=True))

    judged, known = deposited(vectors["validation"]), parts["validation"].z
    _, width, sharpening = min(
        (cde_loss(mixed(judged, w, s), grid, known), w, s) for w in WIDTHS for s in SHARPENINGS
    )
    title = f"{K} nearest in the released embedding"
    return Variant("knn", title, mixed(deposited(vectors["test"]), width, sharpening))


def _embedded(encoder: OnnxEncoder, part: Part, name: str) -> Floats:
    told = _counting(f"Embedding {name}", len(part))
    return np.concatenate([encoder.encode(part.inputs(some).numpy()) for some in batches_of(len(part), told)])


def _counting(what: str, total: int) -> Callable[[int, int], None]:
    progress = Progress(what, total)
    return lambda done, _total: progress.to(done)


def _write(found: list[Variant], test: Part, grid: RedshiftGrid) -> None:
    parent_of = dict(zip(test.source.survey.ids, parents_of(test.source.survey), strict=True))
    parents = np.array([parent_of[object_id] for object_id in test.ids])
    lines = ["| variant | n | σ_MAD | η(0.05) | CDE loss |", "| --- | --- | --- | --- | --- |"]
    figures = []
    for one in found:
        z, own = test.z[:: one.step], parents[:: one.step]
        dz = normalised_dz(summarise(one.probability, grid).z_best, z)
        draws = cluster_draws(own, rng=np.random.default_rng(0), n_draws=200)
        scatter, outliers, loss = (
            bootstrap(statistic, draws, len(z))
            for statistic in (
                lambda rows, dz=dz: sigma_mad(dz[rows]),
                lambda rows, dz=dz: outlier_fraction(dz[rows], threshold=0.05),
                lambda rows, p=one.probability, z=z: cde_loss(p[rows], grid, z[rows]),
            )
        )
        cells = [f"{m.value:.{d}f} ± {m.error:.{d}f}" for m, d in ((scatter, 4), (outliers, 4), (loss, 2))]
        lines.append(f"| {one.title} | {len(z):,} | {' | '.join(cells)} |")
        figures.append(
            figure(
                f"sigma_mad_{one.name}",
                round(scatter.value, 6),
                "dz",
                n=len(z),
                better="lower",
                command=COMMAND,
                interval=(round(scatter.low, 6), round(scatter.high, 6)),
            )
        )
    page = PAGE.format(command=COMMAND, machine=machine(), rows="\n".join(lines))
    write_results("photoz_variants", figures, page)
    print(page)


if __name__ == "__main__":
    main()
