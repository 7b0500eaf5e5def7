"""The permutation control of photo-z: the judged galaxies once more, with the shapes of others of like r and colour.

    python benchmarks/photoz_shuffled.py --data-dir DIR [--survey sim100k] [--out sim20k-shuffled] [--parts test] [--n 20000]

Draws the population of a rendered survey again, takes the first ``--n`` of its test part (or others) that it kept, exchanges kind and size
among galaxies of like r and g - r (not z) and renders them with their own fluxes, dust, seeing and noise. Sizes are drawn
from true luminosities: a network that learnt redshifts from them does worse here.
With ``--parts train,validation --n 60000 --out sim100k-shapeless`` it renders what `photoz-ugriz` learns from, so that there is no such redshift to learn. Two minutes for 10,000 galaxies on one core.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from survey.archive import SurveyFolder
from survey.simulate.parents import read_parents
from survey.simulate.population import draw_population, with_shuffled_shapes
from survey.simulate.recipe import describe
from survey.simulate.survey import render_survey
from survey.simulate.templates import sdss_templates
from training.photoz_split import parts_of

SHAPES_SEED = 1


def main() -> None:
    """Render the shuffled survey."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--survey", default="sim100k")
    parser.add_argument("--out", default="sim20k-shuffled")
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--parts", default="test", help="of the split, comma between")
    parser.add_argument("--workers", type=int, default=None)
    arguments = parser.parse_args()
    surveys = arguments.data_dir / "surveys"
    original = SurveyFolder(surveys / arguments.survey)
    made = original.info.extra["simulation"]
    dealt = parts_of(original)
    rows = np.concatenate([dealt[part] for part in arguments.parts.split(",")])[: arguments.n]
    judged = [original.ids[row] for row in rows]
    population = draw_population(read_parents(), made["n"], seed=made["seed"], templates=sdss_templates())
    by_id = {galaxy.object_id: galaxy for galaxy in population}
    info = describe(arguments.out, n=made["n"], seed=made["seed"], is_copied=True)
    how = {
        **made,
        "shapes_seed": SHAPES_SEED,
        "part": arguments.parts,
        "of": arguments.survey,
        "galaxies": len(judged),
    }
    info = replace(
        info, title="Permutation control: shapes exchanged at like r and g - r", extra={"simulation": how}
    )
    galaxies = with_shuffled_shapes([by_id[object_id] for object_id in judged], seed=SHAPES_SEED)
    render_survey(
        surveys / arguments.out,
        galaxies,
        info,
        seed=made["seed"],
        workers=arguments.workers,
        progress=_say,
    )


def _say(done: int, total: int) -> None:
    print(f"\rrendered {done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
