"""The calibrated multi-band image around one sky position."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from survey.bands import BandMismatch, BandSet

__all__ = ["UNCALIBRATED", "Cutout", "FluxArray", "MaskArray"]

FluxArray = NDArray[np.float32]
MaskArray = NDArray[np.bool_]

#: Under which ``provenance`` names the bands of unknown unit, by id with commas between.
UNCALIBRATED = "uncalibrated"


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """A calibrated multi-band image around one sky position.

    The target lies at pixel ``((H - 1) / 2, (W - 1) / 2)`` plus ``offset_px``. Rows of flux run from the bottom up,
    as in FITS; those of display bands from the top down, as in pictures.

    Attributes
    ----------
    flux
        Linear flux, nanomaggy per pixel, float32, shape (C, H, W), *not* corrected for Galactic
        extinction; for display bands 0..255 counts.
    bands
        The planes, in order.
    ivar
        Inverse variance, nanomaggy^-2, shape (C, H, W), or None if unknown.
    mask
        True where a pixel is unusable, shape (C, H, W), or None if every pixel is good.
    ra_deg, dec_deg
        ICRS position of the target, or None.
    pixel_scale_arcsec
        Arcsec per pixel, or None when it is unknown (size-normalised display images).
    ebv
        E(B-V) in magnitudes on the unscaled SFD98 map, or None if unknown.
    is_calibrated
        Whether ``flux`` is in nanomaggies in all bands; False leaves similarity possible, photo-z not.
    provenance
        Where it came from, as short texts.
    offset_px
        (y, x) of the target from the middle of the pixels, at most 1 each: what is left where pixels were cut
        whole, and (0, 0) where they were made around the target, or in pictures.

    Raises
    ------
    BandMismatch
        If the planes do not fit the bands.
    ValueError
        If shapes disagree, the pixel scale is not positive, or the offset is more than a pixel.
    """

    flux: FluxArray
    bands: BandSet
    ivar: FluxArray | None = None
    mask: MaskArray | None = None
    ra_deg: float | None = None
    dec_deg: float | None = None
    pixel_scale_arcsec: float | None = None
    ebv: float | None = None
    is_calibrated: bool = True
    provenance: Mapping[str, str] = field(default_factory=dict)
    offset_px: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if self.flux.ndim != 3:
            raise ValueError(f"flux has shape {self.flux.shape}; it must be (C, H, W)")
        if self.flux.shape[0] != len(self.bands):
            raise BandMismatch(
                f"{self.flux.shape[0]} planes for {len(self.bands)} bands ({','.join(self.bands.names)})"
            )
        for name, plane in (("ivar", self.ivar), ("mask", self.mask)):
            if plane is not None and plane.shape != self.flux.shape:
                raise ValueError(f"{name} has shape {plane.shape}, flux {self.flux.shape}")
        if self.pixel_scale_arcsec is not None and not self.pixel_scale_arcsec > 0:
            raise ValueError(f"pixel scale {self.pixel_scale_arcsec} arcsec is not positive")
        if not all(abs(offset) <= 1 for offset in self.offset_px):
            raise ValueError(f"target {self.offset_px} px from the middle; a pixel is the limit")

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return int(self.flux.shape[1]), int(self.flux.shape[2])

    def good(self) -> MaskArray:
        """Return where a pixel can be used: finite, not masked, ivar (if known) positive; shape (C, H, W)."""
        good = np.isfinite(self.flux)
        if self.mask is not None:
            good &= ~self.mask
        if self.ivar is not None:
            good &= self.ivar > 0
        return good

    def select(self, bands: BandSet) -> Cutout:
        """Return the cutout with only these bands, in this order.

        Raises
        ------
        BandMismatch
            If one of them is not here; the message names the missing ones.
        """
        if bands == self.bands:
            return self
        missing = [band.id for band in bands if band.id not in self.bands.ids]
        if missing:
            raise BandMismatch(
                f"bands {', '.join(missing)} are missing; the cutout has {', '.join(self.bands.ids)}"
            )
        planes = [self.bands.ids.index(i) for i in bands.ids]
        return replace(
            self,
            flux=self.flux[planes],
            bands=bands,
            ivar=None if self.ivar is None else self.ivar[planes],
            mask=None if self.mask is None else self.mask[planes],
            is_calibrated=self.is_calibrated_in(bands),
        )

    def is_calibrated_in(self, bands: BandSet) -> bool:
        """Whether these bands are in nanomaggies, though others may not be."""
        unknown = self.provenance.get(UNCALIBRATED)
        return self.is_calibrated or (unknown is not None and set(unknown.split(",")).isdisjoint(bands.ids))
