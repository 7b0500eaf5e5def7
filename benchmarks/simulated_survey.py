"""The demo survey in figures: how like SDSS it is, what redshifts and anomaly scores reach on it.

    python benchmarks/simulated_survey.py                    render it in a temporary folder and score it
    python benchmarks/simulated_survey.py --data-dir FOLDER  keep it there, or use the one that is there

Hardware: two cores, no GPU. Takes about 4 minutes, 1 with a finished survey. Reads ../shared/data/sdss_ugriz_stamps.
Expected: knn_sigma_mad_pixels 0.0136 ± 0.0014, oddity_recall_top5 above 0.05 (chance).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from figures import RESULTS, figure, machine, table, write_results
from photoz_baseline import Score, magnitudes, score, survey_baseline
from simulated_realism import draw_figure, look_at_stamps, look_at_survey

from index.embed import embed_survey
from index.embeddings import EmbeddingStore
from index.model import Model
from index.release import Release
from index.released import fitting
from index.releases import build_release
from survey.archive import SurveyFolder
from survey.extinction import extinction_mag
from survey.manifests import CorruptFolder
from survey.rendering import to_rgb
from survey.simulate.parents import UGRIZ, read_parents
from survey.simulate.recipe import DEFAULT_N, is_made
from survey.simulate.survey import simulate_survey
from training.fixed import fit_fixed

NAME = "simulated_survey"
COMMAND = f"python benchmarks/{NAME}.py"
SEED, SPLITS, BOOTSTRAPS = 1, 4, 400
# The recipe's aim: colours on the rendered pixels are as hard for a redshift as those of the real catalogue.
AIM = 0.0136

PAGE = """# The demo survey: a machinery test

{realism} So these figures test the machinery (units, dust, PSF, noise, band order, calibration); they do not
show that images beat catalogues on the sky. Written by `{command}` on {machine}.

{table}

**Redshifts.** Local-linear regression on the 30 nearest neighbours in r and four colours, 70 % of the galaxies for
training, {splits} random splits, no parent on both sides; dz = (z_phot − z_spec)/(1 + z_spec), σ_MAD = 1.4826 times the
median absolute deviation, outliers |dz| > 0.05. `against` holds the same on the real catalogue's fluxes of the same galaxies and on
the true fluxes that were rendered. The aim is {aim} ± 10 %: less would be a survey easier than the real sky. The
embedding's redshift (`{served}`, weighted kernel over neighbours, every galaxy left out in turn) is shown beside it, with that of
`polar48`. The served model was trained on these very pixels, without redshifts.
The interval is the bootstrap over test galaxies, 95 %.

**Oddities.** Share of the {n_odd} planted oddities whose anomaly percentile under `{served}` is in the top 5 %. Chance is 0.05. {by_kind}

**Realism.** ![Noise, colours and sizes beside real stamps]({name}.png)

Noise: what pixels along the border scatter by, and what the real stamps' inverse variance states. The real stamps were resampled to
north-up pixels, which correlates neighbours and lowers their scatter below what they state. Colours and sizes are
measured by the same forced photometry on rendered and real pixels; the {n_real} real galaxy exposures are of one Virgo field.

What it looks like ([picture](demo_survey.png)): the first 60 galaxies.
"""


def main() -> None:
    """Render (or open) the survey, score it, write the page, the JSON and the two pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--n", type=int, default=DEFAULT_N)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data_dir = arguments.data_dir or Path(folder)
        survey, seconds = _survey(data_dir / "surveys" / "demo", arguments.n)
        figures, page = _score(survey, _releases(survey, Path(folder)))
    if seconds is not None:
        figures.append(_figure("simulate_seconds", seconds, "s", n=arguments.n, better="lower"))
    write_results(NAME, figures, page.replace("@table", table(figures)))
    print(table(figures))


def _survey(path: Path, n: int) -> tuple[SurveyFolder, float | None]:
    try:
        found = SurveyFolder(path)
        if is_made(found.info, n=n, seed=SEED):
            return found, None
    except CorruptFolder:
        pass
    started = time.perf_counter()
    return simulate_survey(path, n=n, seed=SEED, progress=_say), time.perf_counter() - started


def _say(done: int, total: int) -> None:
    print(f"\rrendered {done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _releases(survey: SurveyFolder, scratch: Path) -> dict[str, Release]:
    """Return the release that the demo serves, and one by ``polar48`` beside it."""
    polar = fit_fixed("polar48", survey, out=scratch / "model", model_id="polar48-demo")
    served = fitting(survey.info, display=False)
    if served is None:
        raise SystemExit(
            "models/ holds none that reads the demo survey; there is nothing to set beside polar48"
        )
    return {"served": _release(survey, served, scratch), "polar48": _release(survey, polar, scratch)}


def _release(survey: SurveyFolder, model: Model, scratch: Path) -> Release:
    store = scratch / f"embeddings-{model.card.id}"
    embed_survey(survey, model, store)
    embeddings = EmbeddingStore.open(store)
    info = build_release(survey=survey, model=model, embeddings=embeddings, releases_dir=scratch / "releases")
    return Release.open(scratch / "releases" / info.id)


def _redshifts(release: Release) -> Score:
    z_phot, z_spec = release.columns.array("z_phot"), release.columns.array("z_spec")
    known = np.isfinite(z_phot) & np.isfinite(z_spec)
    return score(z_phot[known], z_spec[known])


def _recalls(release: Release) -> tuple[float, dict[str, float], dict[str, int]]:
    """Return the share of planted oddities in the top 5 %, by kind too, and how many of each there are."""
    percentile = release.columns.array("anomaly_percentile")
    oddity = np.array([str(kind or "") for kind in release.columns.array("oddity")])
    kinds = sorted(set(oddity) - {""})
    by_kind = {kind: float((percentile[oddity == kind] >= 95).mean()) for kind in kinds}
    counts = {kind: int((oddity == kind).sum()) for kind in kinds}
    return float((percentile[oddity != ""] >= 95).mean()), by_kind, counts


def _score(survey: SurveyFolder, releases: dict[str, Release]) -> tuple[list[dict[str, Any]], str]:
    pixels, interval = _knn(survey, magnitudes(survey))
    catalogue, _ = _knn(survey, _catalogue_magnitudes(survey))
    truth, _ = _knn(survey, _true_magnitudes(survey))
    embedded, rival = (_redshifts(releases[name]) for name in ("served", "polar48"))
    found, recall, counts = _recalls(releases["served"])
    before, _, _ = _recalls(releases["polar48"])
    n_odd = sum(counts.values())
    simulated, real = look_at_survey(survey, 1500), look_at_stamps()
    draw_figure(simulated, real, _catalogue_colours(survey), RESULTS / f"{NAME}.png")
    _montage(survey, RESULTS / "demo_survey.png")
    against = {"catalogue": catalogue.sigma_mad, "truth": truth.sigma_mad, "aim": AIM}
    noise = float(np.median(simulated.noise[:, 2]))
    figures = [
        _figure("knn_sigma_mad_pixels", pixels.sigma_mad, "", n=pixels.n, interval=interval, against=against),
        _figure(
            "knn_outliers_pixels", pixels.outliers, "", n=pixels.n, against={"catalogue": catalogue.outliers}
        ),
        _figure(
            "embedding_sigma_mad",
            embedded.sigma_mad,
            "",
            n=embedded.n,
            against={"polar48": rival.sigma_mad, "knn": pixels.sigma_mad},
        ),
        _figure(
            "embedding_outliers",
            embedded.outliers,
            "",
            n=embedded.n,
            against={"polar48": rival.outliers, "knn": pixels.outliers},
        ),
        _figure(
            "oddity_recall_top5",
            found,
            "",
            n=n_odd,
            better="higher",
            against={"chance": 0.05, "polar48": before, **recall},
        ),
        _figure(
            "r_noise_nmgy",
            noise,
            "nMgy/px",
            n=len(simulated.noise),
            against={"stamps": float(np.nanmedian(real.stated[:, 2]))},
        ),
    ]
    by_kind = ", ".join(f"{kind} {recall[kind]:.2f} of {counts[kind]}" for kind in counts)
    page = PAGE.format(
        realism=survey.info.realism,
        command=COMMAND,
        machine=machine(),
        table="@table",
        splits=SPLITS,
        aim=AIM,
        n_odd=n_odd,
        served=releases["served"].info.model_id,
        by_kind=f"By kind: {by_kind}.",
        name=NAME,
        n_real=len(real.r_mag),
    )
    return figures, page


def _figure(
    name: str, value: float, unit: str, *, n: int, better: str = "lower", **more: Any
) -> dict[str, Any]:
    return figure(name, value, unit, n=n, better=better, command=COMMAND, **more)


def _knn(survey: SurveyFolder, mags: NDArray[np.float64]) -> tuple[Score, tuple[float, float]]:
    """Return the mean score over the splits and the bootstrap interval of sigma_MAD on the first."""
    z = survey.objects.column("z_spec").to_numpy()
    parents = survey.objects.column("parent_id").to_numpy(zero_copy_only=False)
    runs = [survey_baseline(mags, z, parents, seed=seed) for seed in range(SPLITS)]
    rng, dz = np.random.default_rng(0), runs[0][1]
    again = [score(rng.choice(dz, len(dz)), np.zeros(len(dz))).sigma_mad for _ in range(BOOTSTRAPS)]
    low, high = np.percentile(again, [2.5, 97.5]) - runs[0][0].sigma_mad
    mean = [
        float(np.mean([getattr(run[0], name) for run in runs])) for name in ("sigma_mad", "outliers", "bias")
    ]
    return Score(*mean, n=runs[0][0].n), (mean[0] + low, mean[0] + high)


def _catalogue_magnitudes(survey: SurveyFolder) -> NDArray[np.float64]:
    """Return de-reddened magnitudes of the real galaxies behind the rows."""
    parents = read_parents()
    row_of = {name: row for row, name in enumerate(parents.names)}
    rows = [row_of[name] for name in survey.objects.column("parent_id").to_pylist()]
    return np.asarray(22.5 - 2.5 * np.log10(parents.flux[rows]))


def _catalogue_colours(survey: SurveyFolder) -> NDArray[np.float64]:
    """Return the catalogue's colours with the dust left on, as seen."""
    ebv = survey.objects.column("ebv").to_numpy()
    observed = _catalogue_magnitudes(survey) + extinction_mag(ebv, UGRIZ)
    return np.asarray(observed[:, :-1] - observed[:, 1:])


def _true_magnitudes(survey: SurveyFolder) -> NDArray[np.float64]:
    import pyarrow.parquet as pq

    truth = pq.read_table(survey.path / "truth.parquet")
    kept = truth.column("is_kept").to_numpy()
    flux = np.array([truth.column(f"true_flux_{band}").to_numpy() for band in "ugriz"]).T[kept]
    return np.asarray(
        22.5 - 2.5 * np.log10(flux) - extinction_mag(survey.objects.column("ebv").to_numpy(), UGRIZ)
    )


def _montage(survey: SurveyFolder, path: Path, columns: int = 12, rows: int = 5) -> None:
    pictures = [to_rgb(cutout) for cutout in survey.read(survey.ids[: columns * rows])]
    lines = [np.concatenate(pictures[row * columns : (row + 1) * columns], axis=1) for row in range(rows)]
    # Noise does not compress: 256 colours keep the file below 400 kB, chosen to cover the rare ones too.
    whole = Image.fromarray(np.concatenate(lines))
    few = whole.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


if __name__ == "__main__":
    main()
