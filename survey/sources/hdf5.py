"""HDF5 files of public sets, opened so that nothing outside them is read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from survey.sources.sentinels import NO_REDSHIFT, is_sentinel

__all__ = ["Datasets", "UnreadableSet", "as_column", "open_hdf5", "reading", "root_datasets"]

#: The root datasets of a file by name: objects of h5py, which has no types.
Datasets = Mapping[str, Any]

_REDSHIFT = re.compile(r"(^|_)(z|redshift)(_|$)")


class UnreadableSet(ValueError):
    """A file of a public set that is not what its format says."""


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn what h5py raises on damaged bytes into UnreadableSet; ``name`` is the file's."""
    try:
        yield
    except UnreadableSet:
        raise
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise UnreadableSet(
            f"{name}: a part of the file cannot be read ({reason}). Download it again."
        ) from error


@contextmanager
def open_hdf5(path: Path) -> Iterator[Datasets]:
    """Open a file and yield its root datasets.

    Raises
    ------
    UnreadableSet
        If h5py is not installed, or the file is missing, cut short, no HDF5, or has links, virtual datasets or
        raw data elsewhere.
    """
    try:
        import h5py  # noqa: PLC0415  most imports read none
    except ImportError as error:
        raise UnreadableSet(
            f"{path.name} is HDF5, and h5py is not installed: pip install -c constraints.txt -e '.[train]'"
        ) from error
    if not path.is_file():
        raise UnreadableSet(f"{path.name}: there is no such file.")
    try:
        file = h5py.File(path, "r", locking="best-effort")
    except OSError as error:
        raise UnreadableSet(_why_closed(path.name, str(error))) from error
    with file:
        with reading(path.name):
            datasets = root_datasets(file, path.name)
        yield datasets


def _why_closed(name: str, reason: str) -> str:
    eof, stored = (re.search(rf"\b{word} = (\d+)", reason) for word in ("eof", "stored_eof"))
    if "truncated" in reason and eof and stored:
        return (
            f"{name} is cut short: {int(eof[1]):,} of {int(stored[1]):,} bytes are there. Download it again."
        )
    return f"{name} cannot be opened as HDF5 ({reason[:200]}). Give the file as it was published."


def root_datasets(file: Any, name: str) -> Datasets:
    """Return the datasets at the root of an open file; groups are passed over.

    Raises
    ------
    UnreadableSet
        If anything at the root leads elsewhere: a soft or external link, a virtual dataset, external raw data.
        None of the published files has one, and following it would read files that were not named.
    """
    import h5py  # noqa: PLC0415  most imports read none

    found: dict[str, Any] = {}
    for key in file:
        link = file.get(key, getlink=True)
        if not isinstance(link, h5py.HardLink):
            kind = "an external link" if isinstance(link, h5py.ExternalLink) else "a soft link"
            raise UnreadableSet(_elsewhere(name, key, kind))
        item = file[key]
        if not isinstance(item, h5py.Dataset):
            continue
        if item.is_virtual:
            raise UnreadableSet(_elsewhere(name, key, "a virtual dataset"))
        if item.external:
            raise UnreadableSet(_elsewhere(name, key, "raw data in another file"))
        # Damage in a header shows when shape and type are asked for: here, where it is told as such.
        assert item.shape is None or item.dtype is not None
        found[key] = item
    return found


def _elsewhere(name: str, key: str, kind: str) -> str:
    return f"{name}: {key!r} is {kind}, and is not followed. Copy the data into one file (h5repack, or h5py)."


def as_column(values: NDArray[Any], name: str) -> pa.Array | None:
    """Return one value per object as an Arrow column; None for what is no number, truth value or text.

    Sentinels of redshifts become null, and so do numbers that are not finite.

    Parameters
    ----------
    values
        Shape (N,), as h5py or NumPy read them; text as bytes or str.
    """
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        return None
    if values.dtype.kind in "iub":
        return pa.array(values.astype(values.dtype.newbyteorder("=")))
    if values.dtype.kind == "f":
        numbers = values.astype(np.float64 if values.dtype.itemsize > 4 else np.float32)
        unknown = ~np.isfinite(numbers)
        if _REDSHIFT.search(name.lower()):
            unknown |= is_sentinel(numbers.astype(np.float64), NO_REDSHIFT)
        return pa.array(numbers, mask=unknown)
    texts = values.tolist()
    if values.dtype.kind not in "SUO" or not all(isinstance(text, (bytes, str)) for text in texts):
        return None
    return pa.array([t.decode("utf-8", "replace") if isinstance(t, bytes) else t for t in texts], pa.string())
