"""Images in an HDF5 file, with their noise and mask where the file has them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from survey.sources.hdf5 import Datasets, UnreadableSet, open_hdf5, reading
from survey.sources.pixels import Block, block_rows, check_images

__all__ = ["HDF5Pixels"]

# Objects whose masks are looked at before a mask is believed, and the share of usable pixels it must leave.
_LOOK_AT, _USABLE_SHARE = 32, 0.5


@dataclass(slots=True)
class HDF5Pixels:
    """Images of one HDF5 file.

    Attributes
    ----------
    images
        Dataset of shape (n, C, S, S), or (n, S, S, C) with ``channels_last``.
    nanomaggies
        Of one count.
    ivar
        Dataset of inverse variances in counts^-2, shape like ``images``.
    usable
        Dataset that is True where a pixel can be used, shape (n, C, S, S) or (n, S, S).
    """

    path: Path
    images: str
    n: int
    side: int
    rows: int
    channels_last: bool = False
    nanomaggies: float = 1.0
    ivar: str | None = None
    usable: str | None = None
    _datasets: Datasets | None = field(default=None, repr=False)
    _stack: ExitStack = field(default_factory=ExitStack, repr=False)

    @classmethod
    def of(
        cls,
        path: Path,
        datasets: Datasets,
        images: str,
        *,
        planes: int,
        display: bool = False,
        channels_last: bool = False,
        nanomaggies: float = 1.0,
        ivar: str | None = None,
        usable: str | None = None,
        limit: int | None = None,
    ) -> HDF5Pixels:
        """Check the images of an open file, from their shape and type alone.

        Parameters
        ----------
        limit
            Objects to take at most.

        Raises
        ------
        UnreadableSet
            If the images are missing or not what they should be, noise or mask do not fit them, or the mask
            leaves hardly anything.
        """
        if images not in datasets:
            raise UnreadableSet(
                f"{path.name} has no dataset {images!r} at its root; it has {', '.join(datasets) or 'none'}. "
                "Is it another format?"
            )
        stored = datasets[images]
        # A dataset without a dataspace has no shape at all.
        shape = tuple(int(n) for n in stored.shape or ())
        side = check_images(
            shape,
            stored.dtype,
            name=f"{path.name}: {images!r}",
            planes=planes,
            display=display,
            channels_last=channels_last,
        )
        for name, allowed in ((ivar, (shape,)), (usable, (shape, (shape[0], side, side)))):
            if name is not None and datasets[name].shape not in allowed:
                raise UnreadableSet(
                    f"{path.name}: {name!r} has shape {datasets[name].shape}, {images!r} {shape}. "
                    "Give the file as it was published."
                )
        if usable is not None:
            _check_mask(path.name, usable, datasets)
        row_bytes = int(np.prod(shape[1:])) * stored.dtype.itemsize * (1 + (ivar is not None))
        chunk = stored.chunks[0] if stored.chunks else 1
        n = shape[0] if limit is None else min(limit, shape[0])
        return cls(
            path, images, n, side, block_rows(row_bytes, chunk), channels_last, nanomaggies, ivar, usable
        )

    def read(self, first: int, stop: int) -> Block:
        """Return the pixels of objects ``first`` to ``stop``; opens the file if need be."""
        if self._datasets is None:
            self._datasets = self._stack.enter_context(open_hdf5(self.path))
        with reading(self.path.name):
            flux = self._datasets[self.images][first:stop]
            ivar = None if self.ivar is None else self._datasets[self.ivar][first:stop]
            usable = None if self.usable is None else self._datasets[self.usable][first:stop]
        if self.channels_last:
            flux = flux.transpose(0, 3, 1, 2)
        if flux.dtype == np.uint8:
            return Block(flux)
        # What overflows float32 becomes infinite, and is refused as such.
        with np.errstate(over="ignore", invalid="ignore"):
            flux = flux.astype(np.float32, copy=False) * np.float32(self.nanomaggies)
            ivar = None if ivar is None else (ivar / self.nanomaggies**2).astype(np.float32)
        return Block(flux, ivar, _good(flux.shape, ivar, usable))

    def close(self) -> None:
        """Close the file."""
        self._datasets = None
        self._stack.close()

    def fingerprint(self) -> str:
        """Return the file's name, size and time, and how it is read."""
        stat = self.path.stat()
        return (
            f"{self.path.name} {stat.st_size} {stat.st_mtime_ns} {self.images} {self.nanomaggies!r} "
            f"{self.ivar} {self.usable}"
        )


def _good(
    shape: tuple[int, ...], ivar: NDArray[np.float32] | None, usable: NDArray[np.generic] | None
) -> NDArray[np.bool_] | None:
    if ivar is None and usable is None:
        return None
    good = np.ones(shape, dtype=bool)
    if ivar is not None:
        good &= np.isfinite(ivar) & (ivar > 0)
    if usable is not None:
        good &= (usable if usable.ndim == 4 else usable[:, None]).astype(bool)
    return good


def _check_mask(name: str, usable: str, datasets: Datasets) -> None:
    """Refuse a mask that would hide most of the first objects: it may be the other way round."""
    with reading(name):
        share = float(np.mean(datasets[usable][:_LOOK_AT].astype(bool))) if datasets[usable].shape[0] else 1.0
    if share < _USABLE_SHARE:
        raise UnreadableSet(
            f"{name}: {usable!r} is true for {100 * share:.0f} % of the pixels of the first objects (at least "
            f"{100 * _USABLE_SHARE:.0f} %): in this format true means usable. Turn the mask round."
        )
