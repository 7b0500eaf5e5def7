"""What a galaxy's neighbours are worth when bands are missing: made up against left at zero.

    python benchmarks/missing_bands.py --data-dir skylike-data [--survey demo --model NAME] [--dry]

Galaxies held out of the domain lose bands; their embedding is compared with that of all bands. Hardware: two cores. Takes
about two minutes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from figures import figure, machine, table, write_results
from held_out import HeldOut, Split, load, model_of
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from index.domain import Domain
from index.embed import embed_survey
from index.embeddings import EmbeddingStore
from index.model import OnnxEncoder
from survey.measures import Measures

COMMAND = "python benchmarks/missing_bands.py"
N, TOP, SEED = 300, 10, 0
WAYS = ("zeros", "colour mean", "made up, smooth", "made up")

PAGE = """# Missing bands

Written by `{command}` on {machine}: survey `{survey}`, model `{model}`, {n} galaxies that the domain of {sample} others has not seen.

{figures}

The median cosine with the embedding of all bands, and the share of the ten nearest catalogue galaxies that stay (renderings of the
same real galaxy are left out on both sides):

{rows}

* *zeros*: the band is empty, as before there was a domain.
* *colour mean*: the nearest band's plane times the catalogue's median flux ratio.
* *made up, smooth*: aperture magnitude from galaxies of like magnitudes, shape of the nearest quiet band, no noise added.
* *made up*: the same with noise up to what the band has in the catalogue (`index/filling.py`); what the service does.

A better magnitude hardly helps, the noise does: the model's features remember how grainy a faint band is.
"""


@dataclass(frozen=True)
class Outcome:
    """What one way of filling gives for one set of missing bands."""

    missing: str
    way: str
    cosine: float
    overlap: float
    interval: tuple[float, float]


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, default=Path("skylike-data"))
    parser.add_argument("--survey", default="demo")
    parser.add_argument("--model", help="default: the one that the survey was indexed by")
    parser.add_argument("--n", type=int, default=N, help="galaxies held out")
    parser.add_argument("--dry", action="store_true", help="print only")
    options = parser.parse_args()
    name = options.model or model_of(options.data_dir, options.survey)
    split = load(options.data_dir, options.survey, name, n=options.n)
    split = Split(split.survey, split.model, split.domain, whole(split.held_out), split.parents)
    outcomes = measure_all(split, options.data_dir)
    figures, page = report(outcomes, split)
    print(table(figures))
    print(rows(outcomes))
    if not options.dry:
        write_results("missing_bands", figures, page)
    return 0


def whole(held_out: list[HeldOut]) -> list[HeldOut]:
    """Leave out those that lack a band already."""
    return [one for one in held_out if (np.ptp(one.calibrated.field, axis=(1, 2)) > 0).all()]


def missing_sets(names: tuple[str, ...]) -> Iterator[tuple[str, list[int]]]:
    """Yield each band alone, both ends, either half, all but one in the middle."""
    n = len(names)
    for plane, name in enumerate(names):
        yield name, [plane]
    if n > 3:
        yield f"{names[0]}, {names[-1]}", [0, n - 1]
        yield f"{names[0]}, {names[1]}", [0, 1]
        yield f"{names[-2]}, {names[-1]}", [n - 2, n - 1]
        yield f"{names[0]}, {names[-2]}, {names[-1]}", [0, n - 2, n - 1]
    middle = n // 2
    yield f"all but {names[middle]}", [plane for plane in range(n) if plane != middle]


def measure_all(split: Split, data_dir: Path) -> list[Outcome]:
    """Embed every held-out galaxy in every state."""
    store = data_dir / "embeddings" / f"{split.survey.info.name}--{split.model.card.id}"
    embed_survey(split.survey, split.model, store)
    ids, catalogue = EmbeddingStore.open(store).load()
    parents = np.array([split.parents[split.survey.row_of(name)] for name in ids], dtype=object)
    own = np.array([split.parents[one.row] for one in split.held_out], dtype=object)
    same = own[:, None] == parents[None, :]
    encoder = OnnxEncoder(split.model, 2)
    full = encoder.embed_fields(np.stack([one.calibrated.field for one in split.held_out]))
    best = nearest(full, catalogue, same)
    sets = list(missing_sets(split.model.contract.bands.names))
    outcomes = []
    for name, planes in sets:
        for way, fields in filled(split, planes).items():
            vectors = encoder.embed_fields(fields)
            kept = (
                (nearest(vectors, catalogue, same)[:, :, None] == best[:, None, :]).any(axis=2).mean(axis=1)
            )
            cosine = float(np.median(np.sum(vectors * full, axis=1)))
            outcomes.append(Outcome(name, way, cosine, float(kept.mean()), bootstrap(kept)))
        print(
            f"\r{len(outcomes) // len(WAYS)} of {len(sets)} sets of bands",
            end="",
            file=sys.stderr,
            flush=True,
        )
    print(file=sys.stderr)
    return outcomes


def nearest(vectors: NDArray[Any], catalogue: NDArray[Any], same: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the catalogue's nearest rows, without those of the same real galaxy."""
    similarity = np.where(same, -np.inf, vectors @ catalogue.T)
    return np.asarray(np.argsort(-similarity, axis=1, kind="stable")[:, :TOP])


def bootstrap(values: NDArray[Any]) -> tuple[float, float]:
    """Return the 95 % interval of a mean."""
    rng = np.random.default_rng(SEED)
    means = [rng.choice(values, len(values)).mean() for _ in range(1000)]
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def filled(split: Split, planes: list[int]) -> dict[str, NDArray[np.float32]]:
    """Return the fields without these bands, filled in each way."""
    fields: dict[str, list[NDArray[np.float32]]] = {way: [] for way in WAYS}
    quiet = Domain(
        bands=split.domain.bands,
        pixel_scale_arcsec=split.domain.pixel_scale_arcsec,
        flux=split.domain.flux,
        sky=split.domain.sky,
        noise=split.domain.noise,
        scalars=split.domain.scalars,
    )
    # The same sample, told that no band has noise.
    quiet.__dict__["softening"] = split.domain.softening
    quiet.__dict__["typical_noise"] = np.zeros_like(split.domain.typical_noise)
    for one in split.held_out:
        known = one.calibrated.known.copy()
        known[planes] = False
        gapped = np.where(known, one.calibrated.field, 0).astype(np.float32)
        measures = split.domain.measure(gapped, known)
        fields["zeros"].append(gapped)
        fields["colour mean"].append(by_mean_colour(split.domain, gapped, measures, planes))
        fields["made up, smooth"].append(quiet.fill(measures, gapped, known)[0])
        fields["made up"].append(split.domain.fill(measures, gapped, known)[0])
    return {way: np.stack(stack) for way, stack in fields.items()}


def by_mean_colour(
    domain: Domain, field: NDArray[np.float32], measures: Measures, planes: list[int]
) -> NDArray[np.float32]:
    """Scale the nearest band by the catalogue's median ratio."""
    result = field.copy()
    pivots = [band.pivot_nm for band in domain.bands]
    present = np.flatnonzero(measures.present).tolist()
    for plane in planes:
        near = min(present, key=lambda other: abs(pivots[other] - pivots[plane]))
        result[plane] = field[near] * np.median(domain.flux[:, plane] / domain.flux[:, near])
    return result


def rows(outcomes: list[Outcome]) -> str:
    """Return the table of all states."""
    lines = [f"| missing | {' | '.join(WAYS)} |", f"| ---{' | ---' * len(WAYS)} |"]
    for name in dict.fromkeys(one.missing for one in outcomes):
        cells = [f"{one.cosine:.3f}, {100 * one.overlap:.0f} %" for one in outcomes if one.missing == name]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def report(outcomes: list[Outcome], split: Split) -> tuple[list[dict[str, Any]], str]:
    """Return the figures and the page."""
    figures = []
    for name in dict.fromkeys(one.missing for one in outcomes):
        ways = {one.way: one for one in outcomes if one.missing == name}
        slug = name.replace(", ", "").replace(" ", "_")
        figures.append(
            figure(
                f"overlap10_without_{slug}",
                ways["made up"].overlap,
                "share",
                n=len(split.held_out),
                better="higher",
                command=COMMAND,
                interval=ways["made up"].interval,
                against={way: one.overlap for way, one in ways.items() if way != "made up"},
            )
        )
        figures.append(
            figure(
                f"cosine_without_{slug}",
                ways["made up"].cosine,
                "cosine, median",
                n=len(split.held_out),
                better="higher",
                command=COMMAND,
                against={way: one.cosine for way, one in ways.items() if way != "made up"},
            )
        )
    page = PAGE.format(
        command=COMMAND,
        machine=machine(),
        survey=split.survey.info.name,
        model=split.model.card.id,
        n=len(split.held_out),
        sample=split.domain.n,
        figures=table(figures),
        rows=rows(outcomes),
    )
    return figures, page


if __name__ == "__main__":
    sys.exit(main())
