"""Which matched pictures agree in the whole of their overlap, in every band."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from index.audit.keypoints import Matches
from index.audit.pairs import SkyPairs

__all__ = ["LEAST_CORRELATION", "LEAST_OVERLAP", "band_correlations", "verified"]

#: Share of the cutout: of less, one bright star decides.
LEAST_OVERLAP = 1 / 8
#: In the band where it is least. Of gz1_fixed51, two views of one sky reach 0.70 to 0.94; pictures crossed by one satellite,
#: whose green trails agree, and all other strangers stay below 0.52.
LEAST_CORRELATION = 0.6
# A first look at every third pixel each way takes a tenth of the time: with the 200 of them in an eighth of 128 px the
# coefficient of a true pair falls from 0.70 below this once in a million (Fisher's z).
_COARSE, _WORTH = 3, 0.4


def verified(
    planes: NDArray[np.int8], found: Matches, *, progress: Callable[[int, int], None] | None = None
) -> SkyPairs:
    """Return the pairs that agree, each at its best shift.

    Parameters
    ----------
    planes
        Fine structure, shape (N, C, S, S).
    """
    side = planes.shape[-1]
    overlap = (np.maximum(side - np.abs(found.shifts), 0) / side).prod(axis=1)
    enough = overlap >= LEAST_OVERLAP
    rows, shifts, overlap = found.rows[enough], found.shifts[enough], overlap[enough]
    least = np.zeros(len(rows))
    for n, ((first, second), shift) in enumerate(zip(rows.tolist(), shifts.tolist(), strict=True)):
        pair, by = (planes[first], planes[second]), (shift[0], shift[1])
        if band_correlations(*pair, by, step=_COARSE).min(initial=1.0) > _WORTH:
            least[n] = band_correlations(*pair, by).min(initial=1.0)
        if progress is not None and (n % 256 == 0 or n + 1 == len(rows)):
            progress(n + 1, len(rows))
    kept = least > LEAST_CORRELATION
    rows, shifts, overlap, least = rows[kept], shifts[kept], overlap[kept], least[kept]
    # Of each pair the best shift: sorted by pair, then by falling correlation.
    order = np.lexsort((-least, rows[:, 1], rows[:, 0]))
    _, first_of = np.unique(rows[order], axis=0, return_index=True)
    best = order[first_of]
    return SkyPairs(
        rows[best],
        shifts[best].astype(np.float64),
        overlap[best],
        least[best],
        np.full(len(best), np.nan),
    )


def band_correlations(
    first: NDArray[np.int8], second: NDArray[np.int8], shift: tuple[int, int], *, step: int = 1
) -> NDArray[np.float64]:
    """Return the correlation coefficient of each band in the overlap; bands that are flat there in both are left out.

    A band with structure in one picture and none in the other correlates with 0.

    Parameters
    ----------
    first, second
        Shape (C, S, S).
    shift
        (dy, dx): pixel (y, x) of the second lies on (y + dy, x + dx) of the first.
    step
        Every how many pixels of the overlap are compared, each way.
    """
    side = first.shape[-1]
    cuts = [
        (slice(max(0, by), side + min(0, by), step), slice(max(0, -by), side + min(0, -by), step))
        for by in shift
    ]
    a, b = (
        part[:, cuts[0][n], cuts[1][n]].reshape(len(part), -1).astype(np.float32)
        for n, part in enumerate((first, second))
    )
    a, b = (part - part.mean(axis=1, keepdims=True) for part in (a, b))
    power = np.stack([np.square(part).sum(axis=1) for part in (a, b)])
    shown = (power > 0).any(axis=0)
    norm = np.sqrt(power.prod(axis=0))[shown]
    cross = (a * b).sum(axis=1)[shown]
    return np.asarray(cross / np.where(norm > 0, norm, np.inf), dtype=np.float64)
