"""Multi-order coverage maps, which say any part of the sky in HEALPix cells."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import orjson
from numpy.typing import NDArray

from index.regions import BadRegion
from index.sky_rows import SkyRows
from survey.sphere import HPX_ORDER

__all__ = ["MAX_MOC_RANGES", "MAX_MOC_TEXT", "MOC"]

#: Characters of a map, and cells or ranges of cells in it.
MAX_MOC_TEXT = 500_000
MAX_MOC_RANGES = 50_000
_ELEMENT = re.compile(r"(\d{1,19})(?:-(\d{1,19}))?")
_ORDER = re.compile(r"s?(\d{1,2})/")


@dataclass(frozen=True, slots=True)
class MOC:
    """A part of the sky as ranges of cells of order 29, ascending, disjoint and not adjacent.

    Attributes
    ----------
    ranges
        First cell, and the one after the last.

    References
    ----------
    IVOA Recommendation "MOC: HEALPix Multi-Order Coverage map" 2.0 (2022), sections 4.1 and 4.3.2.
    """

    ranges: tuple[tuple[int, int], ...]
    name = "moc"

    @classmethod
    def parse(cls, text: str) -> MOC:
        """Read a map in ASCII (``3/0-2 7 5/770``) or JSON (``{"3": [0, 1, 2, 7], "5": [770]}``).

        Overlapping elements are joined. mocpy 0.21 reads neither strictly (it takes ``30/0`` for more than the sky, and
        drops the cell 1.5 without a word), so this is our own.

        Raises
        ------
        BadRegion
            If the text is too long, is no map, or names a cell that is not on the sky; or the map is empty.
        """
        if len(text) > MAX_MOC_TEXT:
            raise BadRegion(
                f"A MOC of {len(text)} characters; at most {MAX_MOC_TEXT} are read. Degrade it to a lower order."
            )
        elements = _json(text) if text.lstrip().startswith("{") else _ascii(text)
        if len(elements) > MAX_MOC_RANGES:
            raise BadRegion(
                f"A MOC of {len(elements)} cells and ranges; at most {MAX_MOC_RANGES} are read. Degrade it to a lower order."
            )
        if not elements:
            raise BadRegion("The MOC holds no cell; leave it out, or name cells: 3/0-2 7.")
        return cls(_merged([_order29(*element) for element in elements]))

    def to_json(self) -> str:
        """Return it in ASCII: ranges of the lowest order that all of them have bounds in."""
        bounds = np.array(self.ranges, dtype=np.int64)
        order = HPX_ORDER
        while order and not (bounds % 4).any():
            bounds, order = bounds // 4, order - 1
        pairs = bounds - [0, 1]
        return f"{order}/" + " ".join(f"{a}-{b}" if a < b else f"{a}" for a, b in pairs.tolist())

    def mask(self, sky: SkyRows) -> NDArray[np.bool_]:
        """Look cells up; see :class:`index.regions.Region`."""
        return sky.covered(np.array(self.ranges, dtype=np.int64))


Element = tuple[int, int, int]


def _ascii(text: str) -> list[Element]:
    elements: list[Element] = []
    order: int | None = None
    for word in text.replace("/", "/ ").replace(",", " ").split():
        if match := _ORDER.fullmatch(word):
            order = int(match[1])
        elif order is not None and (match := _ELEMENT.fullmatch(word)):
            elements.append((order, int(match[1]), int(match[2] or match[1])))
        else:
            raise BadRegion(f"{word[:40]!r} is no part of a MOC; write order/cells: 3/0-2 7 5/770.")
    return elements


def _json(text: str) -> list[Element]:
    try:
        orders = orjson.loads(text)
    except ValueError as error:
        raise BadRegion('The MOC is not valid JSON; write orders with cells: {"3": [0, 1]}.') from error
    elements: list[Element] = []
    for order, cells in orders.items():
        if not re.fullmatch(r"[0-9]{1,2}", order) or not isinstance(cells, list):
            raise BadRegion(
                f'{order[:40]!r} is no order of a MOC with its cells; write orders with cells: {{"3": [0, 1]}}.'
            )
        if any(type(cell) is not int for cell in cells):
            raise BadRegion(
                f"Order {order} of the MOC holds something that is no cell; cells are whole numbers."
            )
        elements += [(int(order), cell, cell) for cell in cells]
    return elements


def _order29(order: int, first: int, last: int) -> tuple[int, int]:
    if order > HPX_ORDER:
        raise BadRegion(f"Order {order} of the MOC; the finest order is {HPX_ORDER}.")
    if not 0 <= first <= last < 12 * 4**order:
        raise BadRegion(
            f"Cells {first}-{last} of order {order} in the MOC; they run from 0 to {12 * 4**order - 1}, the smaller first."
        )
    shift = 2 * (HPX_ORDER - order)
    return first << shift, (last + 1) << shift


def _merged(ranges: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    return tuple(merged)
