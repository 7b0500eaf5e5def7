"""An image's measurements set beside those of a catalogue, in the bands that the image has."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10, nan

import numpy as np
from numpy.typing import NDArray

from index.colours import ColourSpace, plausible_orders
from index.reservations import Reading, Reservation, order_text, unit_mistake
from index.scales import MARGIN, Scale, reading
from survey.measures import Measures
from survey.photometry import flux_to_asinh_mag

__all__ = ["Judge"]

FloatArray = NDArray[np.float64]

# By how much a range is wider than the catalogue's: magnitudes, log10 of a size or a noise, sigmas or counts of a sky.
_BRIGHTNESS_MAG = 0.75
_SIZE_DEX, _CONCENTRATION = 0.08, 0.5
# Ordinary SDSS exposures have cores down to 1.18 arcsec, the simulated survey's to about 1.44.
_SHARPNESS_DEX = 0.1
_NOISE_DEX = 0.12
_SKY_SIGMA, _SKY_COUNTS, _NOISE_COUNTS = 0.75, 12.0, 3.0
# An order of bands is named if it brings the colours inside the limit and at least this much nearer.
_MUCH_NEARER = 0.5


class Judge:
    """The scales of one set of bands.

    Parameters
    ----------
    names
        The bands that are judged.
    magnitudes, sky, noise
        Of the catalogue's sample in these bands, shape (N, C).
    scalars
        See :class:`index.domain.Domain`.

    Attributes
    ----------
    colours
        None with a single band.
    """

    def __init__(
        self,
        *,
        names: list[str],
        is_display: bool,
        pixel_scale_arcsec: float | None,
        magnitudes: FloatArray,
        sky: FloatArray,
        noise: FloatArray,
        scalars: dict[str, FloatArray],
    ) -> None:
        self._names, self._is_display, self._scale_arcsec = names, is_display, pixel_scale_arcsec
        self.colours = ColourSpace(magnitudes) if len(names) > 1 else None
        self._median_noise = np.median(np.where(np.isfinite(noise), noise, 0.0), axis=0)
        self._magnitudes = [Scale.of(column, np.inf) for column in magnitudes.T]
        self._brightness = Scale.of(magnitudes.mean(axis=1), _BRIGHTNESS_MAG)
        self._noise = Scale.of(self._noise_of(noise), _NOISE_COUNTS if is_display else _NOISE_DEX)
        self._sky = Scale.of(self._sky_of(sky, noise), _SKY_COUNTS if is_display else _SKY_SIGMA)
        self._r50 = Scale.of(np.log10(scalars["r50_px"]), _SIZE_DEX)
        self._concentration = Scale.of(scalars["concentration"], _CONCENTRATION)
        self._core = Scale.of(np.log10(scalars["core_fwhm_px"]), _SHARPNESS_DEX)
        self._snr = Scale.of(scalars["snr"], np.inf)

    def readings(self, measures: Measures, softening: FloatArray) -> list[Reading]:
        """Set every measurement beside the catalogue's."""
        there = measures.present
        magnitudes = measures.magnitudes(softening)[there]
        found = [
            reading("magnitude", value, "mag", scale, band=name)
            for name, value, scale in zip(self._names, magnitudes.tolist(), self._magnitudes, strict=True)
        ]
        found.append(reading("brightness", float(magnitudes.mean()), "mag", self._brightness))
        if self.colours is not None:
            distance = float(self.colours.distance(magnitudes))
            percentile = round(self.colours.percentile(distance), 3)
            limit = round(self.colours.limit, 4)
            found.append(Reading("colours", None, round(distance, 4), "sigma", None, limit, percentile))
        sky, noise = measures.sky[None, there], measures.noise[None, there]
        noise_unit, sky_unit = ("counts", "counts") if self._is_display else ("catalogue", "sigma")
        found.append(
            reading(
                "noise", float(self._noise_of(noise)[0]), noise_unit, self._noise, log=not self._is_display
            )
        )
        found.append(reading("sky", float(self._sky_of(sky, noise)[0]), sky_unit, self._sky))
        size_unit, scale = ("px", 1.0) if self._scale_arcsec is None else ("arcsec", self._scale_arcsec)
        found.append(reading("r50", _log10(measures.r50_px), size_unit, self._r50, log=True, times=scale))
        found.append(reading("concentration", measures.concentration, "", self._concentration))
        # Only the sharp side has a limit: a blurred core may be a large one.
        found.append(
            reading(
                "core_fwhm",
                _log10(measures.core_fwhm_px),
                size_unit,
                self._core,
                log=True,
                times=scale,
                high=False,
            )
        )
        found.append(reading("snr", measures.snr, "", self._snr))
        return found

    def reservations(self, measures: Measures, softening: FloatArray) -> list[Reservation]:
        """Name what lies beyond the limits, the gravest first."""
        readings = {one.name: one for one in self.readings(measures, softening) if one.band is None}
        found = [
            self._of_colours(readings.get("colours"), measures.magnitudes(softening)[measures.present]),
            self._of_brightness(readings["brightness"], readings["noise"]),
            self._of_size(readings["r50"], readings["concentration"]),
            self._of_core(readings["core_fwhm"]),
        ]
        if found[1] is None or not readings["noise"].is_unlikely or readings["sky"].is_unlikely:
            # A wrong unit explains the noise too.
            found.append(self._of_sky(readings["sky"], readings["noise"]))
        return [one for one in found if one is not None]

    def are_plainly_usual(self, many: Sequence[Measures], softening: FloatArray) -> NDArray[np.bool_]:
        """Whether each of many images has, by a margin, nothing to be named; one of which it is False may have none either.

        Parameters
        ----------
        many
            Measured in exactly the bands that are judged here.
        """
        flux, sky, noise = (
            np.array([getattr(one, name) for one in many]) for name in ("flux", "sky", "noise")
        )
        magnitudes = flux_to_asinh_mag(flux, 1e-9 * softening)
        with np.errstate(invalid="ignore", divide="ignore"):
            sizes, cores = (
                np.log10([getattr(one, name) for one in many]) for name in ("r50_px", "core_fwhm_px")
            )
            usual = (
                self._brightness.holds(magnitudes.mean(axis=1))
                & self._noise.holds(self._noise_of(noise))
                & self._sky.holds(self._sky_of(sky, noise))
                & self._r50.holds(sizes)
                & self._concentration.holds(np.array([one.concentration for one in many]))
                & self._core.holds(cores)
            )
        if self.colours is not None:
            usual[usual] = self.colours.distance(magnitudes[usual]) < (1 - MARGIN) * self.colours.limit
        return np.asarray(usual)

    def _noise_of(self, noise: FloatArray) -> FloatArray:
        """Reduce noises of shape (N, C) to log10 of the median ratio to the catalogue's; counts for displays."""
        if self._is_display:
            return np.asarray(noise.mean(axis=1))
        usable = self._median_noise > 0
        if not usable.any():
            return np.full(len(noise), nan)
        ratio = noise[:, usable] / self._median_noise[usable]
        # A frame without any noise is as quiet as can be told; float32 does not tell less.
        return np.asarray(np.log10(np.maximum(np.median(ratio, axis=1), 1e-7)))

    def _sky_of(self, sky: FloatArray, noise: FloatArray) -> FloatArray:
        """Reduce sky levels of shape (N, C) to their mean in units of the noise; counts for displays."""
        if self._is_display:
            return np.asarray(sky.mean(axis=1))
        usual = np.where(self._median_noise > 0, self._median_noise, 1.0)
        # Of an image much quieter than the catalogue's the own noise is no measure of its sky.
        return np.asarray((sky / np.maximum(noise, usual)).mean(axis=1))

    def _of_colours(self, reading: Reading | None, magnitudes: FloatArray) -> Reservation | None:
        if reading is None or self.colours is None or not reading.is_unlikely:
            return None
        assert reading.value is not None
        what = "channels" if self._is_display else "bands"
        text = (
            f"The colours are not those of the catalogue's galaxies: {reading.value:.3g} from the nearest ones, with a "
            f"limit of {self.colours.limit:.3g}"
        )
        orders = list(plausible_orders(len(self._names)))
        distances = self.colours.distance(magnitudes[np.array(orders)])
        best = int(distances.argmin())
        if distances[best] <= min(self.colours.limit, _MUCH_NEARER * reading.value):
            fitting = order_text(self._names, orders[best])
            text += (
                f". They would be usual if the {what} taken as {', '.join(self._names)} were {fitting}: check their order "
                "(`bands=`), or it is no usual galaxy."
            )
        else:
            text += f". No simple exchange of {what} explains it: check bands and units, or it is no usual galaxy."
        return Reservation("colours_unlikely", text, reading.percentile or 0.0)

    def _of_brightness(self, reading: Reading, noise: Reading) -> Reservation | None:
        value = reading.value
        if value is None:
            return None
        bright, faint = self._brightness.quantiles(1, 99)
        if self._is_display:
            if not reading.is_unlikely:
                return None
            side = "brighter" if value < bright else "darker"
            return Reservation(
                "brightness_unlikely",
                f"The middle of the picture is {side} than the catalogue's galaxies are.",
                reading.percentile or 0.0,
            )
        ratio = noise.value if noise.value is not None else nan
        mistake = unit_mistake(value, ratio, (bright, faint), by_noise=not reading.is_unlikely)
        if not reading.is_unlikely and not (noise.is_unlikely and mistake is not None):
            return None
        text = (
            f"The mean magnitude in the central aperture is {value:.2f}; that of 98 % of the catalogue's galaxies lies "
            f"between {bright:.2f} and {faint:.2f}"
        )
        if not reading.is_unlikely:
            text += f", but the sky's noise is {ratio:.3g} times the catalogue's"
        text += f". It looks as if {mistake.text}: check the unit (`zeropoint=`)." if mistake else "."
        if mistake and not reading.is_unlikely and mistake.factor < 1:
            text += (
                " A deeper image has less noise too, and so has one whose pixels are smaller than it says."
            )
        return Reservation("brightness_unlikely", text, reading.percentile or 0.0)

    def _of_size(self, r50: Reading, concentration: Reading) -> Reservation | None:
        if r50.is_unlikely:
            text = (
                f"Half of the light lies within {r50.value:.2f} {r50.unit}; the catalogue's galaxies have "
                f"{r50.low:.2f} to {r50.high:.2f}. Check the pixel scale (`pixscale=`)."
            )
            return Reservation("size_unlikely", text, r50.percentile or 0.0)
        if concentration.is_unlikely:
            text = (
                f"The light is distributed with a concentration of {concentration.value:.2f}; the catalogue's galaxies "
                f"have {concentration.low:.2f} to {concentration.high:.2f}: no galaxy in the middle, or several."
            )
            return Reservation("size_unlikely", text, concentration.percentile or 0.0)
        return None

    def _of_core(self, core: Reading) -> Reservation | None:
        if not core.is_unlikely:
            return None
        text = (
            f"The core is {core.value:.2f} {core.unit} wide (FWHM), sharper than in {100 - (core.percentile or 0.0):.4g} % of the "
            f"catalogue's images: taken with a better seeing than the model knows, at another pixel scale, or a cosmic ray."
        )
        return Reservation("sharper_than_trained", text, core.percentile or 0.0)

    def _of_sky(self, sky: Reading, noise: Reading) -> Reservation | None:
        if sky.is_unlikely:
            unit = "counts" if self._is_display else "times its noise"
            text = (
                f"The level of the frame around the galaxy is {sky.value:.3g} {unit}; that of the catalogue's images lies "
                f"between {sky.low:.3g} and {sky.high:.3g}: the sky was left in, or something else is in the picture."
            )
            return Reservation("sky_unlikely", text, sky.percentile or 0.0)
        if noise.is_unlikely:
            unit = "counts" if self._is_display else "times the catalogue's"
            depth = "a deeper" if (noise.percentile or 0.0) < 50 else "a shallower"
            text = (
                f"The sky's noise is {noise.value:.3g} {unit}; that of the catalogue's images is {noise.low:.3g} to "
                f"{noise.high:.3g}: {depth} image, or a wrong pixel scale or zero point."
            )
            return Reservation("sky_unlikely", text, noise.percentile or 0.0)
        return None


def _log10(value: float) -> float:
    return log10(value) if value > 0 else nan
