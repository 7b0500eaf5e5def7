"""The survey folder, opened for reading: objects, cutouts and thumbnails of one survey."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zarr
from numpy.typing import NDArray

from survey.cutout import Cutout, FluxArray
from survey.info import SurveyInfo
from survey.manifests import CorruptFolder, read_manifest, recover, sha256_of

__all__ = ["SurveyFolder", "SurveyInfo", "SurveyReplaced", "UnknownObject"]

# Objects read at once in a scan: one shard of cutouts.zarr (survey.publish.SHARD).
_SCAN = 512


class UnknownObject(KeyError):
    """An object id that the survey has not."""

    def __str__(self) -> str:
        return str(self.args[0])


class SurveyReplaced(CorruptFolder):
    """A survey whose folder is no longer the one that was opened."""


class SurveyFolder:
    """One survey on disk, opened for reading.

    ``objects.parquet`` has one row an object: ``object_id`` (string, unique), ``ra_deg``, ``dec_deg``,
    ``hpx29`` (HEALPix NESTED order 29), ``ebv``, ``z_spec`` (all nullable), for flux surveys
    ``flux_<band>`` and ``flux_ivar_<band>`` in nanomaggies, optionally ``label``, and the user's own
    columns. Cutouts lie in the same order in ``cutouts.zarr``.

    Every later read raises SurveyReplaced if the folder was published anew meanwhile: rows and pixels of two
    surveys must not be mixed.

    Raises
    ------
    CorruptFolder
        If the manifest is missing or the object table does not have its hash.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        recover(path)
        # Before anything is read: what is replaced in between is found out at the first read.
        self._opened = self._state()
        self.manifest = read_manifest(path, "survey.json", verify=["objects.parquet"])
        self.info = SurveyInfo.from_json(self.manifest)
        self.sha256 = sha256_of((path / "survey.json").read_bytes())

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def objects(self) -> pa.Table:
        """The whole object table."""
        with self._unreplaced():
            return pq.read_table(self.path / "objects.parquet")

    @cached_property
    def ids(self) -> list[str]:
        """Object ids in stored order."""
        ids: list[str] = self.objects.column("object_id").to_pylist()
        return ids

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {object_id: row for row, object_id in enumerate(self.ids)}

    @cached_property
    def _arrays(self) -> Any:
        return zarr.open_group(self.path / "cutouts.zarr", mode="r")

    @property
    def has_cutouts(self) -> bool:
        """Whether the survey holds pixels."""
        return self.info.kind != "catalogue"

    @property
    def version(self) -> str:
        """Hash of all that its objects and pixels come from: with supplements it is no more that of the survey."""
        return self.sha256

    @property
    def base(self) -> SurveyFolder:
        """The survey without its supplements."""
        return self

    @property
    def parts(self) -> tuple[SurveyFolder, ...]:
        """:attr:`base` and its supplements, oldest first."""
        return (self,)

    @property
    def superseded(self) -> frozenset[str]:
        """Ids of :attr:`base` that are withdrawn, or mean an object of a supplement."""
        return frozenset()

    @property
    def supplemented(self) -> range:
        """Rows of objects that supplements added or changed."""
        return range(0)

    @property
    def has_ivar(self) -> bool:
        """Whether the survey knows how sure its pixels are."""
        return self.has_cutouts and "ivar" in self._arrays

    def warm(self) -> None:
        """Load what is loaded on first use, so that no request waits and no two load at once."""
        assert len(self._rows) == len(self)
        if self.has_cutouts:
            self.thumbnail(0)

    def row_of(self, object_id: str) -> int:
        """Return an object's row.

        Raises
        ------
        UnknownObject
            If the survey has no such id.
        """
        try:
            return self._rows[object_id]
        except KeyError as error:
            raise UnknownObject(f"no object {object_id!r} in survey {self.info.name}") from error

    def read(self, object_ids: Sequence[str]) -> list[Cutout]:
        """Read cutouts by id, in the order asked for.

        Raises
        ------
        UnknownObject
            If an id is not in the survey.
        CorruptFolder
            If the survey holds no cutouts.
        SurveyReplaced
            If the folder was published anew.
        """
        rows = np.array([self.row_of(i) for i in object_ids], dtype=np.int64)
        flux, ivar = self.pixels(rows)
        return [
            self._cutout(int(row), flux[n], None if ivar is None else ivar[n]) for n, row in enumerate(rows)
        ]

    def scan(
        self, start: int = 0, stop: int | None = None, size: int = _SCAN
    ) -> Iterator[tuple[int, list[Cutout]]]:
        """Yield (first row, cutouts) over rows ``start`` to ``stop`` in stored order."""
        end = len(self) if stop is None else min(stop, len(self))
        for first in range(start, end, size):
            rows = slice(first, min(first + size, end))
            flux, ivar = self.pixels(rows)
            cutouts = [
                self._cutout(first + n, flux[n], None if ivar is None else ivar[n]) for n in range(len(flux))
            ]
            yield first, cutouts

    def thumbnail(self, row: int) -> bytes:
        """Return the packed WebP thumbnail of a row.

        Raises
        ------
        CorruptFolder
            If the survey holds no thumbnails.
        SurveyReplaced
            If the folder was published anew.
        """
        if not self.has_cutouts:
            raise CorruptFolder(f"survey {self.info.name} is a catalogue without images")
        with self._unreplaced():
            packed, offsets = self._thumbnails
            return packed[int(offsets[row]) : int(offsets[row + 1])].tobytes()

    @cached_property
    def _thumbnails(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        # Mapped, not opened anew for each one: the service reads them on its event loop.
        packed = np.memmap(self.path / "thumbnails.bin", dtype=np.uint8, mode="r")
        return packed, np.load(self.path / "thumbnails.npy", allow_pickle=False)

    def pixels(self, rows: Any) -> tuple[FluxArray, FluxArray | None]:
        """Read flux and, where it is known, ivar of rows, a slice or an array, each of shape (n, C, F, F).

        Raises
        ------
        CorruptFolder
            If the survey holds no cutouts.
        SurveyReplaced
            If the folder was published anew.
        """
        if not self.has_cutouts:
            raise CorruptFolder(f"survey {self.info.name} is a catalogue without images")
        with self._unreplaced():
            flux = self._take(self._arrays["flux"], rows)
            ivar = self._take(self._arrays["ivar"], rows) if "ivar" in self._arrays else None
        return flux, ivar

    @property
    def is_replaced(self) -> bool:
        """Whether the folder was published anew since it was opened."""
        return self._state() != self._opened

    def _state(self) -> tuple[int, int] | None:
        try:
            stat = (self.path / "survey.json").stat()
        except OSError:
            return None
        return stat.st_ino, stat.st_mtime_ns

    @contextmanager
    def _unreplaced(self) -> Iterator[None]:
        """Raise SurveyReplaced where the folder is another one before, or after, a read."""
        try:
            self._check_state()
            yield
        finally:
            # Also where the read failed: a replaced folder is then the reason.
            self._check_state()

    def _check_state(self) -> None:
        if self.is_replaced:
            raise SurveyReplaced(
                f"survey {self.path.name} was replaced since it was opened; build its index again"
            )

    @staticmethod
    def _take(array: Any, rows: Any) -> FluxArray:
        picked = array[rows] if isinstance(rows, slice) else array.oindex[rows]
        return np.asarray(picked, dtype=np.float32)

    def _cutout(self, row: int, flux: FluxArray, ivar: FluxArray | None) -> Cutout:
        assert self.info.bands is not None
        ra, dec, ebv = (self._floats[name][row] for name in ("ra_deg", "dec_deg", "ebv"))
        provenance = {"survey": self.info.name, "object_id": self.ids[row]}
        angle = self._floats["north_angle_deg"][row] if "north_angle_deg" in self._floats else None
        if angle is not None and isfinite(angle):
            # Imported as it was turned: a FITS file of it must say so (survey.fits.writer).
            provenance["north_angle_deg"] = f"{angle:.4f}"
        return Cutout(
            flux=flux,
            bands=self.info.bands,
            ivar=ivar,
            ra_deg=ra,
            dec_deg=dec,
            pixel_scale_arcsec=self.info.pixel_scale_arcsec,
            ebv=ebv,
            is_calibrated=self.info.kind == "flux",
            provenance=provenance,
        )

    @cached_property
    def _floats(self) -> dict[str, list[float | None]]:
        names = ("ra_deg", "dec_deg", "ebv", "north_angle_deg")
        present = [name for name in names if name in self.objects.column_names]
        return {name: self.objects.column(name).to_pylist() for name in present}
