"""Predictions calibrated on one part and judged on another: points, distributions, intervals, flags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from photoz_data import Floats, Galaxies, Predictions
from photoz_redeal import Redealt, redeal

from index.conformal import score
from index.photoz_calibration import PhotozCalibration
from index.photoz_columns import Flag
from index.temperature import softmax
from training.pdf_metrics import cde_terms, crps_terms, is_covered, pit_cvm, pit_ks, pit_values
from training.photoz_metrics import POINT_METRICS, Measured, bootstrap, cluster_draws, normalised_dz

__all__ = [
    "FLAGS",
    "LEVELS",
    "OUTLIER",
    "Judged",
    "Judging",
    "auroc",
    "judge",
    "judge_points",
    "outlier_ratio",
    "ratio_of",
]

LEVELS = {68: ("z_l68", "z_u68"), 90: ("z_l90", "z_u90"), 95: ("z_l95", "z_u95")}
#: Any of these makes a galaxy a flagged one; ``disagreement`` needs a release, whose spectra disagree.
FLAGS = Flag.OUT_OF_SUPPORT | Flag.PDF_EDGE | Flag.EXTRAPOLATED_MAG
N_DRAWS = 200
_SEED = 11
OUTLIER = 0.05


@dataclass(frozen=True, eq=False)
class Judging:
    """The galaxies that judge, the same for all models.

    Attributes
    ----------
    places
        Of the galaxies.
    draws
        Rows of each bootstrap draw: whole parents, with replacement.
    """

    galaxies: Galaxies
    places: NDArray[np.int64]
    draws: list[NDArray[np.intp]]

    @classmethod
    def of(cls, galaxies: Galaxies, places: NDArray[np.int64], n_draws: int = N_DRAWS) -> Judging:
        """Draw parents once for all figures, so that models are compared on the same draws."""
        rng = np.random.default_rng(_SEED)
        return cls(galaxies, places, cluster_draws(galaxies.parents[places], rng=rng, n_draws=n_draws))

    @property
    def z(self) -> Floats:
        """Spectroscopic redshifts."""
        return self.galaxies.z[self.places]

    def measure(self, statistic: Callable[[NDArray[np.intp]], float]) -> Measured:
        """Return a statistic of rows with its bootstrap error over parents."""
        return bootstrap(statistic, self.draws, len(self.places))


@dataclass(frozen=True, eq=False)
class Judged:
    """A model on the judging galaxies, n of them.

    Attributes
    ----------
    point
        Redshift estimate, shape (n,).
    columns
        Of :meth:`index.photoz_calibration.PhotozCalibration.apply`; empty where there is no p(z).
    metrics
        By name of :data:`training.photoz_metrics.DEFINITIONS`.
    cells
        Cell of each galaxy, -1 without one.
    distance
        From the training galaxies, in the features that support is measured in; None without.
    """

    name: str
    judging: Judging
    point: Floats
    columns: dict[str, NDArray[Any]]
    metrics: dict[str, Measured]
    pit: Floats | None = None
    cells: NDArray[np.int64] | None = None
    distance: Floats | None = None
    calibration: PhotozCalibration | None = None
    redealt: Redealt | None = None
    n_labels: int = 0
    start: str = ""

    @property
    def dz(self) -> Floats:
        """Normalised errors."""
        return normalised_dz(self.point, self.judging.z)

    @property
    def is_flagged(self) -> NDArray[np.bool_]:
        """Whether any of :data:`FLAGS` is raised."""
        return np.asarray((self.columns["z_flags"] & int(FLAGS)) != 0)

    def coverage(self, level: int, where: NDArray[np.bool_] | None = None) -> Measured:
        """Return the share of galaxies whose interval holds their redshift."""
        held = self.is_held(level)
        chosen = np.ones(len(held), dtype=bool) if where is None else where
        return self.judging.measure(lambda rows: _mean(held[rows][chosen[rows]]))

    def is_held(self, level: int) -> NDArray[np.bool_]:
        """Whether each galaxy's interval holds its redshift."""
        return is_covered(self.judging.z, *(self.columns[end] for end in LEVELS[level]))

    def width(self, level: int, where: NDArray[np.bool_] | None = None) -> float:
        """Return the median width of the intervals."""
        low, high = (self.columns[end] for end in LEVELS[level])
        width = high - low
        return float(np.median(width if where is None else width[where]))


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def judge_points(name: str, point: Floats, judging: Judging, *, n_labels: int = 0, start: str = "") -> Judged:
    """Judge point estimates alone."""
    dz = normalised_dz(point, judging.z)
    metrics = {key: _measured(metric, dz, judging) for key, metric in POINT_METRICS.items()}
    return Judged(name, judging, point, {}, metrics, n_labels=n_labels, start=start)


def _measured(metric: Callable[[Floats], float], values: Floats, judging: Judging) -> Measured:
    return judging.measure(lambda rows: metric(values[rows]))


def judge(predicted: Predictions, judging: Judging) -> Judged:
    """Calibrate on the part ``calibrate``, judge on ``test``.

    Raises
    ------
    SystemExit
        If the predictions are not of exactly the judging galaxies.
    """
    order = _in_order(predicted, judging)
    galaxies = judging.galaxies
    calibration = PhotozCalibration.fit(
        predicted.grid,
        predicted.logits["calibrate"],
        predicted.photometry["calibrate"],
        predicted.features["calibrate"] if "reference" in predicted.features else None,
        galaxies.z[predicted.places["calibrate"]],
        photometry_names=predicted.photometry_names,
        reference_features=predicted.features.get("reference"),
        degraded=predicted.degraded,
        n_watched=predicted.n_watched,
    )
    photometry, features = (arrays["test"][order] for arrays in (predicted.photometry, predicted.features))
    probability, columns, _ = calibration.apply(
        predicted.logits["test"][order], photometry, features if "reference" in predicted.features else None
    )
    point = columns["z_best"] if predicted.point is None else predicted.point["test"][order]
    judged = judge_points(predicted.name, point, judging, n_labels=predicted.n_labels, start=predicted.start)
    pit = pit_values(probability, predicted.grid, judging.z)
    terms = {
        "cde_loss": cde_terms(probability, predicted.grid, judging.z),
        "crps": crps_terms(probability, predicted.grid, judging.z),
    }
    metrics = {
        **judged.metrics,
        **{name: _measured(_mean, values, judging) for name, values in terms.items()},
        "pit_ks": _measured(pit_ks, pit, judging),
        "pit_cvm": _measured(pit_cvm, pit, judging),
    }
    assert calibration.cells is not None
    cells = calibration.cells.assign(photometry, predicted.photometry_names)
    known = predicted.places["calibrate"]
    own = softmax(predicted.logits["calibrate"], calibration.temperature)
    redealt = redeal(
        np.concatenate([score(own, predicted.grid, galaxies.z[known]), np.abs(pit - 0.5)]),
        np.concatenate(
            [
                calibration.cells.assign(predicted.photometry["calibrate"], predicted.photometry_names),
                cells,
            ]
        ),
        galaxies.parents[np.concatenate([known, judging.places])],
    )
    return Judged(
        predicted.name,
        judging,
        point,
        columns,
        metrics,
        pit=pit,
        cells=cells,
        redealt=redealt,
        distance=None if calibration.support is None else calibration.support.distance(features),
        calibration=calibration,
        n_labels=predicted.n_labels,
        start=predicted.start,
    )


def _in_order(predicted: Predictions, judging: Judging) -> NDArray[np.int64]:
    places = predicted.places["test"]
    row_of = {place: row for row, place in enumerate(places.tolist())}
    missing = sum(place not in row_of for place in judging.places.tolist())
    if missing:
        raise SystemExit(
            f"{predicted.name} says nothing of {missing} of {len(judging.places)} judging galaxies"
        )
    return np.array([row_of[place] for place in judging.places.tolist()])


def ratio_of(metric: Callable[[Floats], float], one: Judged, other: Judged) -> Measured:
    """Return how many times larger a metric of dz is for ``one`` than for ``other``, on the same draws."""
    first, second = one.dz, other.dz
    return one.judging.measure(lambda rows: metric(first[rows]) / metric(second[rows]))


def outlier_ratio(judged: Judged, flagged: NDArray[np.bool_]) -> Measured:
    """Return the outlier fraction (|dz| > 0.05) of flagged galaxies over that of the others."""
    far = np.abs(judged.dz) > OUTLIER

    def ratio(rows: NDArray[np.intp]) -> float:
        raised, bad = flagged[rows], far[rows]
        rest = _mean(bad[~raised])
        return _mean(bad[raised]) / rest if rest > 0 else float("nan")

    return judged.judging.measure(ratio)


def auroc(ordinary: Sequence[float] | Floats, planted: Sequence[float] | Floats) -> float:
    """Return the probability that a planted galaxy scores higher than an ordinary one, ties counting half.

    A score that is not finite counts as the highest: it is refused.
    """
    from scipy.stats import rankdata

    scores = np.concatenate([ordinary, planted]).astype(np.float64)
    ranks = rankdata(np.where(np.isfinite(scores), scores, np.inf))
    n, m = len(ordinary), len(planted)
    return float((ranks[n:].sum() - m * (m + 1) / 2) / (n * m))
