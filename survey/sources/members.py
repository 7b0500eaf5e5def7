"""One file of a public set: its columns under standard names, and a way to its pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from survey.sources.hdf5 import Datasets, as_column, open_hdf5, reading
from survey.sources.pixels import Pixels

__all__ = ["Member", "dataset_columns", "read_members"]


@dataclass(slots=True)
class Member:
    """One file of a set: its objects' columns, and a way to their pixels.

    Attributes
    ----------
    standard
        Columns by standard name (``object_id``, ``ra_deg``, ``dec_deg``, ``z_spec``, ``ebv``, ``label``).
    own
        The file's other columns.
    left_out
        Its arrays that are not one value per object.
    """

    path: Path
    pixels: Pixels
    standard: dict[str, pa.Array] = field(default_factory=dict)
    own: dict[str, pa.Array] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def sort(self, columns: Mapping[str, pa.Array], standard: Mapping[str, str]) -> None:
        """Add columns, those in ``standard`` under their standard names."""
        for name, column in columns.items():
            if name in standard:
                self.standard[standard[name]] = column
            else:
                self.own[name] = column


def read_members(
    files: Sequence[Path], member: Callable[[Path, Datasets, int | None], Member], limit: int | None
) -> list[Member]:
    """Open HDF5 files one after another, until ``limit`` objects were found.

    Parameters
    ----------
    member
        Reads one open file, and at most so many of its objects.
    """
    members: list[Member] = []
    for path in files:
        rest = None if limit is None else limit - sum(m.pixels.n for m in members)
        if rest == 0:
            break
        with open_hdf5(path) as datasets:
            members.append(member(path, datasets, rest))
    return members


def dataset_columns(
    datasets: Datasets, images: str, n: int, *, name: str, bands: Sequence[str] = (), skip: Iterable[str] = ()
) -> tuple[dict[str, pa.Array], list[str]]:
    """Read the datasets that hold one value per object, or one per object and band.

    Parameters
    ----------
    images
        Dataset of the images; only what is as long as it is read.
    n
        How many objects to read.
    name
        Of the file, for messages.
    bands
        Names of the bands: (N, C) becomes C columns ``NAME_band``.
    skip
        Further datasets to pass over: pixels, and what the caller reads.

    Returns
    -------
    columns, left_out
        By name in lower case; and the datasets of other shapes and types. A dataset whose length is not that of
        the images cannot be told to belong to them, and is left out.
    """
    skipped = {images, *skip}
    length = datasets[images].shape[0]
    columns: dict[str, pa.Array] = {}
    left_out: list[str] = []
    for key, dataset in datasets.items():
        if key in skipped:
            continue
        shape: tuple[int, ...] = dataset.shape or ()
        per_band = len(shape) == 2 and shape[1] == len(bands) > 1
        if not shape or shape[0] != length or not (len(shape) == 1 or shape[1:] == (1,) or per_band):
            left_out.append(key)
            continue
        with reading(name):
            values = dataset[:n]
        parts = {f"{key}_{b}": values[:, i] for i, b in enumerate(bands)} if per_band else {key: values}
        for part, one in parts.items():
            column = as_column(one, part)
            if column is None:
                left_out.append(key)
            else:
                columns.setdefault(part.lower(), column)
    return columns, left_out
