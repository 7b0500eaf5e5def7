"""Hits that are as bright, as large or as far away as the query object."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

__all__ = ["MATCHED", "SIZES", "BadMatch", "Tolerance", "parse_match", "ranges_of"]

#: Columns that hold a galaxy's size, in the order in which they are looked for: half-light radii first.
SIZES = (
    "r50_arcsec",
    "petro_r50_arcsec",
    "petro_r50",
    "petror50_r",
    "petro_th50",
    "half_light_radius_arcsec",
    "half_light_radius_px",
    "shape_r",
    "flux_radius",
    "petro_theta",
)
#: Short names of a match, with the columns each may mean.
MATCHED = {"r": ("mag_r",), "z": ("z_spec",), "zphot": ("z_phot",), "size": SIZES}

# Redshifts are matched as dz = (z - z0)/(1 + z0), as STYLE's photo-z errors are.
_REDSHIFTS = ("z_spec", "z_phot")
_ONE = re.compile(r"([A-Za-z_][A-Za-z0-9_.]{0,63}):([0-9]{0,6}(?:\.[0-9]{1,9})?)(dex)?", re.ASCII)
_MOST = 8
# A factor of 10^30 is beyond all matching; 10^309 is beyond what numbers hold.
_MOST_DEX = 30


class BadMatch(ValueError):
    """A match that cannot be applied: its text, its columns, or the query object's own values."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far hits may be from the query object in one column.

    Attributes
    ----------
    column
        A short name of :data:`MATCHED`, or a column's own.
    value
        Positive; in the unit of the column, in dex with ``is_dex``, of redshifts in (z - z0)/(1 + z0).
    """

    column: str
    value: float
    is_dex: bool

    def resolve(self, names: Collection[str]) -> str:
        """Return which of a release's columns is meant.

        Raises
        ------
        BadMatch
            If it has none of them.
        """
        wanted = MATCHED.get(self.column, (self.column,))
        for name in wanted:
            if name in names:
                return name
        raise BadMatch(f"the release has no column {' or '.join(wanted)}, which {self.column!r} means")

    def around(self, column: str, own: float | None) -> tuple[float, float]:
        """Return between which values of a column hits may lie, ends included.

        Raises
        ------
        BadMatch
            If the query object has no value to match, or one that has no logarithm.
        """
        if own is None or own != own:  # noqa: PLR0124 - NaN
            raise BadMatch(f"the query object has no {column}, so nothing can be matched to it")
        if self.is_dex:
            if own <= 0:
                raise BadMatch(f"the query object's {column} is {own:g}, which has no logarithm: drop `dex`")
            return own / 10**self.value, own * 10**self.value
        reach = self.value * (1 + own) if column in _REDSHIFTS else self.value
        return own - reach, own + reach


def parse_match(text: str) -> tuple[Tolerance, ...]:
    """Read ``r:0.5,size:0.2dex,z:0.02``.

    Raises
    ------
    BadMatch
        If it is not that, or names a column twice.
    """
    found = []
    for part in text.split(","):
        match = _ONE.fullmatch(part.strip())
        if match is None or not match[2] or float(match[2]) <= 0:
            raise BadMatch(f"{part.strip()[:40]!r} is not `column:tolerance`, as in r:0.5,size:0.2dex,z:0.02")
        one = Tolerance(match[1], float(match[2]), match[3] is not None)
        if one.is_dex and one.value > _MOST_DEX:
            raise BadMatch(f"{one.value:g} dex is all there is; give at most {_MOST_DEX}")
        found.append(one)
    names = [one.column for one in found]
    if len(found) > _MOST or len(set(names)) < len(names):
        raise BadMatch(f"at most {_MOST} columns can be matched, each once")
    return tuple(found)


def ranges_of(
    tolerances: Collection[Tolerance], names: Collection[str], own: Callable[[str], float | None]
) -> dict[str, tuple[float, float]]:
    """Return the bounds that hits must keep, by column; where two name one column, both.

    Parameters
    ----------
    names
        The release's columns.
    own
        Gives the query object's value of a column.

    Raises
    ------
    BadMatch
        If a column is not there, or the query object has no value of it.
    """
    found: dict[str, tuple[float, float]] = {}
    for one in tolerances:
        column = one.resolve(names)
        low, high = one.around(column, own(column))
        before = found.get(column, (low, high))
        found[column] = max(low, before[0]), min(high, before[1])
    return found
