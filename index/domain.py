"""What the galaxies of a catalogue look like, so that an image unlike them is noticed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import nan, pi, sqrt
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from index.filling import expected_magnitudes, filled_plane, shape_plane
from index.judging import Judge
from index.reservations import Reading, Reservation
from survey.bands import BandSet, UnknownBand
from survey.manifests import CorruptFolder
from survey.measures import APERTURE_PX, Measures, measure
from survey.photometry import asinh_mag_to_flux, flux_to_asinh_mag

__all__ = ["DOMAIN", "Domain"]

#: The file of a release; older releases have none.
DOMAIN = "domain.npz"
MIN_GALAXIES = 30
_FORMAT = 1
_PER_BAND = ("flux", "sky", "noise")
_SCALARS = ("r50_px", "concentration", "core_fwhm_px", "snr")
# The asinh magnitude's best softening is 1.042 times the noise of the flux (Lupton, Gunn & Szalay 1999, eq. 9).
_SOFTENING_OF_NOISE = 1.042


@dataclass(frozen=True, eq=False)
class Domain:
    """Measurements of a sample of the catalogue, as they were taken.

    Limits are derived when a release is opened, not when it is built: a better rule needs no new release.

    Attributes
    ----------
    bands, pixel_scale_arcsec
        Of the fields that were measured.
    flux, sky, noise
        Shape (N, C), see :class:`survey.measures.Measures`; every band of every galaxy is there.
    scalars
        ``r50_px``, ``concentration``, ``core_fwhm_px``, ``snr``, shape (N,); NaN where one could not be measured.
    """

    bands: BandSet
    pixel_scale_arcsec: float | None
    flux: NDArray[np.float64]
    sky: NDArray[np.float64]
    noise: NDArray[np.float64]
    scalars: dict[str, NDArray[np.float64]]

    @classmethod
    def fitted(cls, sample: Sequence[Measures]) -> Domain | None:
        """Describe a sample of one contract's fields; None if fewer than 30 have all their bands."""
        whole = [one for one in sample if one.present.all()]
        if len(whole) < MIN_GALAXIES:
            return None
        arrays = {name: np.array([getattr(one, name) for one in whole]) for name in (*_PER_BAND, *_SCALARS)}
        # As they will be read back, so that a built release and an opened one judge alike.
        stored = {name: values.astype(np.float32).astype(np.float64) for name, values in arrays.items()}
        return cls(
            bands=whole[0].bands,
            pixel_scale_arcsec=whole[0].pixel_scale_arcsec,
            **{name: stored[name] for name in _PER_BAND},
            scalars={name: stored[name] for name in _SCALARS},
        )

    def save(self, path: Path) -> None:
        """Write the sample as ``.npz`` of float32 arrays."""
        scale = nan if self.pixel_scale_arcsec is None else self.pixel_scale_arcsec
        arrays: dict[str, Any] = {
            "format": np.array(_FORMAT),
            "bands": np.array(self.bands.ids),
            "pixel_scale_arcsec": np.array(scale),
            **{name: getattr(self, name).astype(np.float32) for name in _PER_BAND},
            **{name: values.astype(np.float32) for name, values in self.scalars.items()},
        }
        np.savez(path, **arrays)

    @classmethod
    def open(cls, path: Path) -> Domain:
        """Read what :meth:`save` wrote.

        Raises
        ------
        CorruptFolder
            If the file cannot be read, its arrays do not fit each other, or a later version wrote it.
        """
        try:
            # Opened here: np.load leaves a file open that turns out to be no archive.
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
                form = int(stored["format"])
                bands = BandSet.from_ids([str(name) for name in stored["bands"]])
                scale = float(stored["pixel_scale_arcsec"])
                arrays = {
                    name: np.asarray(stored[name], dtype=np.float64) for name in (*_PER_BAND, *_SCALARS)
                }
        except (OSError, ValueError, KeyError, TypeError, UnknownBand, BadZipFile) as error:
            raise CorruptFolder(f"{path.name} cannot be read; build the release again") from error
        n = len(arrays["flux"])
        shapes = {name: (n, len(bands)) if name in _PER_BAND else (n,) for name in arrays}
        if form != _FORMAT or n < MIN_GALAXIES or any(arrays[name].shape != shapes[name] for name in arrays):
            raise CorruptFolder(f"{path.name} does not fit this version; build the release again")
        if not np.isfinite(arrays["flux"]).all():
            raise CorruptFolder(f"{path.name} holds galaxies without a flux; build the release again")
        return cls(
            bands=bands,
            pixel_scale_arcsec=None if np.isnan(scale) else scale,
            **{name: arrays[name] for name in _PER_BAND},
            scalars={name: arrays[name] for name in _SCALARS},
        )

    @property
    def n(self) -> int:
        """Galaxies measured."""
        return len(self.flux)

    @cached_property
    def typical_noise(self) -> NDArray[np.float64]:
        """Median noise of a pixel in each band, shape (C,); 0 where no frame was known."""
        known = np.isfinite(self.noise).any(axis=0)
        noise = np.where(known, self.noise, 0.0)
        return np.asarray(np.nanmedian(noise, axis=0))

    @cached_property
    def softening(self) -> NDArray[np.float64]:
        """Softening of the magnitudes that are compared, nanomaggy (or counts), shape (C,)."""
        # Images without noise have magnitudes too.
        floor = np.maximum(1e-3 * np.median(np.abs(self.flux), axis=0), 1e-9)
        if self.bands.is_display:
            return np.maximum(floor, 1.0)
        return np.maximum(floor, _SOFTENING_OF_NOISE * self.typical_noise * sqrt(pi) * APERTURE_PX)

    @cached_property
    def magnitudes(self) -> NDArray[np.float64]:
        """Of the sample, shape (N, C)."""
        return flux_to_asinh_mag(self.flux, 1e-9 * self.softening)

    @cached_property
    def _usual(self) -> NDArray[np.float64]:
        """Magnitudes of those whose colours are not freakish: what a missing band is made up from."""
        judge = self._judge(np.ones(len(self.bands), dtype=np.bool_))
        distance = judge.colours.distance(self.magnitudes) if judge.colours is not None else np.zeros(self.n)
        return self.magnitudes[distance <= (judge.colours.limit if judge.colours is not None else 0.0)]

    @cached_property
    def _judges(self) -> dict[bytes, Judge]:
        return {}

    def _judge(self, present: NDArray[np.bool_]) -> Judge:
        """Return the scales of a set of bands; at most 2^C, each some milliseconds to make."""
        key = present.tobytes()
        if key not in self._judges:
            self._judges[key] = Judge(
                names=[name for name, there in zip(self.bands.names, present.tolist(), strict=True) if there],
                is_display=self.bands.is_display,
                pixel_scale_arcsec=self.pixel_scale_arcsec,
                magnitudes=self.magnitudes[:, present],
                sky=self.sky[:, present],
                noise=self.noise[:, present],
                scalars=self.scalars,
            )
        return self._judges[key]

    def warm(self) -> None:
        """Make what the first check and the first filling would make."""
        assert len(self._usual)

    def measure(self, field: NDArray[np.floating], known: NDArray[np.bool_]) -> Measures:
        """Measure a field of the same contract."""
        return measure(field, known, self.bands, self.pixel_scale_arcsec)

    def readings(self, measures: Measures) -> list[Reading]:
        """Set every measurement beside the catalogue's; empty if no band has a flux."""
        if not measures.present.any():
            return []
        return self._judge(measures.present).readings(measures, self.softening)

    def check(self, measures: Measures) -> list[Reservation]:
        """Name the ways in which an image is unlike the catalogue's galaxies; bands that are missing are left out."""
        if not measures.present.any():
            return []
        return self._judge(measures.present).reservations(measures, self.softening)

    def names_of_each(self, many: Sequence[Measures]) -> list[list[str]]:
        """Name the reservations about each of many images, the same as :meth:`check` does one by one.

        An image in which nothing is unusual, as most, costs a tenth of a check.
        """
        whole = [n for n, one in enumerate(many) if one.present.all()]
        usual = np.zeros(len(many), dtype=np.bool_)
        if whole:
            judge = self._judge(np.ones(len(self.bands), dtype=np.bool_))
            usual[whole] = judge.are_plainly_usual([many[n] for n in whole], self.softening)
        return [
            [] if plain else [found.name for found in self.check(one)]
            for one, plain in zip(many, usual.tolist(), strict=True)
        ]

    def fill(
        self,
        measures: Measures,
        field: NDArray[np.float32],
        known: NDArray[np.bool_],
    ) -> tuple[NDArray[np.float32], dict[str, str]]:
        """Make up the bands that have no flux from those that have one.

        The aperture magnitude is what catalogue galaxies of like magnitudes have
        (:func:`index.filling.expected_magnitudes`); the shape is that of the nearest band that is quiet enough, with
        noise added up to what the band has in the catalogue.

        Parameters
        ----------
        field, known
            As calibrated, shape (C, F, F).

        Returns
        -------
        field
            A new array; the bands that were sent are untouched.
        lenders
            Name of each band made up to the name of the band that lent its shape; empty if nothing was missing, or
            nothing was there.
        """
        present = measures.present
        if present.all() or not present.any():
            return field, {}
        filled = field.copy()
        magnitudes = expected_magnitudes(self._usual, measures.magnitudes(self.softening))
        target = asinh_mag_to_flux(magnitudes, 1e-9 * self.softening)
        noise = np.where(np.isfinite(measures.noise), measures.noise, self.typical_noise)
        lenders = {}
        for plane in np.flatnonzero(~present).tolist():
            typical = float(self.typical_noise[plane])
            lender = shape_plane(
                plane,
                flux=measures.flux,
                target=float(target[plane]),
                noise=noise,
                typical_noise=typical,
                pivots_nm=[band.pivot_nm for band in self.bands],
            )
            filled[plane] = filled_plane(
                field[lender],
                known[lender],
                flux=float(measures.flux[lender]),
                target=float(target[plane]),
                noise=float(noise[lender]),
                typical_noise=typical,
                plane=plane,
            )
            lenders[self.bands.names[plane]] = self.bands.names[lender]
        return filled, lenders
