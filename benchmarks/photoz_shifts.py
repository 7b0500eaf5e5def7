"""Galaxies as a model has not seen them, and what are none: a survey of planted shifts for the support flag to find.

    python benchmarks/photoz_shifts.py --data-dir DIR [--survey sim100k] [--out sim-shifts] [--n 1000]

About ``--n`` galaxies of the test part of a rendered survey, spread over it, are rendered again five times, without oddities:

fainter     1.5 mag fainter in every band
seeing      the PSF 1.5 times as wide
no_band     one band zero everywhere (each of the five in turn)
star        a point of the galaxy's r magnitude, with colours along the stellar locus
qso         a point of the galaxy's r magnitude, with the colours of a real SDSS quasar (../shared/data)

``oddity`` names the shift; ``parent_id`` is the galaxy's whose place it took; z_spec is 0 for stars. Takes 2 minutes on one core.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from figures import REPOSITORY
from progress import Progress

from survey.archive import SurveyFolder
from survey.cutout import Cutout
from survey.extinction import extinction_mag
from survey.publish import SurveyPart, publish_survey
from survey.rendering import thumbnail
from survey.simulate.catalogue import ROW_SCHEMA, measured_row
from survey.simulate.parents import UGRIZ, read_parents
from survey.simulate.photometry import measure
from survey.simulate.population import Galaxy, draw_population
from survey.simulate.recipe import PIXEL_SCALE, describe
from survey.simulate.render import Rendered, render_galaxy
from survey.simulate.surroundings import flux_from_colours, star_colours
from survey.simulate.templates import sdss_templates
from training.photoz_split import parts_of

__all__ = ["SHIFTS"]

#: Their names, and how the page calls them.
SHIFTS = {
    "fainter": "1.5 mag fainter",
    "seeing": "PSF × 1.5",
    "no_band": "a band zero",
    "star": "stars",
    "qso": "quasars",
}
_PART = 128
_QSOS = REPOSITORY.parent / "shared" / "data" / "catalogs" / "sdss_spec_50k_galaxy_qso.parquet"
_Maker = Callable[[Galaxy, int], tuple[Galaxy, Rendered]]


def main() -> None:
    """Render the shifted galaxies."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--survey", default="sim100k")
    parser.add_argument("--out", default="sim-shifts")
    parser.add_argument("--n", type=int, default=1000)
    arguments = parser.parse_args()
    surveys = arguments.data_dir / "surveys"
    original = SurveyFolder(surveys / arguments.survey)
    made = original.info.extra["simulation"]
    judged = parts_of(original)["test"]
    chosen = judged[np.linspace(0, len(judged) - 1, min(arguments.n, len(judged))).astype(int)]
    population = draw_population(read_parents(), made["n"], seed=made["seed"], templates=sdss_templates())
    by_id = {galaxy.object_id: galaxy for galaxy in population}
    galaxies = [by_id[original.ids[row]] for row in chosen]
    info = describe(arguments.out, n=made["n"], seed=made["seed"], is_copied=True)
    info = replace(
        info,
        title="Planted shifts: galaxies as they were not learnt, stars and quasars",
        extra={"simulation": {**made, "of": arguments.survey, "shifts": list(SHIFTS)}},
    )
    publish_survey(surveys / arguments.out, info, _parts(galaxies, made["seed"]), thumbnail=_thumbnail)


def _parts(galaxies: Sequence[Galaxy], seed: int) -> Iterator[SurveyPart]:
    makers = _makers(seed)
    shown = Progress("rendered", len(makers) * len(galaxies))
    for kind, make in makers.items():
        for first in range(0, len(galaxies), _PART):
            rows, images = [], []
            for number, galaxy in enumerate(galaxies[first : first + _PART], first):
                shifted, rendered = make(galaxy, number)
                rows.append(_row(kind, shifted, rendered))
                images.append(rendered.image)
                shown.step()
            yield SurveyPart(
                pa.Table.from_pylist(rows, schema=ROW_SCHEMA), np.stack(images).astype(np.float16)
            )


def _makers(seed: int) -> dict[str, _Maker]:
    """Return what renders each kind of shift; quasars only where their colours are at hand."""

    def fainter(galaxy: Galaxy, _: int) -> tuple[Galaxy, Rendered]:
        dimmed = replace(galaxy, flux=galaxy.flux * 10 ** (-0.4 * 1.5))
        return dimmed, render_galaxy(dimmed, seed=seed, oddity_rate=0.0)

    def seeing(galaxy: Galaxy, _: int) -> tuple[Galaxy, Rendered]:
        return galaxy, render_galaxy(galaxy, seed=seed, oddity_rate=0.0, seeing=1.5)

    def no_band(galaxy: Galaxy, number: int) -> tuple[Galaxy, Rendered]:
        rendered = render_galaxy(galaxy, seed=seed, oddity_rate=0.0)
        image = rendered.image.copy()
        image[number % len(UGRIZ)] = 0
        return galaxy, replace(rendered, image=image)

    def star(galaxy: Galaxy, number: int) -> tuple[Galaxy, Rendered]:
        colours = star_colours(np.random.default_rng((seed, number)))
        return _point(galaxy, colours, z=0.0, seed=seed)

    makers: dict[str, _Maker] = {"fainter": fainter, "seeing": seeing, "no_band": no_band, "star": star}
    if _QSOS.is_file():
        colours, z = _quasars()
        drawn = np.random.default_rng(seed).permutation(len(z))

        def qso(galaxy: Galaxy, number: int) -> tuple[Galaxy, Rendered]:
            one = drawn[number % len(drawn)]
            return _point(galaxy, colours[one], z=float(z[one]), seed=seed)

        makers["qso"] = qso
    else:
        print("../shared/data/catalogs is not here: no quasars are planted", file=sys.stderr)
    return makers


def _point(galaxy: Galaxy, colours: NDArray[np.float64], *, z: float, seed: int) -> tuple[Galaxy, Rendered]:
    """Return a point as bright in r as the galaxy, behind the same dust."""
    dust = extinction_mag(galaxy.ebv, UGRIZ)
    r_mag = 22.5 - 2.5 * np.log10(galaxy.flux[2]) - dust[2]
    flux = flux_from_colours(float(r_mag), colours) * 10 ** (-0.4 * dust)
    point = replace(galaxy, flux=flux, z=z)
    return point, render_galaxy(point, seed=seed, oddity_rate=0.0, as_point=True)


def _quasars() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return colours (N, 4) and redshifts of real quasars, as observed: their dust is little and unknown."""
    table = pq.read_table(_QSOS)
    is_qso = np.array(table.column("spec_class").to_pylist()) == "QSO"
    mags = np.array([table.column(name).to_numpy() for name in ("u", "g", "r", "i", "z_mag")]).T[is_qso]
    good = ((mags > 10) & (mags < 26)).all(axis=1)
    return (mags[:, :4] - mags[:, 1:])[good], table.column("redshift").to_numpy()[is_qso][good]


def _row(kind: str, shifted: Galaxy, rendered: Rendered) -> dict[str, Any]:
    row = measured_row(shifted, rendered, measure(rendered.image, rendered.observation))
    named = kind if kind in ("star", "qso") else row["label"]
    return {**row, "object_id": f"{shifted.object_id} {kind}", "oddity": kind, "label": named}


def _thumbnail(cutout: Cutout) -> bytes:
    return thumbnail(Cutout(flux=cutout.flux, bands=UGRIZ, pixel_scale_arcsec=PIXEL_SCALE))


if __name__ == "__main__":
    main()
