"""The rows of a batch: where each was found, and how the columns that came with it are kept."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from service.formats import fields
from service.operations.neighbours import no_match
from service.operations.refusals import ObjectNotFound, ObjectNotIndexed
from service.served import Served
from service.table_columns import WANTED

__all__ = ["BLOCK_ROWS", "Located", "locate", "of_ids", "of_positions", "sent_columns"]

#: Rows that are answered together, at once and by jobs.
BLOCK_ROWS = 2000


def of_ids(ids: Sequence[str]) -> pa.Table:
    """Return the rows of a batch of ids."""
    return _rows(pa.array(ids, pa.string()), None, None)


def of_positions(ra_deg: Sequence[float], dec_deg: Sequence[float]) -> pa.Table:
    """Return the rows of a batch of places, ICRS degrees."""
    return _rows(None, pa.array(ra_deg, pa.float64()), pa.array(dec_deg, pa.float64()))


def _rows(*columns: pa.Array | None) -> pa.Table:
    n_rows = next(len(column) for column in columns if column is not None)
    given = [*columns, None]
    return pa.table(
        [
            pa.nulls(n_rows, kind) if column is None else column
            for column, kind in zip(given, WANTED.values(), strict=True)
        ],
        names=list(WANTED),
    )


@dataclass(slots=True, eq=False)
class Located:
    """What became of each row of a batch.

    Attributes
    ----------
    status
        ``ok``, ``not_found``, ``not_indexed``, ``no_match`` or ``invalid``.
    message
        Why it is not ``ok``.
    object_id
        The object found, or the id that was asked for.
    rows
        Of the release; -1 where nothing was found.
    separation_arcsec
        From the place asked for; NaN for ids.
    """

    status: list[str]
    message: list[str | None]
    object_id: list[str | None]
    rows: NDArray[np.int64]
    separation_arcsec: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.status)

    @property
    def found(self) -> NDArray[np.int64]:
        """Rows of the release that were found, in the order of the batch."""
        return np.asarray(self.rows[self.rows >= 0])

    @property
    def places(self) -> pa.Array:
        """For each row of the batch its place in :attr:`found`, or null."""
        is_found = self.rows >= 0
        return pa.array(np.cumsum(is_found) - 1, pa.int64(), mask=~is_found)


def locate(served: Served, rows: pa.Table, radius_deg: float) -> Located:
    """Find the rows of a batch in a release; a row that is wrong spoils no other.

    Parameters
    ----------
    rows
        Beginning with :data:`service.table_columns.WANTED`.
    radius_deg
        How near an object must lie to a place.
    """
    ids, ra, dec, problems = (column.to_pylist() for column in rows.columns[: len(WANTED)])
    n = len(ids)
    located = Located(["invalid"] * n, [None] * n, list(ids), np.full(n, -1, np.int64), np.full(n, np.nan))
    places: list[int] = []
    for number, object_id in enumerate(ids):
        if object_id:
            _locate_id(served, located, number, object_id)
        elif ra[number] is None or dec[number] is None:
            located.message[number] = problems[number] or "The row has neither an id nor a position."
        elif not (0 <= ra[number] < 360 and -90 <= dec[number] <= 90):
            located.message[number] = "RA must lie in 0 to 360 degrees, Dec in -90 to 90."
        else:
            places.append(number)
    if places:
        at_ra = np.array([ra[number] for number in places], dtype=np.float64)
        at_dec = np.array([dec[number] for number in places], dtype=np.float64)
        _locate_places(served, located, places, (at_ra, at_dec), radius_deg)
    return located


def _locate_id(served: Served, located: Located, number: int, object_id: str) -> None:
    try:
        located.rows[number] = served.row_of(object_id)
        located.status[number] = "ok"
    except ObjectNotIndexed as error:
        located.status[number], located.message[number] = "not_indexed", str(error)
    except ObjectNotFound as error:
        located.status[number], located.message[number] = "not_found", str(error)


def _locate_places(
    served: Served,
    located: Located,
    numbers: list[int],
    places: tuple[NDArray[np.float64], NDArray[np.float64]],
    radius_deg: float,
) -> None:
    nearest = served.sky.nearest_of_each(*places)
    for n, number in enumerate(numbers):
        one = None if nearest is None else (int(nearest[0][n]), float(nearest[1][n]))
        if one is not None and one[1] <= radius_deg:
            located.rows[number], located.status[number] = one[0], "ok"
            located.object_id[number] = served.release.columns.ids[one[0]]
            located.separation_arcsec[number] = round(one[1] * 3600, 4)
        else:
            ra, dec = (float(values[n]) for values in places)
            located.status[number] = "no_match"
            located.message[number] = str(no_match(served, ra, dec, radius_deg, one))


def sent_columns(rows: pa.Table, taken: Collection[str]) -> list[tuple[pa.Field, pa.ChunkedArray]]:
    """Return the columns that were sent, called ``input_<name>`` where the answer has a column of that name.

    Capitals make no difference: FITS and VOTable readers ignore them.
    """
    known = {name.casefold() for name in taken}
    kept = []
    for column, values in zip(list(rows.schema)[len(WANTED) :], rows.columns[len(WANTED) :], strict=True):
        name, others = column.name, known | {one.casefold() for one in rows.column_names}
        if name.casefold() in known:
            name = f"input_{name}"
            while name.casefold() in others:
                name = f"{name}_"
        known.add(name.casefold())
        kept.append((column.with_name(name), fields.simple(pa.table([values], names=["x"])).column(0)))
    return kept
