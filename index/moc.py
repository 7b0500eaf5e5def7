"""Multi-order coverage maps, which say any part of the sky in HEALPix cells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import orjson
from numpy.typing import NDArray

from index.regions import BadRegion
from index.sky_rows import SkyRows
from survey.sphere import HPX_ORDER

__all__ = ["MAX_MOC_RANGES", "MAX_MOC_TEXT", "MOC"]

#: Characters of a map, and cells or ranges of cells in it.
MAX_MOC_TEXT = 400_000
MAX_MOC_RANGES = 20_000
_ELEMENT = re.compile(r"([0-9]{1,19})(?:-([0-9]{1,19}))?")
_ORDER = re.compile(r"s?([0-9]{1,2})/")
_BEYOND = 2**62


@dataclass(frozen=True)
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
        return cls(_merged(_order29(elements)))

    def to_json(self) -> str:
        """Return it in ASCII: ranges of the lowest order that all of them have bounds in."""
        return self._text

    @cached_property
    def _text(self) -> str:
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


def _order29(elements: list[Element]) -> NDArray[np.int64]:
    """Return the cells of order 29 of some elements, shape (E, 2): the first, and the one after the last."""
    try:
        orders, first, last = np.array(elements, dtype=np.int64).T
    except OverflowError:
        # Beyond every cell is as good as farther beyond, and fits into 64 bits.
        orders, first, last = np.array([[min(n, _BEYOND) for n in element] for element in elements]).T
    n_cells = 12 * 4 ** np.minimum(orders, HPX_ORDER)
    bad = np.flatnonzero((orders > HPX_ORDER) | (first < 0) | (first > last) | (last >= n_cells))
    if len(bad):
        order, start, stop = elements[bad[0]]
        if order > HPX_ORDER:
            raise BadRegion(f"Order {order} of the MOC; the finest order is {HPX_ORDER}.")
        raise BadRegion(
            f"Cells {start}-{stop} of order {order} in the MOC; they run from 0 to {12 * 4**order - 1}, the smaller first."
        )
    shift = 2 * (HPX_ORDER - orders)
    return np.stack([first << shift, (last + 1) << shift], axis=1)


def _merged(ranges: NDArray[np.int64]) -> tuple[tuple[int, int], ...]:
    ranges = ranges[np.argsort(ranges[:, 0])]
    reached = np.maximum.accumulate(ranges[:, 1])
    starts = np.flatnonzero(np.append(True, ranges[1:, 0] > reached[:-1]))
    ends = np.append(starts[1:], len(ranges)) - 1
    return tuple(zip(ranges[starts, 0].tolist(), reached[ends].tolist(), strict=True))
