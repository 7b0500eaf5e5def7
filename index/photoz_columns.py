"""The columns of a redshift estimate, the same in every release, file and answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag

__all__ = [
    "COLUMNS",
    "FLAGS",
    "QUANTILE_LEVELS",
    "Column",
    "Flag",
    "degraded_bits",
    "flag_bits",
    "flag_names",
]

#: Levels of the 13 quantiles in ``z_q``.
QUANTILE_LEVELS = (0.001, 0.01, 0.025, 0.05, 0.16, 0.25, 0.5, 0.75, 0.84, 0.95, 0.975, 0.99, 0.999)


class Flag(IntFlag):
    """Reservations about an estimate: the bits of ``z_flags``."""

    OUT_OF_SUPPORT = 1 << 0
    FEW_SPECTRA = 1 << 1
    PDF_EDGE = 1 << 2
    DISAGREEMENT = 1 << 3
    BAND_MISSING = 1 << 4
    PARTIAL_FIELD = 1 << 5
    MASKED = 1 << 6
    UNCALIBRATED = 1 << 7
    EXTRAPOLATED_MAG = 1 << 8


#: What each flag says to the reader of an estimate.
FLAGS: dict[Flag, str] = {
    Flag.OUT_OF_SUPPORT: (
        "It lies farther from the galaxies with a spectrum than 99 % of these lie from each other: do not use the redshift."
    ),
    Flag.FEW_SPECTRA: "Fewer neighbours with a spectrum were found than the estimate wants.",
    Flag.PDF_EDGE: "Probability piles up at an end of the redshift grid: the redshift may lie beyond.",
    Flag.DISAGREEMENT: (
        "The nearest spectroscopic neighbours agree on a redshift outside the 95 % interval, farther than 0.03 (1 + z) off."
    ),
    Flag.BAND_MISSING: "A band has no data: the estimate misses a colour.",
    Flag.PARTIAL_FIELD: "The image does not cover the model's whole field.",
    Flag.MASKED: "Pixels near the galaxy are masked and were filled from around them.",
    Flag.UNCALIBRATED: (
        "Fewer than 200 spectra, or none, calibrated the intervals; or the flux has no known unit: do not rely on their coverage."
    ),
    Flag.EXTRAPOLATED_MAG: "It is brighter or fainter than the galaxies that calibrated the estimate.",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an estimate.

    Attributes
    ----------
    kind
        ``float``, ``int``, ``text``, or ``quantiles`` (one float for each of :data:`QUANTILE_LEVELS`).
    ucd
        IVOA UCD1+; empty where the vocabulary has no word for it.
    """

    name: str
    kind: str
    ucd: str
    description: str


_Z = "src.redshift.phot"

#: In the order of files; a value that is not known is null, never a sentinel.
COLUMNS: tuple[Column, ...] = (
    Column("z_best", "float", _Z, "estimate of least risk, the one to use"),
    Column("z_mode", "float", f"{_Z};stat.max", "peak of p(z)"),
    Column("z_mean", "float", f"{_Z};stat.mean", "mean of p(z)"),
    Column("z_median", "float", f"{_Z};stat.median", "median of p(z)"),
    Column("z_l68", "float", f"{_Z};stat.min", "lower end of the 68 % interval"),
    Column("z_u68", "float", f"{_Z};stat.max", "upper end of the 68 % interval"),
    Column("z_l90", "float", f"{_Z};stat.min", "lower end of the 90 % interval"),
    Column("z_u90", "float", f"{_Z};stat.max", "upper end of the 90 % interval"),
    Column("z_l95", "float", f"{_Z};stat.min", "lower end of the 95 % interval"),
    Column("z_u95", "float", f"{_Z};stat.max", "upper end of the 95 % interval"),
    Column("z_err68", "float", f"stat.error;{_Z}", "half the width of the 68 % interval"),
    Column("z_odds", "float", f"stat.fit.goodness;{_Z}", "probability within z_mode +- 0.06 (1 + z_mode)"),
    Column("z_conf", "float", f"stat.likelihood;{_Z}", "calibrated P(|z_best - z| / (1 + z) < 0.03)"),
    Column("z_n_peaks", "int", "", "peaks of p(z)"),
    Column("z_mode2", "float", _Z, "second peak of p(z); null with a single one"),
    Column("z_mode2_area", "float", "", "probability under the second peak; null with a single one"),
    Column("z_q", "quantiles", _Z, "quantiles of p(z) at the 13 levels"),
    Column("z_flags", "int", "meta.code.qual", "reservations, by bit"),
    Column(
        "z_neighbours",
        "float",
        f"{_Z};stat.median",
        "median redshift of the nearest spectroscopic neighbours",
    ),
    Column(
        "support_percentile",
        "float",
        "",
        "of 100 galaxies with a spectrum, how many lie nearer to the others",
    ),
    Column("model_id", "text", "meta.version", "model that estimated"),
    Column("train_set", "text", "meta.version", "spectra it learnt from"),
)


def flag_names(bits: int) -> tuple[str, ...]:
    """Return the names of the raised bits in lower case, lowest bit first."""
    return tuple(flag.name.lower() for flag in Flag if flag.name is not None and bits & flag)


def flag_bits(names: Iterable[str]) -> int:
    """Return the bits of flags by name.

    Raises
    ------
    KeyError
        If there is no flag of that name.
    """
    return int(sum(Flag[name.upper()] for name in set(names)))


#: Reservations about a cutout that are reservations about its redshift.
_DEGRADED = {
    "band_missing": Flag.BAND_MISSING,
    "partial_field": Flag.PARTIAL_FIELD,
    "masked": Flag.MASKED,
    "uncalibrated": Flag.UNCALIBRATED,
}


def degraded_bits(names: Iterable[str]) -> int:
    """Return the bits that the reservations of a calibrated cutout raise; others raise none.

    Parameters
    ----------
    names
        Of :class:`survey.contract.Calibrated` or of an ingest report.
    """
    return int(sum(_DEGRADED[name] for name in set(names) & set(_DEGRADED)))
