"""What the photo-z page tells: everything that was measured, and the words that all its sections share."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from figures import figure
from photoz_controls import Permuted
from photoz_curve import Curve
from photoz_data import Galaxies
from photoz_real import Real
from photoz_scores import Judged, Judging

from training.photoz_metrics import Measured

__all__ = ["LABELS", "SHOWN", "Results", "compared", "plus_minus"]

SHOWN = {
    "bias_mean": "bias (mean)",
    "bias_median": "bias (median)",
    "sigma_mad": "σ_MAD",
    "sigma_iqr": "σ_IQR",
    "outliers_005": "η(0.05)",
    "outliers_015": "η(0.15)",
    "outliers_rail": "η RAIL",
    "cde_loss": "CDE loss",
    "crps": "CRPS",
    "pit_ks": "PIT KS",
}


LABELS = {
    "gbm_true": "boosting, true flux (floor)",
    "knn_true": "30-NN, true flux (floor)",
    "gbm_measured": "**boosting, flux on the same pixels (fair rival)**",
    "knn_measured": "30-NN, flux on the same pixels",
    "gbm_shapes": "boosting, flux on the same pixels and the true size, bulge, inclination, kind",
    "gbm_catalogue": "boosting, catalogue flux of the parents (reference)",
    "knn_catalogue": "30-NN, catalogue flux of the parents (reference)",
}


@dataclass(frozen=True, eq=False)
class Results:
    """All that was measured; empty where something was not at hand."""

    survey: Galaxies
    judging: Judging
    models: list[Judged]
    rivals: dict[str, Judged]
    reference: dict[str, Judged]
    curves: dict[str, Curve]
    permutation: list[Permuted]
    shifts: dict[str, dict[str, tuple[float, int]]]
    real: list[Real]
    command: str
    figures: list[dict[str, Any]] = field(default_factory=list)

    @property
    def image(self) -> Judged | None:
        """The model that the figures are about."""
        return self.models[0] if self.models else None

    @property
    def fair(self) -> Judged | None:
        """Boosted trees on fluxes of the same pixels."""
        return self.rivals.get("gbm_measured")

    def tell(
        self,
        name: str,
        value: Measured | float,
        *,
        n: int,
        unit: str = "",
        better: str = "lower",
        against: Mapping[str, float] | None = None,
    ) -> None:
        """Add a figure with the interval of its bootstrap."""
        interval = None
        if isinstance(value, Measured):
            interval = (float(f"{value.low:.5g}"), float(f"{value.high:.5g}"))
            value = value.value
        others = {key: float(f"{other:.5g}") for key, other in (against or {}).items()}
        self.figures.append(
            figure(
                name,
                float(f"{value:.5g}"),
                unit,
                n=n,
                better=better,
                command=self.command,
                interval=interval,
                against=others,
            )
        )


def compared(results: Results) -> dict[str, Judged]:
    """Return the image model (where there is one), then the rivals with p(z) on the same pixels."""
    found = {} if results.image is None else {f"image: {results.image.name}": results.image}
    for key in ("knn_measured", "gbm_measured"):
        if key in results.rivals:
            found[LABELS[key].strip("*")] = results.rivals[key]
    return found


def plus_minus(measured: Measured, digits: int) -> str:
    """Return a value with its bootstrap error."""
    return f"{measured.value:.{digits}f} ± {measured.error:.{digits}f}"
