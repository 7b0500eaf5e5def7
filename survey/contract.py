"""What a model must be fed: the two halves from a cutout to the network's input."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from survey.bands import BandSet
from survey.centring import rest, start
from survey.coverage import ContractViolation, check_coverage
from survey.cutout import Cutout, FluxArray, MaskArray
from survey.deredden import correct_dust
from survey.resample import fill_holes, middle_shift, regrid

__all__ = ["Calibrated", "ContractViolation", "InputContract"]

# No pixel of the sky is brighter than magnitude -7.5 (1e12 nanomaggy): such a value is a wrong zero point or a
# filler, and would overflow the network.
_ABSURD_FLUX = 1e12


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """The linear field between the contract's halves.

    Attributes
    ----------
    field
        De-reddened nanomaggy per model pixel (or 0..255 display counts), float32, shape (C, F, F);
        small masked holes are filled from around them, all else that is unknown is 0.
    known
        True where the field was observed, shape (C, F, F).
    flags
        Named reservations: ``partial_field`` (the image is smaller than the network's input), ``masked``
        (pixels near the target are unknown), ``band_missing`` (a band has no data at all and counts as zero),
        ``uncalibrated``, ``no_ebv`` (unknown, or above 2 mag), ``ebv_sfd_lowres`` (dust from the coarse map),
        ``high_extinction`` (E(B-V) above 0.5 mag), ``scale_assumed``, ``upsampled`` (pixels more than twice the model's).
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
        Side of the central square, in field pixels, that the image must cover; less is refused. Half the
        side of what the network sees is asked for in any case.
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
        if not self.shrink and (self.field_px - self.input_px) % 2:
            raise ValueError(
                f"an input of {self.input_px} px has no middle in a field of {self.field_px} px; both even or both odd"
            )
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
        return cls(
            **{**data, "bands": BandSet.from_ids(data["bands"]), "softening": tuple(data["softening"])}
        )

    def calibrate(self, cutout: Cutout) -> Calibrated:
        """Bring a cutout to the linear field: bands, pixel scale, dust (first half; NumPy).

        Where E(B-V) is unknown and the position known, it is read from the low-resolution SFD map, for
        catalogues and queries alike.

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
            If the cutout has not all bands. A band that is there without a usable pixel is no error: it
            counts as zero flux and sets the flag ``band_missing``.
        ContractViolation
            ``fits.no_wcs``, ``fits.scale``: no usable pixel scale. ``fits.too_small``: the centre is not
            covered. ``fits.masked``: more than a quarter of it is unknown. ``fits.blank``: no contrast.
        """
        cutout = cutout.select(self.bands)
        flags: list[str] = []
        notes: list[str] = []
        ratio = self._scale_ratio(cutout, flags, notes)
        good = cutout.good() & (np.abs(cutout.flux) < _ABSURD_FLUX)
        filled, usable = fill_holes(cutout.flux, good)
        field, known, covered = regrid(
            filled,
            usable,
            good,
            n_out=self.field_px,
            ratio=ratio,
            offset_px=cutout.offset_px,
            is_kept=self.is_display,
        )
        if ratio == 1.0:
            _tell_shift(cutout, self.field_px, notes)
        span = self.field_px if self.shrink else self.input_px
        core = min(span, max(self.min_coverage_px, span // 2))
        flags += check_coverage(field, known, covered, bands=self.bands, core=core, span=span)
        if self.is_display:
            # Display counts are a surface brightness: means over output pixels, not sums.
            field = field / np.float32(ratio**2)
        else:
            field = correct_dust(field, cutout, self.bands, flags, notes)
            if not cutout.is_calibrated:
                flags.append("uncalibrated")
        return Calibrated(field=field, known=known, flags=tuple(flags), notes=tuple(notes))

    def finish(self, field: Any, xp: Any = np) -> Any:
        """Turn fields into network inputs: crop or shrink, then stretch (second half; array-API code).

        Parameters
        ----------
        field
            Shape (..., C, F, F), an array of ``xp``.
        xp
            The array namespace, NumPy by default; any other gives the same numbers to 1e-6.

        Returns
        -------
        array
            Shape (..., C, S, S), same dtype and device.
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
        softening = xp.asarray(self.softening, dtype=field.dtype, device=field.device)
        return xp.asinh(field / xp.reshape(softening, (-1, 1, 1)))

    def _scale_ratio(self, cutout: Cutout, flags: list[str], notes: list[str]) -> float:
        height, width = cutout.shape
        if self.pixel_scale_arcsec is None or (self.is_display and cutout.pixel_scale_arcsec is None):
            # An image without a scale is taken to show the same field as the training images.
            if cutout.pixel_scale_arcsec is None and self.pixel_scale_arcsec is not None:
                flags.append("scale_assumed")
                notes.append("No pixel scale known: the whole image is taken as the model's field.")
            ratio = min(height, width) / self.field_px
            if ratio < 0.25:
                raise ContractViolation(
                    "fits.too_small",
                    f"The image is {width} × {height} px; the model looks at {self.field_px} px, a quarter of it at "
                    "least must be there. Send a larger image.",
                )
            return ratio
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
        if ratio < 0.5:
            flags.append("upsampled")
        notes.append(
            f"Resampled from {cutout.pixel_scale_arcsec:.3f} to {self.pixel_scale_arcsec:.3f} arcsec/px."
        )
        return ratio


def _tell_shift(cutout: Cutout, field_px: int, notes: list[str]) -> None:
    if cutout.bands.is_display:
        if any(middle_shift(n, field_px) for n in cutout.shape):
            notes.append(
                "Pixels kept as they are; the middle of the image lies half a pixel off the field's."
            )
        return
    y, x = rest(start(cutout.shape, field_px, cutout.offset_px))
    if y or x:
        notes.append(
            f"Shifted by a fraction of a pixel ({-x:+.2f}, {-y:+.2f}) by splines, flux conserved: the target "
            "lies in the middle."
        )
