"""Find images of one patch of sky that carry different SDSS object ids."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from survey.names import decode_sdss_objid

__all__ = ["candidate_pairs", "overlap_correlation", "same_sky_pairs", "sky_groups"]

# Smaller overlaps are empty sky too often, and empty sky correlates with anything that has the same gradient.
_MIN_OVERLAP = 0.5
_SAME_SKY = 0.95


def sky_groups(object_ids: Sequence[str]) -> list[tuple[int, int, int]]:
    """Return (run, camcol, field) of SDSS objIDs: the unit that no split may part.

    Raises
    ------
    ValueError
        If an id is no SDSS objID.
    """
    groups = []
    for object_id in object_ids:
        decoded = decode_sdss_objid(object_id)
        if decoded is None:
            raise ValueError(f"{object_id!r} is no SDSS objID; sky groups need run, camcol and field")
        groups.append((decoded.run, decoded.camcol, decoded.field))
    return groups


def candidate_pairs(object_ids: Sequence[str]) -> list[tuple[int, int]]:
    """Return the pairs of rows (lower first) in one run and camcol whose fields differ by at most 1."""
    members: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    for row, group in enumerate(sky_groups(object_ids)):
        members[group].append(row)
    pairs = []
    for (run, camcol, field), rows in members.items():
        pairs += [(a, b) for a in rows for b in rows if a < b]
        following = members.get((run, camcol, field + 1), ())
        pairs += [(min(a, b), max(a, b)) for a in rows for b in following]
    return sorted(pairs)


def same_sky_pairs(
    object_ids: Sequence[str],
    images: NDArray[np.floating],
    *,
    threshold: float = _SAME_SKY,
    progress: Callable[[int, int], None] | None = None,
) -> list[tuple[int, int]]:
    """Return the candidate pairs whose images agree where they overlap.

    Parameters
    ----------
    images
        Grey images in one orientation and scale, shape (N, S, S).
    threshold
        Least correlation coefficient in the overlap.
    """
    candidates = candidate_pairs(object_ids)
    found = []
    for done, (a, b) in enumerate(candidates, start=1):
        if overlap_correlation(images[a], images[b]) > threshold:
            found.append((a, b))
        if progress is not None:
            progress(done, len(candidates))
    return found


def overlap_correlation(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Return the largest correlation coefficient over all whole-pixel shifts that overlap in half of the area.

    Parameters
    ----------
    first, second
        Shape (S, S).

    References
    ----------
    Lewis 1995, "Fast Normalized Cross-Correlation" (sums over overlaps from running sums).
    """
    side = first.shape[0]
    # Centring both first keeps the differences of large sums below small.
    a, b = (np.asarray(image, dtype=np.float64) - image.mean() for image in (first, second))
    size = fft.next_fast_len(2 * side - 1, real=True)
    spectrum = fft.rfft2(a, (size, size)) * np.conj(fft.rfft2(b, (size, size)))
    # Entry (i, j) belongs to the shift (i, j) - (side - 1): a[y + shift] lies on b[y].
    cross = np.roll(fft.irfft2(spectrum, (size, size)), (side - 1, side - 1), axis=(0, 1))
    cross = cross[: 2 * side - 1, : 2 * side - 1]
    lengths = side - np.abs(np.arange(1 - side, side))
    n = np.multiply.outer(lengths, lengths)
    sum_a, square_a = _overlap_sums(a), _overlap_sums(a**2)
    sum_b, square_b = (_overlap_sums(v)[::-1, ::-1] for v in (b, b**2))
    variance = np.maximum(square_a - sum_a**2 / n, 0) * np.maximum(square_b - sum_b**2 / n, 0)
    usable = (n >= _MIN_OVERLAP * side**2) & (variance > 1e-12 * np.square(a).sum() * np.square(b).sum())
    if not usable.any():
        return 0.0
    return float(((cross - sum_a * sum_b / n)[usable] / np.sqrt(variance[usable])).max())


def _overlap_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum over the part of an image that a copy shifted by (i, j) - (S - 1) covers."""
    side = len(values)
    total = np.zeros((side + 1, side + 1))
    total[1:, 1:] = values.cumsum(axis=0).cumsum(axis=1)
    shift = np.arange(1 - side, side)
    low, high = np.maximum(0, shift), np.minimum(side, side + shift)
    corners = np.ix_(high, high), np.ix_(low, high), np.ix_(high, low), np.ix_(low, low)
    return np.asarray(total[corners[0]] - total[corners[1]] - total[corners[2]] + total[corners[3]])
