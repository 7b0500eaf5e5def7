"""Find images of one patch of sky that carry different SDSS object ids."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from survey.names import decode_sdss_objid
from survey.overlaps import overlap_correlation

__all__ = ["candidate_pairs", "same_sky_pairs", "sky_groups"]

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
