"""Which galaxies train, which choose, which judge: whole patches of sky on one side."""

from __future__ import annotations

import json
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from survey.names import decode_sdss_objid
from survey.sphere import hpx29

__all__ = ["Split", "held_out_ids", "sky_groups_of", "split_rows"]

# HEALPix order 7: cells of 0.46 degrees, several times a stamp and an SDSS field.
_TILE_ORDER = 7


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Rows of a survey, each list in stored order.

    Attributes
    ----------
    train
        Rows that a network sees.
    validation
        Rows that decide when to stop; never seen.
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]


def held_out_ids(path: Path) -> set[str]:
    """Return the object ids that a benchmark judges by, and those whose images nearly repeat one of them.

    Parameters
    ----------
    path
        A file of ``benchmarks/splits``: lists of ids under ``evaluation``, and by survey under ``near_duplicates``.
    """
    stored = json.loads(path.read_text())
    parts = [*stored["evaluation"], *stored.get("near_duplicates", {}).values()]
    return {object_id for part in parts for object_id in part}


def sky_groups_of(objects: pa.Table) -> list[Hashable]:
    """Return the patch of sky of each row: its tile if every position is known, else its SDSS field.

    An id that is no SDSS objID, in a survey without positions, is a group of its own. The two kinds never mix in one
    survey: neighbours on the sky would end in two groups.

    Parameters
    ----------
    objects
        With ``object_id``, ``ra_deg``, ``dec_deg``.
    """
    ra, dec = (objects.column(name) for name in ("ra_deg", "dec_deg"))
    if not ra.null_count and not dec.null_count:
        cells = hpx29(ra.to_numpy(), dec.to_numpy())
        return [("tile", int(cell) >> 2 * (29 - _TILE_ORDER)) for cell in cells]
    return [_field_of(object_id) for object_id in objects.column("object_id").to_pylist()]


def _field_of(object_id: str) -> Hashable:
    parts = decode_sdss_objid(object_id)
    return ("object", object_id) if parts is None else ("field", parts.run, parts.camcol, parts.field)


def split_rows(
    ids: Sequence[str],
    groups: Sequence[Hashable],
    *,
    hold_out: Collection[str] = (),
    validation_share: float = 0.1,
    seed: int = 0,
) -> Split:
    """Part the rows that may be used, whole groups at a time.

    Parameters
    ----------
    hold_out
        Object ids that appear nowhere; neither does any other member of their groups, nor of the SDSS fields that they
        name: the objects may be in another survey, and their fields in this one.
    validation_share
        Share of the remaining *groups* that validate.

    Raises
    ------
    ValueError
        If nothing is left to train on.
    """
    hidden = {group for object_id, group in zip(ids, groups, strict=True) if object_id in hold_out}
    hidden |= {_field_of(object_id) for object_id in hold_out}
    usable = [row for row, group in enumerate(groups) if group not in hidden]
    names = sorted({groups[row] for row in usable}, key=repr)
    order = np.random.default_rng(seed).permutation(len(names))
    chosen = {names[n] for n in order[: round(validation_share * len(names))]}
    train = [row for row in usable if groups[row] not in chosen]
    if not train:
        raise ValueError(
            f"of {len(ids)} galaxies none is left to train on; hold out fewer or validate on less"
        )
    return Split(
        np.array(train, dtype=np.int64),
        np.array([row for row in usable if groups[row] in chosen], dtype=np.int64),
    )
