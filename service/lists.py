"""Lists of a release's objects: filtered as searches are, in one order, given by the page or as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from service.column_words import described_column
from service.formats.fields import field
from service.operations.refusals import InvalidFilter

if TYPE_CHECKING:
    from index.release import Release
    from index.selection import Selection

__all__ = ["LISTED_COLUMNS", "ObjectList", "by_value", "chosen_names", "selected"]

#: What every list says of an object, after its rank.
LISTED_COLUMNS: Final = ("object_id", "ra_deg", "dec_deg", "z_spec", "z_phot", "mag_r", "label")
#: In ``columns``: all that the release has.
_ALL: Final = "*"
# Rows of a file that are made together.
_BLOCK: Final = 16_384
_LARGEST_EXACT: Final = 2**53
_RANK: Final = field("rank", pa.int64(), ucd="meta.number", description="place in the list, from 1")

#: What a list says of some rows beside their columns; ``first`` is the place of the first of them, from 0.
Values = Callable[[NDArray[np.int64], int], Mapping[str, Sequence[Any]]]


def _nothing(_rows: NDArray[np.int64], _first: int) -> Mapping[str, Sequence[Any]]:
    return {}


@dataclass(frozen=True, slots=True, eq=False)
class ObjectList:
    """Objects of one release in the order of a list.

    Attributes
    ----------
    rows
        Rows of the release, all of the list, shape (n,).
    fields, values
        What the list says of each object beside its columns, in files: names, types, words; and their values.
    page_values
        The same in JSON, where it may be said otherwise; :attr:`values` when None.
    """

    release: Release
    rows: NDArray[np.int64]
    fields: tuple[pa.Field, ...] = ()
    values: Values = _nothing
    page_values: Values | None = None

    def page(self, start: int, limit: int, columns: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Return some of its objects as JSON values; those of further columns stand in ``columns``."""
        rows = self.rows[start : start + limit]
        frozen = self.release.columns
        said = {**frozen.take(rows, LISTED_COLUMNS), **(self.page_values or self.values)(rows, start)}
        more = frozen.take(rows, columns)
        for name in filter(self._is_wide, columns):
            more[name] = [None if value is None else str(value) for value in more[name]]
        each = zip(*more.values(), strict=True) if more else [()] * len(rows)
        return [
            {
                "rank": rank,
                **dict(zip(said, values, strict=True)),
                "columns": dict(zip(more, extra, strict=True)),
            }
            for rank, (values, extra) in enumerate(
                zip(zip(*said.values(), strict=True), each, strict=True), start + 1
            )
        ]

    def schema(self, columns: Sequence[str] = ()) -> pa.Schema:
        """Return the columns of its files: rank, what every list says, what this one says, then ``columns``."""
        kinds = self.release.columns.schema
        frozen = [described_column(kinds.field(name)) for name in (*LISTED_COLUMNS, *columns)]
        n = len(LISTED_COLUMNS)
        return pa.schema([_RANK, *frozen[:n], *self.fields, *frozen[n:]])

    def tables(self, start: int, limit: int, columns: Sequence[str] = ()) -> Iterator[pa.Table]:
        """Give some of its objects as tables of :meth:`schema`, at least one."""
        schema = self.schema(columns)
        end = min(start + limit, len(self.rows))
        for first in range(start, max(end, start + 1), _BLOCK):
            rows = self.rows[first : min(first + _BLOCK, end)]
            frozen = self.release.columns.table(rows, (*LISTED_COLUMNS, *columns))
            said = self.values(rows, first)
            rank = pa.array(np.arange(first + 1, first + 1 + len(rows)))
            made = {_RANK.name: rank, **{one.name: pa.array(said[one.name], one.type) for one in self.fields}}
            yield pa.table(
                [made[name] if name in made else frozen.column(name) for name in schema.names], schema=schema
            )

    def _is_wide(self, name: str) -> bool:
        """Whether a column holds integers that a browser would round: they are sent as text."""
        if not pa.types.is_integer(self.release.columns.schema.field(name).type):
            return False
        values, _ = self.release.columns.numbers(name)
        return len(values) > 0 and int(values.max()) > _LARGEST_EXACT


def by_value(release: Release, values: NDArray[Any], *, descending: bool = False) -> NDArray[np.int64]:
    """Return the galaxies of a release by a value of each row, NaN last and equal ones by row, shape (n,).

    Parameters
    ----------
    values
        Shape (N,), floats: a column by ``columns.array(name)``, or anything else.
    """
    galaxies = release.galaxies
    key = values[galaxies]
    ordered: NDArray[np.int64] = galaxies[np.argsort(-key if descending else key, kind="stable")]
    return ordered


def selected(release: Release, order: NDArray[np.int64], selection: Selection) -> NDArray[np.int64]:
    """Return what a selection leaves of an order; of entries of one object the first, where it asks for that.

    Raises
    ------
    BadSelection
        If the release cannot apply it.
    """
    mask = selection.mask(release)
    rows = order if mask is None else order[mask[order]]
    if selection.dedup is not None:
        _, first = np.unique(release.masks.groups(selection.dedup)[rows], return_index=True)
        rows = rows[np.sort(first)]
    return rows


def chosen_names(release: Release, text: str | None, own: Sequence[pa.Field] = ()) -> tuple[str, ...]:
    """Return the further columns that ``columns=a,b`` asks for, each once; what a list says anyhow is none of them.

    Raises
    ------
    InvalidFilter
        If the release has not one of them.
    """
    known = release.columns.names
    said = {*LISTED_COLUMNS, _RANK.name, *(one.name for one in own)}
    names = [name for name in (word.strip() for word in (text or "").split(",")) if name]
    unknown = [name for name in names if name != _ALL and name not in known and name not in said]
    if unknown:
        raise InvalidFilter(
            f"`columns` asks for {unknown[0][:64]!r}, which release {release.id} has not. It has: "
            f"{', '.join(known)}; `*` is all of them."
        )
    wanted = known if _ALL in names else names
    return tuple(name for name in dict.fromkeys(wanted) if name not in said)
