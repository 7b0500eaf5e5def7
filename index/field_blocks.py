"""A survey's cutouts as calibrated fields, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.fields import Rejection, fields_for
from index.photoz_columns import degraded_bits
from survey.archive import SurveyFolder
from survey.contract import InputContract

__all__ = ["FieldBlock", "field_blocks", "shard_rows", "shifted"]


@dataclass(frozen=True, slots=True, eq=False)
class FieldBlock:
    """Calibrated fields of some objects that follow each other.

    Attributes
    ----------
    rows
        Rows of the survey that have a field.
    fields
        Shape (len(rows), C, F, F).
    flags
        Bits of :class:`index.photoz_columns.Flag` that each cutout raises.
    rejected
        Object id to reason, for the others.
    stop
        The row after the last one that was looked at.
    """

    rows: list[int]
    fields: NDArray[np.float32]
    flags: list[int]
    rejected: Mapping[str, str]
    stop: int


def field_blocks(
    survey: SurveyFolder, contract: InputContract, rows: range, *, batch: int
) -> Iterator[FieldBlock]:
    """Calibrate the objects of consecutive rows, up to ``batch`` at a time."""
    side = contract.field_px
    empty = np.empty((0, len(contract.bands), side, side), np.float32)
    for first, cutouts in survey.scan(rows.start, rows.stop, batch):
        kept, fields, flags, rejected = [], [], [], {}
        for row, result in enumerate(fields_for(contract, cutouts), start=first):
            if isinstance(result, Rejection):
                rejected[survey.ids[row]] = f"{result.code}: {result.message}"
            else:
                kept.append(row)
                fields.append(result.field)
                flags.append(degraded_bits(result.flags))
        stacked = np.stack(fields) if fields else empty
        yield FieldBlock(kept, stacked, flags, rejected, first + len(cutouts))


def shard_rows(shard: int, *, shard_size: int, n_objects: int) -> range:
    """Return the survey's rows of a shard."""
    start = shard * shard_size
    return range(start, min(start + shard_size, n_objects))


def shifted(progress: Callable[[int, int], None] | None, base: int, total: int) -> Callable[[int], None]:
    """Report progress inside a shard as progress of the whole."""
    return (lambda n: progress(base + n, total)) if progress else (lambda _: None)
