"""Does the demo survey look like SDSS? Noise, colours and sizes beside those of real stamps.

    python benchmarks/simulated_realism.py SURVEY_FOLDER FIGURE.png

Reads ../shared/data/sdss_ugriz_stamps (136 exposures of 88 fields); takes 20 s. The figure shows statistics only.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from survey.archive import SurveyFolder
from survey.simulate.optics import Observation
from survey.simulate.photometry import measure

__all__ = ["Look", "draw_figure", "look_at_stamps", "look_at_survey"]

STAMPS = Path(__file__).resolve().parents[2] / "shared" / "data" / "sdss_ugriz_stamps"
# The stamps state their PSF only in some headers; typical SDSS seeing serves to compare colours.
TYPICAL_FWHM = np.array([1.40, 1.35, 1.25, 1.20, 1.20])
BORDER_PX = 6
_Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What pixels say, without asking how they came about.

    Attributes
    ----------
    noise
        Robust scatter of the border pixels in nanomaggies, shape (N, 5).
    stated
        Noise per pixel that the data themselves state, shape (N, 5).
    colours
        u-g, g-r, r-i, i-z of the central source, shape (M, 4).
    r_mag, r50_arcsec
        Of the central source, shape (M,).
    """

    noise: _Array
    stated: _Array
    colours: _Array
    r_mag: _Array
    r50_arcsec: _Array


def look_at_survey(survey: SurveyFolder, n: int) -> Look:
    """Measure the first ``n`` objects without planted oddities."""
    rows = [i for i, odd in enumerate(survey.objects.column("oddity").to_pylist()) if odd is None][:n]
    cutouts = survey.read([survey.ids[row] for row in rows])
    stated = np.array([survey.objects.column(f"sky_sigma_{band}").to_numpy()[rows] for band in "ugriz"]).T
    return _look([cutout.flux for cutout in cutouts], stated, [True] * len(rows))


def look_at_stamps(folder: Path = STAMPS) -> Look:
    """Measure the real stamps; noise on all of them, photometry on the galaxies."""
    table = pq.read_table(folder / "stamps.parquet")
    with np.load(folder / "stamps.npz", allow_pickle=False) as stored:
        images = stored["image"] * stored["scale_nanomaggy"][:, :, None, None]
        ivar = stored["ivar"].astype(np.float64)
    kinds = table.column("kind").to_pylist()
    stated = 1 / np.sqrt(np.median(np.where(ivar > 0, ivar, np.nan), axis=(2, 3)))
    return _look(list(images), stated, [kind == "galaxy" for kind in kinds])


def _look(images: list[Any], stated: _Array, is_galaxy: list[bool]) -> Look:
    noise, colours, mags, radii = [], [], [], []
    for image, galaxy in zip(images, is_galaxy, strict=True):
        noise.append(border_noise(image))
        if not galaxy:
            continue
        found = measure(image.astype(np.float32), Observation(TYPICAL_FWHM, noise[-1]))
        if (found.flux > 0).all():
            magnitude = 22.5 - 2.5 * np.log10(found.flux)
            colours.append(magnitude[:-1] - magnitude[1:])
            mags.append(magnitude[2])
            radii.append(found.r50_arcsec)
    return Look(np.array(noise), stated, np.array(colours), np.array(mags), np.array(radii))


def border_noise(image: NDArray[np.floating]) -> _Array:
    """Return 1.4826 MAD of the differences of pixels two apart along the border, over sqrt 2: blind to gradients."""
    edges = (slice(BORDER_PX), slice(-BORDER_PX, None))
    steps = np.concatenate(
        [(image[:, e, 2:] - image[:, e, :-2]).reshape(len(image), -1) for e in edges], axis=1
    )
    middle = np.median(steps, axis=1, keepdims=True)
    return np.asarray(1.4826 * np.median(np.abs(steps - middle), axis=1) / np.sqrt(2))


def draw_figure(simulated: Look, real: Look, catalogue_colours: _Array, path: Path) -> None:
    """Draw noise per band, colours and sizes of the two."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    shown = (
        (simulated.noise, "rendered", "C0", "o"),
        (real.stated, "real stamps, stated", "C3", "o"),
        (real.noise, "real stamps, resampled pixels", "C1", "s"),
    )
    for place, (noise, name, colour, marker) in enumerate(shown):
        low, middle, high = np.nanpercentile(noise, [16, 50, 84], axis=0)
        at = np.arange(5) + 0.16 * (place - 1)
        axes[0].errorbar(
            at, middle, [middle - low, high - middle], fmt=marker, color=colour, label=name, capsize=3, ms=4
        )
    axes[0].set(yscale="log", xticks=range(5), ylabel="noise, nMgy per pixel", title="Sky noise, 16-50-84 %")
    axes[0].set_xticklabels(list("ugriz"))
    axes[1].plot(
        catalogue_colours[:, 1], catalogue_colours[:, 0], ".", ms=1, color="0.7", label="SDSS catalogue"
    )
    axes[1].plot(simulated.colours[:, 1], simulated.colours[:, 0], ".", ms=2, color="C0", label="rendered")
    axes[1].plot(
        real.colours[:, 1], real.colours[:, 0], "o", ms=4, mfc="none", color="C3", label="real stamps"
    )
    axes[1].set(xlim=(0, 1.8), ylim=(0, 3), xlabel="g - r", ylabel="u - g", title="Colours, as observed")
    axes[2].plot(simulated.r_mag, simulated.r50_arcsec, ".", ms=2, color="C0")
    axes[2].plot(real.r_mag, real.r50_arcsec, "o", ms=4, mfc="none", color="C3")
    axes[2].set(
        xlim=(14, 19),
        ylim=(0.8, 9),
        xlabel="r",
        ylabel="half-light radius, arcsec",
        title="Sizes, seeing included",
    )
    axes[0].legend(fontsize=8)
    axes[1].legend(fontsize=8, markerscale=2)
    figure.savefig(path, dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    shown = look_at_survey(SurveyFolder(Path(sys.argv[1])), 1500)
    draw_figure(shown, look_at_stamps(), shown.colours, Path(sys.argv[2]))
