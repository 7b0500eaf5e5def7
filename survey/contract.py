"""What a model must be fed: the two halves from a cutout to the network's input."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from survey.bands import BandSet
from survey.cutout import Cutout, FluxArray, MaskArray
from survey.extinction import deredden
from survey.resample import resample

__all__ = ["Calibrated", "ContractViolation", "InputContract"]


class ContractViolation(ValueError):
    """A cutout that cannot be brought to what the model was trained on.

    Attributes
    ----------
    code
        Stable slug, for example ``fits.band_missing``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """The linear field between the contract's halves.

    Attributes
    ----------
    field
        De-reddened nanomaggy per model pixel (or 0..255 display counts), float32, shape (C, F, F);
        0 where unknown.
    known
        True where the field was observed, shape (C, F, F).
    flags
        Named reservations: ``partial_field``, ``uncalibrated``, ``no_ebv``, ``scale_assumed``, ``masked``.
    notes
        One sentence per conversion made.
    """

    field: FluxArray
    known: MaskArray
    flags: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InputContract:
    """What a model was trained on, with the code that brings a cutout there.

    Attributes
    ----------
    bands
        Bands in plane order.
    pixel_scale_arcsec
        Arcsec per model pixel; None for ``object-relative`` display images (any scale is taken as is).
    field_px
        F, side of the calibrated field.
    input_px
        S, side of the network input, cut from (or, with ``shrink``, averaged down from) the field.
    stretch
        ``asinh``: ``asinh(flux / softening_b)``; ``unit``: counts / 255.
    softening
        Nanomaggy per pixel at which asinh turns from linear to logarithmic, one per band; empty for ``unit``.
    shrink
        Whether ``finish`` averages the field down to S (F a multiple of S) rather than cropping it.
    min_coverage_px
        The central square (model pixels) that must be observed; less is refused.
    """

    bands: BandSet
    pixel_scale_arcsec: float | None
    field_px: int
    input_px: int
    stretch: Literal["asinh", "unit"]
    softening: tuple[float, ...] = ()
    shrink: bool = False
    min_coverage_px: int = 40

    def __post_init__(self) -> None:
        if self.stretch == "asinh" and len(self.softening) != len(self.bands):
            raise ValueError(f"{len(self.softening)} softenings for {len(self.bands)} bands")
        if not 0 < self.input_px <= self.field_px:
            raise ValueError(f"input of {self.input_px} px does not fit a field of {self.field_px} px")
        if self.shrink and self.field_px % self.input_px:
            raise ValueError(f"a field of {self.field_px} px cannot be averaged to {self.input_px} px")

    @property
    def is_display(self) -> bool:
        """Whether the model reads display images, without calibration, dust or photo-z."""
        return self.bands.is_display

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, as stored in a model card."""
        return {**asdict(self), "bands": list(self.bands.ids), "softening": list(self.softening)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> InputContract:
        """Rebuild a contract from :meth:`to_json`; unknown keys raise TypeError."""
        return cls(**{**data, "bands": BandSet.from_ids(data["bands"]), "softening": tuple(data["softening"])})

    def calibrate(self, cutout: Cutout) -> Calibrated:
        """Bring a cutout to the linear field: bands, pixel scale, dust (first half; NumPy).

        Parameters
        ----------
        cutout
            Any size; extra bands are dropped.

        Returns
        -------
        Calibrated
            Field of shape (C, F, F).

        Raises
        ------
        BandMismatch
            If a band is missing.
        ContractViolation
            If the central ``min_coverage_px`` are not covered, or hold no finite pixel.
        """
        cutout = cutout.select(self.bands)
        flags: list[str] = []
        notes: list[str] = []
        ratio = self._scale_ratio(cutout, flags, notes)
        good = cutout.good()
        flux = np.where(good, cutout.flux, np.float32(0))
        if self.is_display:
            field, known = _resample_display(flux, good, n_out=self.field_px, ratio=ratio)
        else:
            field, known = _resample_flux(flux, good, n_out=self.field_px, ratio=ratio)
            field = self._deredden(field, cutout, flags, notes)
            if not cutout.is_calibrated:
                flags.append("uncalibrated")
        self._check_coverage(known, flags)
        return Calibrated(field=field, known=known, flags=tuple(flags), notes=tuple(notes))

    def finish(self, field: NDArray[np.float32], xp: Any = np) -> Any:
        """Turn fields into network inputs: crop or shrink, then stretch (second half; array-API code).

        Parameters
        ----------
        field
            Shape (..., C, F, F).
        xp
            The array namespace, NumPy by default; torch gives the same numbers to 1e-6.

        Returns
        -------
        array
            Shape (..., C, S, S), float32.
        """
        s = self.input_px
        if self.shrink:
            block = self.field_px // s
            lead = tuple(field.shape[:-2])
            field = xp.mean(xp.reshape(field, (*lead, s, block, s, block)), axis=(-3, -1))
        else:
            start = (self.field_px - s) // 2
            field = field[..., start : start + s, start : start + s]
        if self.stretch == "unit":
            return field / 255.0
        softening = xp.asarray(self.softening, dtype=field.dtype)
        return xp.asinh(field / xp.reshape(softening, (-1, 1, 1)))

    def _scale_ratio(self, cutout: Cutout, flags: list[str], notes: list[str]) -> float:
        height, width = cutout.shape
        if self.pixel_scale_arcsec is None or (self.is_display and cutout.pixel_scale_arcsec is None):
            # An image without a scale is taken to show the same field as the training images.
            if cutout.pixel_scale_arcsec is None and self.pixel_scale_arcsec is not None:
                flags.append("scale_assumed")
                notes.append("No pixel scale known: the whole image is taken as the model's field.")
            return min(height, width) / self.field_px
        if cutout.pixel_scale_arcsec is None:
            raise ContractViolation("fits.no_wcs", "No celestial WCS. Give `pixscale=` in arcsec.")
        ratio = self.pixel_scale_arcsec / cutout.pixel_scale_arcsec
        if not 0.1 <= ratio <= 50:
            raise ContractViolation(
                "fits.scale",
                f"Image is {cutout.pixel_scale_arcsec:.3g} arcsec/px; the model was trained at "
                f"{self.pixel_scale_arcsec:.3g} arcsec/px. Rebin it to within a factor of 10.",
            )
        if abs(ratio - 1) < 0.005:
            # Half a per cent over the field is a fifth of a pixel: not worth an interpolation.
            return 1.0
        notes.append(f"Resampled from {cutout.pixel_scale_arcsec:.3f} to {self.pixel_scale_arcsec:.3f} arcsec/px.")
        return ratio

    def _deredden(self, field: FluxArray, cutout: Cutout, flags: list[str], notes: list[str]) -> FluxArray:
        if cutout.ebv is None:
            flags.append("no_ebv")
            notes.append("E(B-V) unknown: fluxes are not corrected for Galactic dust.")
            return field
        notes.append(f"De-reddened with E(B-V) = {cutout.ebv:.3f} mag (SFD98).")
        return deredden(field, cutout.ebv, self.bands)

    def _check_coverage(self, known: MaskArray, flags: list[str]) -> None:
        f, core = self.field_px, min(self.min_coverage_px, self.input_px if not self.shrink else self.field_px)
        start = (f - core) // 2
        centre = known[:, start : start + core, start : start + core]
        share = float(centre.mean()) if centre.size else 0.0
        if not known.any() or share == 0:
            raise ContractViolation("fits.masked", "No usable pixel near the target: all are masked, NaN or outside.")
        edge = np.concatenate([centre[:, 0, :], centre[:, -1, :], centre[:, :, 0], centre[:, :, -1]], axis=1)
        if not edge.any(axis=1).all():
            raise ContractViolation(
                "fits.too_small",
                f"The field does not cover the central {core} model pixels. Send a larger cutout around the target.",
            )
        if share < 0.75:
            raise ContractViolation(
                "fits.masked", f"{100 * (1 - share):.0f} % of the central {core} px are masked or NaN (limit 25 %)."
            )
        if share < 1:
            flags.append("masked")
        crop = (f - self.input_px) // 2 if not self.shrink else 0
        if not known[:, crop : f - crop, crop : f - crop].all():
            flags.append("partial_field")


def _resample_flux(flux: FluxArray, good: MaskArray, *, n_out: int, ratio: float) -> tuple[FluxArray, MaskArray]:
    """Flux per pixel: sums over output pixels, scaled up where part of an output pixel is unknown."""
    height, width = flux.shape[1:]
    if ratio == 1.0 and (height - n_out) % 2 == 0 and (width - n_out) % 2 == 0:
        return _crop_or_pad(flux, n_out, np.float32(0)), _crop_or_pad(good, n_out, np.bool_(False))
    total = resample(flux, n_out=n_out, scale_ratio=ratio)
    weight = resample(good.astype(np.float32), n_out=n_out, scale_ratio=ratio) / np.float32(ratio**2)
    known = weight > 0.5
    return np.where(known, total / np.maximum(weight, 0.5), 0).astype(np.float32), known


def _resample_display(counts: FluxArray, good: MaskArray, *, n_out: int, ratio: float) -> tuple[FluxArray, MaskArray]:
    """Display counts are a surface brightness: means over output pixels."""
    field, known = _resample_flux(counts, good, n_out=n_out, ratio=ratio)
    return (field / np.float32(ratio**2) if ratio != 1.0 else field), known


def _crop_or_pad(planes: NDArray[Any], n_out: int, fill: Any) -> NDArray[Any]:
    """Cut or surround planes about their middle; exact, no interpolation."""
    height, width = planes.shape[1:]
    out = np.full((planes.shape[0], n_out, n_out), fill, dtype=planes.dtype)
    y_out, y_in, n_y = _overlap(height, n_out)
    x_out, x_in, n_x = _overlap(width, n_out)
    out[:, y_out : y_out + n_y, x_out : x_out + n_x] = planes[:, y_in : y_in + n_y, x_in : x_in + n_x]
    return out


def _overlap(n_in: int, n_out: int) -> tuple[int, int, int]:
    """Start in the output, start in the input, length of the common middle."""
    return max(0, (n_out - n_in) // 2), max(0, (n_in - n_out) // 2), min(n_in, n_out)
