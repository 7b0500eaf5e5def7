"""The same galaxies in every layout: how far field, embedding and neighbours differ, noise-free and as observed."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from figures import REPOSITORY, RESULTS, commit
from progress import Progress

sys.path.insert(0, str(REPOSITORY / "tests"))

__all__ = ["NOISES", "Agreement", "agreements", "layout_rows", "layout_table", "plot"]

NOISES = ("none", "same", "own")
_WORKERS = 2


@dataclass(frozen=True)
class Agreement:
    """One galaxy in one layout beside itself in our own writer's.

    Attributes
    ----------
    noise
        ``none``; ``same``: the catalogue's own noise as part of the sky; ``own``: drawn anew for each file, in
        the reference too.
    difference
        Largest difference of the fields over the largest that interpolation explains; in the worst band.
    refused
        The code, where it was not read.
    """

    object_id: str
    layout: str
    noise: str
    cosine: float = 0.0
    overlap: float = 0.0
    difference: float = 0.0
    refused: str = ""


def agreements(data_dir: Path, n: int) -> list[Agreement]:
    """Measure ``n`` galaxies of the demo survey in all layouts; what was done at this commit is kept under build/."""
    from support.galaxy_layouts import LAYOUTS

    ids = _ids(data_dir, n)
    log = REPOSITORY / "build" / "uploads" / f"layouts-{commit()}.jsonl"
    log.parent.mkdir(parents=True, exist_ok=True)
    if commit().endswith("+"):
        # Uncommitted changes: nobody knows which code an older line came from.
        log.unlink(missing_ok=True)
    done = [Agreement(**json.loads(line)) for line in log.read_text().splitlines()] if log.is_file() else []
    seen = {(one.object_id, one.noise) for one in done}
    jobs = [(data_dir, one, noise) for one in ids for noise in NOISES if (one, noise) not in seen]
    progress = Progress("galaxies in all layouts", len(ids) * len(NOISES), len(seen))
    with ProcessPoolExecutor(_WORKERS) as pool, log.open("a") as stream:
        for found in pool.map(_measure, jobs):
            stream.writelines(json.dumps(asdict(one)) + "\n" for one in found)
            stream.flush()
            done += found
            progress.step()
    wanted = {(one, layout) for one in ids for layout in LAYOUTS}
    return [one for one in done if (one.object_id, one.layout) in wanted]


def _ids(data_dir: Path, n: int) -> list[str]:
    from support.simulated_service import ordinary

    from survey.archive import SurveyFolder

    return ordinary(SurveyFolder(data_dir / "surveys" / "demo"), n)


@cache
def _tools(data_dir: Path) -> tuple[Any, Any, int, int]:
    """Return the encoder and the newest release of the demo survey's model, its n and seed."""
    from held_out import model_of

    from index.model import Model, OnnxEncoder
    from index.release import Release
    from survey.archive import SurveyFolder

    name = model_of(data_dir, "demo")
    model = Model.open(data_dir / "models" / name)
    newest = max((data_dir / "releases").glob(f"demo--{name}--*"), key=lambda path: path.name)
    simulation = SurveyFolder(data_dir / "surveys" / "demo").info.extra["simulation"]
    return OnnxEncoder(model), Release.open(newest), int(simulation["n"]), int(simulation["seed"])


@cache
def _population(n: int, seed: int) -> Any:
    from support.galaxy_scene import population

    return population(n=n, seed=seed)


def _measure(job: tuple[Path, str, str]) -> list[Agreement]:
    from support.galaxy_layouts import LAYOUTS, write
    from support.galaxy_scene import scene_of
    from support.layout_judge import allowed_difference, field_of, overlap

    from survey.contract import ContractViolation
    from survey.ingest import CutoutRejected

    data_dir, object_id, noise = job
    encoder, release, n, seed = _tools(data_dir)
    scene = scene_of(_population(n, seed)[object_id], seed=seed, noise=noise == "same")
    contract, ids = encoder.model.contract, release.columns.ids
    reference: Any = None
    neighbours: list[str] = []
    found = []
    for number, (name, layout) in enumerate(LAYOUTS.items()):
        # A generator of its own for each file, so that no two share their noise.
        rng = np.random.default_rng([scene.galaxy.index, number]) if noise == "own" else None
        try:
            field = field_of(write(name, scene, rng), contract)
        except (CutoutRejected, ContractViolation) as refusal:
            found.append(Agreement(object_id, name, noise, refused=refusal.code))
            continue
        vector = encoder.embed_fields(field.field[None])[0]
        nearest = [ids[row] for row in release.store.search(vector[None], 10).rows[0]]
        if reference is None:
            reference, first, neighbours = field.flux, vector, nearest
        allowed = allowed_difference(
            reference,
            scale=layout.scale_arcsec,
            model_scale=contract.pixel_scale_arcsec,
            turned=layout.is_turned,
        ) + 1e-3 * reference.max(axis=(1, 2))
        worst = float((np.abs(field.flux - reference).max(axis=(1, 2)) / allowed).max())
        found.append(
            Agreement(object_id, name, noise, float(first @ vector), overlap(neighbours, nearest), worst)
        )
    return found


def _by_layout(found: Sequence[Agreement], noise: str) -> dict[str, list[Agreement]]:
    grouped: dict[str, list[Agreement]] = defaultdict(list)
    for one in found:
        if one.noise == noise:
            grouped[one.layout].append(one)
    return grouped


def layout_table(found: Sequence[Agreement]) -> str:
    """Return one row a layout: median and worst of each number."""
    head = ["layout", "cosine, no noise", "overlap, no noise", "field difference over bound"]
    head += [f"{what}, {noise} noise" for noise in ("same", "own") for what in ("cosine", "overlap")] + [
        "refused"
    ]
    lines = [
        f"| {' | '.join(head)} |",
        "|" + " --- |" * 9,
    ]
    tables = {noise: _by_layout(found, noise) for noise in NOISES}
    for layout in tables["none"]:
        cells = [layout]
        for noise in NOISES:
            read = [one for one in tables[noise].get(layout, ()) if not one.refused]
            cells += [_median_and_worst([one.cosine for one in read], ".4f")]
            cells += [_median_and_worst([one.overlap for one in read], ".1f")]
            if noise == "none":
                cells.append(f"{max((one.difference for one in read), default=0):.2f}")
        refusals = [one.refused for noise in NOISES for one in tables[noise].get(layout, ()) if one.refused]
        cells.append(", ".join(f"{len(refusals)} × `{code}`" for code in sorted(set(refusals))))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _median_and_worst(values: Sequence[float], style: str) -> str:
    return f"{np.median(values):{style}} ({min(values):{style}})" if values else ""


def layout_rows(found: Sequence[Agreement]) -> Iterator[tuple[str, float, str, int, str]]:
    """Return figures as (id, value, unit, n, better); our own writer, which is the reference, is not counted."""
    names = {"none": "", "same": "_same_noise", "own": "_own_noise"}
    first = found[0].layout
    yield "layouts", len({one.layout for one in found}), "layouts", len(found), "higher"
    yield "layouts_refused", sum(bool(one.refused) for one in found), "files", len(found), "lower"
    for noise, suffix in names.items():
        read = [one for one in found if one.noise == noise and not one.refused and one.layout != first]
        n = len(read)
        for what in ("cosine", "overlap"):
            values = [getattr(one, what) for one in read]
            yield f"layout_{what}_worst{suffix}", round(min(values), 4), "", n, "higher"
            yield f"layout_{what}_median{suffix}", round(float(np.median(values)), 4), "", n, "higher"
        bars = [one.cosine >= 0.98 and one.overlap >= 0.9 for one in read]
        yield f"layout_share_at_bar{suffix}", round(float(np.mean(bars)), 4), "", n, "higher"
        if noise == "none":
            worst = max(one.difference for one in read)
            yield "layout_field_difference_worst", round(worst, 3), "of the bound", n, "lower"


def plot(found: Sequence[Agreement]) -> None:
    """Draw every cosine by layout into ``docs/results/uploads.png``."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    layouts = list(_by_layout(found, "none"))
    figure, axes = plt.subplots(figsize=(9, 6.5), layout="constrained")
    told = {"none": "no noise", "same": "the catalogue's noise in both", "own": "noise drawn for each file"}
    for shift, noise in zip((-0.22, 0.0, 0.22), ("own", "same", "none"), strict=True):
        rows = _by_layout(found, noise)
        at = [
            (1 - one.cosine, n + shift)
            for n, name in enumerate(layouts)
            for one in rows[name]
            if not one.refused
        ]
        x, y = np.array(at).T
        axes.plot(np.maximum(x, 1e-6), y, ".", markersize=4, alpha=0.6, label=told[noise])
    axes.axvline(0.02, color="0.4", linewidth=0.8)
    axes.set(
        xscale="log",
        xlabel="1 − cosine with the same galaxy from our own writer (bar 0.02)",
        ylim=(len(layouts) - 0.5, -0.5),
    )
    axes.set_yticks(range(len(layouts)), layouts)
    axes.legend(loc="upper left", fontsize=8)
    figure.savefig(RESULTS / "uploads.png", dpi=110)
    plt.close(figure)
