"""Photometric bands, their order, their dust coefficients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from survey.hubble import ACS, WFC3

__all__ = ["BANDS", "BAND_SETS", "Band", "BandMismatch", "BandSet", "UnknownBand"]


class UnknownBand(ValueError):
    """A band name that no known instrument has."""


class BandMismatch(ValueError):
    """An array or a file has not the bands that were asked for."""


@dataclass(frozen=True, slots=True)
class Band:
    """One photometric filter.

    Attributes
    ----------
    system
        Instrument or survey, lower case: ``sdss``, ``decam``, ``hsc`` …
    name
        The filter's own name, case kept: ``g``, ``Ks``.
    pivot_nm
        Pivot wavelength in nanometres, 0 for display channels.
    extinction
        A_b / E(B-V) on the *unscaled* SFD98 map for R_V = 3.1 (the 14 % recalibration of
        Schlafly & Finkbeiner 2011 is inside the number); 0 for display channels.
    """

    system: str
    name: str
    pivot_nm: float
    extinction: float

    @property
    def id(self) -> str:
        """Unique name, ``system:name``."""
        return f"{self.system}:{self.name}"


def _system(system: str, *rows: tuple[str, float, float]) -> tuple[Band, ...]:
    return tuple(Band(system, name, pivot, extinction) for name, pivot, extinction in rows)


# A_b/E(B-V) on unscaled SFD98, R_V = 3.1:
# SDSS, PS1, DES, LSST: Schlafly & Finkbeiner 2011, ApJ 737, 103, table 6.
# Legacy (DECam): legacysurvey.org/dr10/catalogs, "Galactic Extinction Coefficients" (Schlafly's own numbers
#   for airmass 1.3, slightly other than the table's DES rows).
# HSC: the configuration of the LSST Science Pipelines for HSC (package obs_subaru, "numbers provided by
#   Masayuki Tanaka"); no paper is named there.
# KiDS: not in the table; OmegaCAM has Sloan-like filters and is given the SDSS rows.
# VISTA: not in the table; interpolated in log A against log wavelength between its near-infrared rows (PS1,
#   SDSS z, WFC3, UKIRT); tests/unit/test_extinction.py repeats it.
# Pivot wavelengths in nm, from the filter curves, good to one per cent.
BANDS: dict[str, Band] = {
    band.id: band
    for band in (
        *_system(
            "sdss",
            ("u", 356, 4.239),
            ("g", 470, 3.303),
            ("r", 618, 2.285),
            ("i", 750, 1.698),
            ("z", 896, 1.263),
        ),
        *_system("legacy", ("g", 481, 3.214), ("r", 642, 2.165), ("i", 782, 1.592), ("z", 917, 1.211)),
        *_system(
            "des",
            ("g", 481, 3.237),
            ("r", 642, 2.176),
            ("i", 782, 1.595),
            ("z", 917, 1.217),
            ("Y", 989, 1.058),
        ),
        *_system(
            "ps1",
            ("g", 485, 3.172),
            ("r", 620, 2.271),
            ("i", 754, 1.682),
            ("z", 868, 1.322),
            ("y", 963, 1.087),
        ),
        *_system(
            "hsc",
            ("g", 479, 3.240),
            ("r", 621, 2.276),
            ("i", 769, 1.633),
            ("z", 890, 1.263),
            ("y", 977, 1.075),
        ),
        *_system(
            "lsst",
            ("u", 369, 4.145),
            ("g", 480, 3.237),
            ("r", 622, 2.273),
            ("i", 757, 1.684),
            ("z", 868, 1.323),
            ("y", 973, 1.088),
        ),
        *_system("kids", ("u", 356, 4.239), ("g", 480, 3.303), ("r", 625, 2.285), ("i", 770, 1.698)),
        *_system(
            "viking",
            ("Z", 878, 1.295),
            ("Y", 1021, 1.004),
            ("J", 1254, 0.704),
            ("H", 1646, 0.455),
            ("Ks", 2149, 0.310),
        ),
        *_system("acs", *ACS),
        *_system("wfc3", *WFC3),
        *_system("display", ("R", 0, 0.0), ("G", 0, 0.0), ("B", 0, 0.0)),
    )
}


@dataclass(frozen=True, slots=True)
class BandSet:
    """An ordered set of bands; its order is the order of the planes.

    Raises
    ------
    UnknownBand
        If it is empty or names a band twice.
    """

    bands: tuple[Band, ...]
    _ids: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Asked for several times for every cutout.
        object.__setattr__(self, "_ids", tuple(band.id for band in self.bands))
        if not self.bands:
            raise UnknownBand("a band set needs at least one band")
        if len(set(self.ids)) != len(self.bands):
            raise UnknownBand(f"band named twice in {self.ids}")

    def __iter__(self) -> Iterator[Band]:
        return iter(self.bands)

    def __len__(self) -> int:
        return len(self.bands)

    @property
    def ids(self) -> tuple[str, ...]:
        """``system:name`` of each band, in order."""
        return self._ids

    @property
    def names(self) -> tuple[str, ...]:
        """Filter names in order, without the system."""
        return tuple(band.name for band in self.bands)

    @property
    def is_display(self) -> bool:
        """Whether these are display channels (JPEG/PNG), not calibrated flux."""
        return all(band.system == "display" for band in self.bands)

    @property
    def extinction(self) -> tuple[float, ...]:
        """A_b / E(B-V) of each band, in order."""
        return tuple(band.extinction for band in self.bands)

    def index(self, name: str) -> int:
        """Return the plane of a band given by name or id.

        Raises
        ------
        UnknownBand
            If the set has no such band, or the name belongs to bands of two systems.
        """
        planes = [plane for plane, band in enumerate(self.bands) if name in (band.name, band.id)]
        if len(planes) != 1:
            raise UnknownBand(f"{'two bands' if planes else 'no band'} {name!r} in {','.join(self.ids)}")
        return planes[0]

    @classmethod
    def from_ids(cls, ids: tuple[str, ...] | list[str]) -> BandSet:
        """Build a set from ``system:name`` ids.

        Raises
        ------
        UnknownBand
            If an id is not in the table of known bands.
        """
        unknown = [i for i in ids if i not in BANDS]
        if unknown:
            raise UnknownBand(f"unknown band {unknown[0]!r}; known: {', '.join(sorted(BANDS))}")
        return cls(tuple(BANDS[i] for i in ids))

    @classmethod
    def parse(cls, text: str) -> BandSet:
        """Read a set from text: a known set (``sdss-ugriz``), ids (``sdss:g,sdss:r``), or letters (``grz``).

        Letters without a system mean the first known set whose bands have these names in any order;
        the order of the text is kept.

        Raises
        ------
        UnknownBand
            If nothing known fits.
        """
        text = text.strip()
        if text in BAND_SETS:
            return BAND_SETS[text]
        parts = (
            [part.strip() for part in text.split(",")]
            if "," in text
            else [text]
            if ":" in text
            else _letters(text)
        )
        if all(":" in part for part in parts):
            return cls.from_ids(parts)
        for known in BAND_SETS.values():
            if set(parts) <= set(known.names):
                return cls(tuple(known.bands[known.index(part)] for part in parts))
        raise UnknownBand(
            f"cannot read bands from {text!r}; say a set ({', '.join(BAND_SETS)}) or ids like sdss:g,sdss:r"
        )


def _letters(text: str) -> list[str]:
    """Split ``ugriZYJHKs`` into band names: a lower-case s belongs to the K before it."""
    parts: list[str] = []
    for letter in text:
        if letter == "s" and parts and parts[-1] == "K":
            parts[-1] = "Ks"
        else:
            parts.append(letter)
    return parts


def _known(system: str, names: str) -> BandSet:
    return BandSet(tuple(BANDS[f"{system}:{name}"] for name in names))


BAND_SETS: dict[str, BandSet] = {
    "sdss-ugriz": _known("sdss", "ugriz"),
    "legacy-grz": _known("legacy", "grz"),
    "legacy-griz": _known("legacy", "griz"),
    "hsc-grizy": _known("hsc", "grizy"),
    "des-grizY": _known("des", "grizY"),
    "ps1-grizy": _known("ps1", "grizy"),
    "lsst-ugrizy": _known("lsst", "ugrizy"),
    "kids-viking": BandSet(
        (*_known("kids", "ugri").bands, *(BANDS[f"viking:{n}"] for n in ("Z", "Y", "J", "H", "Ks")))
    ),
    "display-rgb": _known("display", "RGB"),
}
