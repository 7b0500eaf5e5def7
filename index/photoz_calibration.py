"""What stands between a network's logits, or a kernel's mixture, and an estimate that can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from index.calibration_file import read_calibration, write_calibration
from index.cells import N_CELLS, Cells
from index.confidence import Confidence, near_mass
from index.conformal import Conformal, score
from index.estimates import points_of
from index.pdf import FloatArray, RedshiftGrid, quantiles, summarise
from index.photoz_columns import QUANTILE_LEVELS, Flag
from index.support import LIMIT, Degraded, Support, fit_support
from index.temperature import fit_temperature, softmax

__all__ = ["MIN_CALIBRATED", "PhotozCalibration"]

#: With fewer spectra to calibrate on, estimates carry the flag ``uncalibrated``.
MIN_CALIBRATED = 200
# Magnitudes in the outermost tenths of a per cent are no measure of where training galaxies end.
_MAGNITUDE_RANGE = (0.1, 99.9)
_ENDS = (("z_l68", "z_u68"), ("z_l90", "z_u90"), ("z_l95", "z_u95"))

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class PhotozCalibration:
    """Everything learnt on galaxies with a spectrum that the estimator was not fitted to.

    Attributes
    ----------
    grid
        Of the logits.
    temperature
        Logits are divided by it.
    photometry_names
        Columns of the photometry; empty without any.
    cells
        None without photometry: one threshold for all.
    magnitude_range
        Between them lie all but 0.2 % of the calibration galaxies' magnitudes; NaN without photometry.
    support
        None without features.
    n
        Calibration galaxies.
    """

    grid: RedshiftGrid
    temperature: float
    photometry_names: tuple[str, ...]
    cells: Cells | None
    magnitude_range: tuple[float, float]
    conformal: Conformal
    confidence: Confidence
    support: Support | None
    n: int

    @classmethod
    def fit(
        cls,
        grid: RedshiftGrid,
        logits: Floats,
        photometry: Floats | None,
        features: Floats | None,
        z_spec: Floats,
        *,
        photometry_names: Sequence[str] = (),
        magnitude: str = "r",
        colour: tuple[str, str] = ("g", "r"),
        reference_features: Floats | None = None,
        degraded: Sequence[Degraded] = (),
        n_watched: int | None = None,
        temperature: float | None = None,
    ) -> Self:
        """Calibrate on galaxies with a spectrum.

        Parameters
        ----------
        logits
            Log probabilities up to a constant for each galaxy, shape (n, B).
        photometry
            Shape (n, P); None for no cells.
        features
            Shape (n, F); None for no support. Without ``reference_features`` F is 1, and they are distances.
        z_spec
            Shape (n,), finite.
        photometry_names, magnitude, colour
            Names of the photometry's columns, and which of them make the cells: the colour is the first of
            its two minus the second.
        reference_features
            Of the training galaxies, shape (M, F).
        degraded, n_watched
            Training galaxies after degradations that must be noticed; see :func:`index.support.fit_support`.
        temperature
            Not to be fitted.

        Raises
        ------
        ValueError
            If there is no galaxy, a redshift or a logit is not finite, or a shape or a name does not fit.
        """
        z = np.asarray(z_spec, dtype=np.float64)
        if not len(z) or not np.isfinite(z).all() or not np.isfinite(logits).all():
            raise ValueError(
                f"{len(z)} calibration galaxies; one at least, all with finite z_spec and logits"
            )
        if logits.shape != (len(z), grid.n_bins):
            raise ValueError(f"logits of shape {logits.shape} for {len(z)} galaxies on {grid.n_bins} bins")
        chosen = fit_temperature(logits, grid, z) if temperature is None else temperature
        probability = softmax(logits, chosen)
        cells, assigned, limits = None, None, (float("nan"), float("nan"))
        if photometry is not None:
            cells = Cells.fitted(photometry, photometry_names, magnitude=magnitude, colour=colour)
            assigned = cells.assign(photometry, photometry_names)
            own = photometry[:, list(photometry_names).index(magnitude)]
            low, high = np.percentile(own[np.isfinite(own)], _MAGNITUDE_RANGE)
            limits = float(low), float(high)
        best = summarise(probability, grid).z_best
        return cls(
            grid=grid,
            temperature=float(chosen),
            photometry_names=tuple(photometry_names),
            cells=cells,
            magnitude_range=limits,
            conformal=Conformal.fitted(
                score(probability, grid, z), assigned, n_cells=N_CELLS if cells else 0
            ),
            confidence=Confidence.fitted(near_mass(probability, grid, best), best, z),
            support=_support(features, reference_features, degraded, n_watched),
            n=len(z),
        )

    def apply(
        self, logits: Floats, photometry: Floats | None = None, features: Floats | None = None
    ) -> tuple[FloatArray, dict[str, NDArray[Any]], FloatArray]:
        """Turn logits into all that an estimate holds but its evidence.

        Parameters
        ----------
        logits, photometry, features
            As in :meth:`fit`, of Q galaxies. One with a logit that is not finite gets a uniform p(z), null columns and quantiles.

        Returns
        -------
        tuple
            p(z) of shape (Q, B); the columns of :data:`index.estimates.ARRAYS` but ``z_neighbours``; the 13
            quantiles, shape (Q, 13).
        """
        usable = np.asarray(np.isfinite(logits).all(axis=1))
        probability = softmax(np.where(usable[:, None], logits, 0), self.temperature)
        summary = summarise(probability, self.grid)
        cells = None if self.cells is None or photometry is None else self._cells(photometry)
        intervals = self.conformal.intervals(probability, self.grid, cells)
        columns: dict[str, NDArray[Any]] = points_of(summary)
        for level, (lower, upper) in enumerate(_ENDS):
            columns[lower], columns[upper] = intervals[:, level, 0], intervals[:, level, 1]
        columns["z_err68"] = (columns["z_u68"] - columns["z_l68"]) / 2
        columns["z_conf"] = self.confidence.of(near_mass(probability, self.grid, summary.z_best))
        support = np.full(len(probability), np.nan)
        if self.support is not None and features is not None:
            support = self.support.percentile(features)
        columns["support_percentile"] = support
        for name, values in columns.items():
            if values.dtype.kind == "f":
                columns[name] = np.where(usable, values, np.nan)
        columns["z_flags"] = self._flags(
            usable,
            at_edge=summary.at_edge,
            support=support,
            photometry=photometry,
            has_features=features is not None,
        )
        levels = quantiles(probability, self.grid, QUANTILE_LEVELS)
        return probability, columns, np.where(usable[:, None], levels, np.nan)

    def save(self, path: Path) -> None:
        """Write everything as ``.npz`` of plain arrays."""
        write_calibration(path, self)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises
        ------
        CorruptFolder
            If the file cannot be read, its arrays do not fit each other, or a later version wrote it.
        """
        return cls(**read_calibration(path))

    def _cells(self, photometry: Floats) -> NDArray[np.int64]:
        assert self.cells is not None
        return self.cells.assign(photometry, self.photometry_names)

    def _flags(
        self,
        usable: NDArray[np.bool_],
        *,
        at_edge: NDArray[np.bool_],
        support: FloatArray,
        photometry: Floats | None,
        has_features: bool,
    ) -> NDArray[np.int32]:
        raised = {Flag.PDF_EDGE: at_edge & usable, Flag.OUT_OF_SUPPORT: ~usable}
        if self.support is not None and has_features:
            # NaN is no place among the calibration galaxies either.
            raised[Flag.OUT_OF_SUPPORT] = ~usable | ~(support <= LIMIT)
        if self.n < MIN_CALIBRATED:
            raised[Flag.UNCALIBRATED] = np.ones_like(usable)
        if self.cells is not None and photometry is not None:
            magnitude = photometry[:, self.photometry_names.index(self.cells.magnitude)]
            low, high = self.magnitude_range
            raised[Flag.EXTRAPOLATED_MAG] = ~((magnitude >= low) & (magnitude <= high))
        flags = np.zeros(len(usable), np.int32)
        for flag, where in raised.items():
            flags |= np.where(where, int(flag), 0).astype(np.int32)
        return flags


def _support(
    features: Floats | None, reference: Floats | None, degraded: Sequence[Degraded], n_watched: int | None
) -> Support | None:
    if features is None:
        return None
    if reference is None:
        if features.shape[1] != 1:
            raise ValueError("features without reference_features are distances, one each")
        return Support.of_distances(np.asarray(features[:, 0], dtype=np.float64))
    return fit_support(reference, features, degraded, n_watched=n_watched)
