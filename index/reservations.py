"""What is said of an image that differs from the catalogue's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import log10
from typing import Any

__all__ = ["RESERVATIONS", "Reading", "Reservation", "UnitMistake", "order_text", "unit_mistake"]

#: Every name that :meth:`index.domain.Domain.check` may use.
RESERVATIONS = (
    "colours_unlikely",
    "brightness_unlikely",
    "size_unlikely",
    "sharper_than_trained",
    "sky_unlikely",
)

# An aperture's brightness after correction must lie this well inside the catalogue's, in per cent of its galaxies; the
# noise must be off by the same factor to within this one.
_INSIDE = (1.0, 99.0)
_NOISE_AGREES = 1.4


@dataclass(frozen=True, slots=True)
class Reservation:
    """One way in which an image is unlike the catalogue's.

    Attributes
    ----------
    name
        One of :data:`RESERVATIONS`; a flag of the answer.
    text
        One sentence with the value, the catalogue's range and what would explain it.
    percentile
        Share of the catalogue's galaxies whose value is at most as large, in per cent.
    """

    name: str
    text: str
    percentile: float


@dataclass(frozen=True, slots=True)
class Reading:
    """One measurement set beside the catalogue's.

    Attributes
    ----------
    name
        ``magnitude``, ``brightness``, ``colours``, ``noise``, ``sky``, ``r50``, ``concentration``, ``core_fwhm``, ``snr``.
    band
        Of a magnitude.
    value, unit
        The measurement; None where it could not be made.
    low, high
        Beyond them it is unlikely; None where no limit is drawn.
    percentile
        Share of the catalogue's galaxies whose value is at most as large, in per cent.
    """

    name: str
    band: str | None
    value: float | None
    unit: str
    low: float | None
    high: float | None
    percentile: float | None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @property
    def is_unlikely(self) -> bool:
        """Whether the value lies beyond a limit."""
        if self.value is None:
            return False
        return (self.low is not None and self.value < self.low) or (
            self.high is not None and self.value > self.high
        )


@dataclass(frozen=True, slots=True)
class UnitMistake:
    """A unit or zero point that is easily taken for another.

    Attributes
    ----------
    factor
        By how much the fluxes come out too large; below 1 they come out too small.
    text
        The mistake, to stand after "as if".
    """

    factor: float
    text: str


# A nanomaggy is 3.631 microjansky, the flux of magnitude 22.5 (survey.photometry).
_MISTAKES = (
    UnitMistake(3631.0, "nanojansky (zero point 31.4) were read as nanomaggies"),
    UnitMistake(10 ** (0.4 * 7.5), "counts of zero point 30 were read as nanomaggies"),
    UnitMistake(10 ** (0.4 * 4.5), "counts of zero point 27 were read as nanomaggies"),
    UnitMistake(10.0, "counts of zero point 25 were read as nanomaggies"),
    UnitMistake(3.631, "microjansky (zero point 23.9) were read as nanomaggies"),
    UnitMistake(3.631e-3, "millijansky were read as nanomaggies"),
    UnitMistake(3.631e-6, "jansky were read as nanomaggies"),
    UnitMistake(1e-9, "maggies were read as nanomaggies"),
    # The same the other way round.
    UnitMistake(1 / 3.631, "nanomaggies (zero point 22.5) were read as microjansky (zero point 23.9)"),
    UnitMistake(0.1, "nanomaggies (zero point 22.5) were read as counts of zero point 25"),
    UnitMistake(10 ** (-0.4 * 4.5), "nanomaggies (zero point 22.5) were read as counts of zero point 27"),
    UnitMistake(10 ** (-0.4 * 7.5), "nanomaggies (zero point 22.5) were read as counts of zero point 30"),
    UnitMistake(1 / 3631.0, "nanomaggies (zero point 22.5) were read as nanojansky (zero point 31.4)"),
)


def unit_mistake(
    brightness_mag: float, noise_ratio: float, catalogue: tuple[float, float], *, by_noise: bool
) -> UnitMistake | None:
    """Name the mistake that would explain an image's brightness and its noise.

    Parameters
    ----------
    brightness_mag
        Mean magnitude of the image.
    noise_ratio
        Its noise over the catalogue's; NaN if unknown.
    catalogue
        1 % and 99 % quantiles of the catalogue's brightness.
    by_noise
        Whether the noise must agree; else it only chooses among several that explain the brightness.
    """
    fitting = [
        one
        for one in _MISTAKES
        if catalogue[0] <= brightness_mag + 2.5 * log10(one.factor) <= catalogue[1]
        and (not by_noise or _off(noise_ratio, one.factor) <= log10(_NOISE_AGREES))
    ]
    return min(fitting, key=lambda one: _off(noise_ratio, one.factor), default=None)


def _off(noise_ratio: float, factor: float) -> float:
    return abs(log10(noise_ratio / factor)) if noise_ratio > 0 else abs(log10(factor))


def order_text(names: Sequence[str], order: Sequence[int]) -> str:
    """Say which bands the planes, in the order taken, would have to be: ``order[i]`` is the plane of band i."""
    held = {plane: names[band] for band, plane in enumerate(order)}
    return ", ".join(held[plane] for plane in range(len(names)))
