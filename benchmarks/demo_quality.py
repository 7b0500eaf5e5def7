"""Redshifts and oddities of a demo data folder: what its releases say beside what was put in.

python benchmarks/demo_quality.py DATA_DIR
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from figures import REPOSITORY, figure

sys.path.insert(0, str(REPOSITORY))

from photoz_baseline import magnitudes, score, survey_baseline

from index.release import Release
from index.releases import list_releases
from survey.archive import SurveyFolder

__all__ = ["oddity_table", "quality_figures"]

COMMAND = "python benchmarks/demo_quality.py DATA_DIR"
SPLITS, TOP = 3, 95.0


def quality_figures(data_dir: Path) -> list[dict[str, Any]]:
    """Return the redshift and oddity figures of the demo survey and its two releases."""
    survey = SurveyFolder(data_dir / "surveys" / "demo")
    flux, colour = _releases(data_dir)
    baselines = _baselines(survey)
    sigmas = [s.sigma_mad for s in baselines]
    knn = float(np.mean(sigmas))
    z_phot, z_spec = (flux.columns.array(name) for name in ("z_phot", "z_spec"))
    usable = np.isfinite(z_phot) & np.isfinite(z_spec)
    ours = score(z_phot[usable], z_spec[usable])
    caught, planted = _caught(flux), _planted(flux)
    recall = caught / planted
    caught_colour, planted_colour = _caught(colour), _planted(colour)
    return [
        figure(
            "knn_sigma_mad_pixels",
            round(knn, 5),
            "dz",
            n=baselines[0].n,
            better="lower",
            command=COMMAND,
            interval=(round(min(sigmas), 5), round(max(sigmas), 5)),
            against={"recipe on paper": 0.0125, "real photometry": 0.0136},
        ),
        figure(
            "knn_outliers_pixels",
            round(float(np.mean([s.outliers for s in baselines])), 4),
            "share of |dz| > 0.05",
            n=baselines[0].n,
            better="lower",
            command=COMMAND,
        ),
        figure(
            "embedding_sigma_mad",
            round(ours.sigma_mad, 5),
            "dz",
            n=ours.n,
            better="lower",
            command=COMMAND,
            against={"knn_sigma_mad_pixels": round(knn, 5)},
        ),
        figure(
            "embedding_outliers",
            round(ours.outliers, 4),
            "share of |dz| > 0.05",
            n=ours.n,
            better="lower",
            command=COMMAND,
        ),
        figure(
            "oddity_recall_top5",
            round(recall, 3),
            "share",
            n=planted,
            better="higher",
            command=COMMAND,
            interval=_wilson(caught, planted),
            against={"chance": 0.05, "colour model": round(caught_colour / planted_colour, 3)},
        ),
    ]


def oddity_table(data_dir: Path) -> str:
    """Return, as Markdown, how many of each planted kind lie among the 5 % highest scores of each release."""
    rows = ["| planted | ugriz model | colour model |", "| --- | --- | --- |"]
    releases = _releases(data_dir)
    for kind in sorted({k for release in releases for k in _kinds(release) if k}):
        cells = (f"{_caught(release, kind)} of {_planted(release, kind)}" for release in releases)
        rows.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _releases(data_dir: Path) -> tuple[Release, Release]:
    """Open the newest release of the flux model and of the colour model."""
    newest = {
        info.is_display: info.id for info in list_releases(data_dir / "releases") if info.survey == "demo"
    }
    return Release.open(data_dir / "releases" / newest[False]), Release.open(
        data_dir / "releases" / newest[True]
    )


def _baselines(survey: SurveyFolder) -> list[Any]:
    mags, z = magnitudes(survey), survey.objects.column("z_spec").to_numpy()
    parents = survey.objects.column("parent_id").to_numpy(zero_copy_only=False)
    return [survey_baseline(mags, z, parents, seed=seed)[0] for seed in range(SPLITS)]


def _kinds(release: Release) -> list[str | None]:
    listed: list[str | None] = release.columns.take(np.arange(release.info.n), ["oddity"])["oddity"]
    return listed


def _planted(release: Release, kind: str | None = None) -> int:
    return sum(bool(k) and kind in {None, k} for k in _kinds(release))


def _caught(release: Release, kind: str | None = None) -> int:
    is_top = release.columns.array("anomaly_percentile") > TOP
    return sum(
        bool(k) and kind in {None, k} and bool(top) for k, top in zip(_kinds(release), is_top, strict=True)
    )


def _wilson(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927, JASA 22, 209)."""
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return round(middle - half, 3), round(middle + half, 3)


def main() -> None:
    """Print the figures of a data folder."""
    data_dir = Path(sys.argv[1])
    print(json.dumps(quality_figures(data_dir), indent=1))
    print(oddity_table(data_dir))


if __name__ == "__main__":
    main()
