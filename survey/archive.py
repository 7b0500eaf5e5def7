"""The survey folder: objects, cutouts and thumbnails of one survey on disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zarr

from survey.bands import BandSet
from survey.cutout import Cutout, FluxArray
from survey.manifests import CorruptFolder, publish_folder, read_manifest, sha256_of, write_manifest

__all__ = ["SurveyFolder", "SurveyInfo", "SurveyPart", "UnknownObject", "publish_survey"]

_SHARD = 512
_FORMAT = 1
_REQUIRED_COLUMNS = ("object_id", "ra_deg", "dec_deg", "hpx29", "ebv", "z_spec")


class UnknownObject(KeyError):
    """An object id that the survey has not."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class SurveyInfo:
    """What ``survey.json`` says.

    Attributes
    ----------
    name
        Short name, ``^[a-z0-9][a-z0-9._-]{0,63}$``.
    kind
        ``flux`` (nanomaggies), ``display`` (0..255 RGB) or ``catalogue`` (no cutouts).
    bands
        Planes of the cutouts; None for a catalogue.
    pixel_scale_arcsec
        None when it is unknown or varies.
    field_px
        Side of the stored cutouts; 0 for a catalogue.
    realism
        One sentence: what is real and what is rendered.
    """

    name: str
    title: str
    kind: Literal["flux", "display", "catalogue"]
    bands: BandSet | None = None
    pixel_scale_arcsec: float | None = None
    field_px: int = 0
    epoch: str = ""
    citation: str = ""
    licence: str = ""
    realism: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        names = ("name", "title", "kind", "pixel_scale_arcsec", "field_px", "epoch", "citation", "licence", "realism", "extra")
        return {**{n: getattr(self, n) for n in names}, "bands": list(self.bands.ids) if self.bands else None}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> SurveyInfo:
        """Rebuild from :meth:`to_json`; other keys are ignored."""
        keys = ("name", "title", "kind", "pixel_scale_arcsec", "field_px", "epoch", "citation", "licence", "realism", "extra")
        bands = BandSet.from_ids(data["bands"]) if data.get("bands") else None
        return cls(**{k: data[k] for k in keys if k in data}, bands=bands)


@dataclass(frozen=True, slots=True, eq=False)
class SurveyPart:
    """Consecutive objects on their way into a survey folder.

    Attributes
    ----------
    rows
        One row an object; :func:`publish_survey` says which columns.
    flux
        Shape (n, C, F, F): float32 nanomaggies, or uint8 for display images; None for a catalogue.
    ivar
        Shape like ``flux``, or None; 0 marks unusable pixels.
    """

    rows: pa.Table
    flux: np.ndarray[Any, Any] | None = None
    ivar: FluxArray | None = None


class SurveyFolder:
    """One survey on disk, opened for reading.

    ``objects.parquet`` has one row an object: ``object_id`` (string, unique), ``ra_deg``, ``dec_deg``,
    ``hpx29`` (HEALPix NESTED order 29), ``ebv``, ``z_spec`` (all nullable), for flux surveys
    ``flux_<band>`` and ``flux_ivar_<band>`` in nanomaggies, optionally ``label``, and the user's own
    columns. Cutouts lie in the same order in ``cutouts.zarr``.

    Raises
    ------
    CorruptFolder
        If the manifest is missing or the object table does not have its hash.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = read_manifest(path, "survey.json", verify=["objects.parquet"])
        self.info = SurveyInfo.from_json(self.manifest)
        self.sha256 = sha256_of((path / "survey.json").read_bytes())

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def objects(self) -> pa.Table:
        """The whole object table."""
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
        """
        rows = np.array([self.row_of(i) for i in object_ids], dtype=np.int64)
        flux, ivar = self._pixels(rows)
        return [self._cutout(int(row), flux[n], None if ivar is None else ivar[n]) for n, row in enumerate(rows)]

    def scan(self, start: int = 0, stop: int | None = None, size: int = _SHARD) -> Iterator[tuple[int, list[Cutout]]]:
        """Yield (first row, cutouts) over rows ``start`` to ``stop`` in stored order."""
        end = len(self) if stop is None else min(stop, len(self))
        for first in range(start, end, size):
            rows = slice(first, min(first + size, end))
            flux, ivar = self._pixels(rows)
            cutouts = [self._cutout(first + n, flux[n], None if ivar is None else ivar[n]) for n in range(len(flux))]
            yield first, cutouts

    def thumbnail(self, row: int) -> bytes:
        """Return the packed WebP thumbnail of a row.

        Raises
        ------
        CorruptFolder
            If the survey holds no thumbnails.
        """
        if not self.has_cutouts:
            raise CorruptFolder(f"survey {self.info.name} is a catalogue without images")
        offsets = self._thumbnail_offsets
        with (self.path / "thumbnails.bin").open("rb") as stream:
            stream.seek(int(offsets[row]))
            return stream.read(int(offsets[row + 1] - offsets[row]))

    @cached_property
    def _thumbnail_offsets(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        return np.load(self.path / "thumbnails.npy", allow_pickle=False)  # type: ignore[no-any-return]

    def _pixels(self, rows: Any) -> tuple[FluxArray, FluxArray | None]:
        if not self.has_cutouts:
            raise CorruptFolder(f"survey {self.info.name} is a catalogue without images")
        flux = self._take(self._arrays["flux"], rows)
        ivar = self._take(self._arrays["ivar"], rows) if "ivar" in self._arrays else None
        return flux, ivar

    @staticmethod
    def _take(array: Any, rows: Any) -> FluxArray:
        picked = array[rows] if isinstance(rows, slice) else array.oindex[rows]
        return np.asarray(picked, dtype=np.float32)

    def _cutout(self, row: int, flux: FluxArray, ivar: FluxArray | None) -> Cutout:
        assert self.info.bands is not None
        ra, dec, ebv = (self._floats[name][row] for name in ("ra_deg", "dec_deg", "ebv"))
        return Cutout(
            flux=flux,
            bands=self.info.bands,
            ivar=ivar,
            ra_deg=ra,
            dec_deg=dec,
            pixel_scale_arcsec=self.info.pixel_scale_arcsec,
            ebv=ebv,
            is_calibrated=self.info.kind == "flux",
            provenance={"survey": self.info.name, "object_id": self.ids[row]},
        )

    @cached_property
    def _floats(self) -> dict[str, list[float | None]]:
        return {name: self.objects.column(name).to_pylist() for name in ("ra_deg", "dec_deg", "ebv")}


def publish_survey(
    path: Path,
    info: SurveyInfo,
    parts: Iterable[SurveyPart],
    *,
    thumbnail: Callable[[Cutout], bytes] | None = None,
    side_tables: dict[str, pa.Table] | None = None,
) -> SurveyFolder:
    """Write a survey folder from parts and publish it in one step.

    Parameters
    ----------
    path
        The folder; replaced if it exists.
    parts
        In order; all with the same columns, of which ``object_id``, ``ra_deg``, ``dec_deg``, ``hpx29``,
        ``ebv``, ``z_spec`` must be there (null where unknown).
    thumbnail
        Renders a cutout to WebP bytes; required for surveys with cutouts.
    side_tables
        Further Parquet tables that no model reads, by file name (the simulated truth).

    Raises
    ------
    ValueError
        If there are no objects, columns are missing, or an id occurs twice.
    """
    staged = path.with_name(f".{path.name}.staged")
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    writer = _Writer(staged, info, thumbnail)
    for part in parts:
        writer.add(part)
    files = writer.finish()
    for name, table in (side_tables or {}).items():
        pq.write_table(table, staged / name)
        files.append(name)
    manifest = {**info.to_json(), "format": _FORMAT, "n_objects": writer.n, "counts": writer.counts}
    write_manifest(staged, "survey.json", manifest, files)
    publish_folder(staged, path)
    return SurveyFolder(path)


class _Writer:
    """Gathers parts into whole shards, so that every shard is written once."""

    def __init__(self, folder: Path, info: SurveyInfo, thumbnail: Callable[[Cutout], bytes] | None) -> None:
        self.folder, self.info, self.n = folder, info, 0
        self.counts: dict[str, int] = {}
        self._tables: list[pa.Table] = []
        self._thumbnail = thumbnail
        self._buffers: dict[str, list[np.ndarray[Any, Any]]] = {}
        self._written = 0
        self._arrays: dict[str, Any] = {}
        self._offsets = [0]
        self._thumbnails = (folder / "thumbnails.bin").open("wb") if info.kind != "catalogue" else None

    def add(self, part: SurveyPart) -> None:
        missing = [c for c in _REQUIRED_COLUMNS if c not in part.rows.column_names]
        if missing:
            raise ValueError(f"object table lacks column {missing[0]!r}")
        self._tables.append(part.rows)
        self.n += part.rows.num_rows
        if self.info.kind == "catalogue":
            return
        if part.flux is None or len(part.flux) != part.rows.num_rows:
            raise ValueError(f"{part.rows.num_rows} rows need as many cutouts")
        self._buffer("flux", part.flux)
        if part.ivar is not None:
            self._buffer("ivar", part.ivar)
        self._render(part)
        while len(self._buffers["flux"]) >= _SHARD:
            self._flush(_SHARD)

    def finish(self) -> list[str]:
        if self.n == 0:
            raise ValueError("a survey needs at least one object")
        table = pa.concat_tables(self._tables, promote_options="permissive")
        ids = table.column("object_id").to_pylist()
        if len(set(ids)) != len(ids):
            seen: set[str] = set()
            twice = next(i for i in ids if i in seen or seen.add(i))  # type: ignore[func-returns-value]
            raise ValueError(f"object id {twice!r} occurs twice; ids must be unique in a survey")
        pq.write_table(table, self.folder / "objects.parquet")
        self.counts = {c: table.num_rows - table.column(c).null_count for c in ("ra_deg", "ebv", "z_spec")}
        if self._thumbnails is None:
            return ["objects.parquet"]
        self._flush(len(self._buffers["flux"]))
        for name, array in self._arrays.items():
            if array.shape[0] != self.n:
                raise ValueError(f"{name} is known for {array.shape[0]} of {self.n} objects; give it for all or none")
        self._thumbnails.close()
        np.save(self.folder / "thumbnails.npy", np.asarray(self._offsets, dtype=np.int64), allow_pickle=False)
        return ["objects.parquet", "cutouts.zarr", "thumbnails.bin", "thumbnails.npy"]

    def _buffer(self, name: str, pixels: np.ndarray[Any, Any]) -> None:
        assert self.info.bands is not None
        expected = (len(self.info.bands), self.info.field_px, self.info.field_px)
        if pixels.shape[1:] != expected:
            raise ValueError(f"{name} has shape {pixels.shape[1:]}; the survey stores {expected}")
        self._buffers.setdefault(name, []).extend(pixels)

    def _render(self, part: SurveyPart) -> None:
        if self._thumbnail is None or self._thumbnails is None or part.flux is None or self.info.bands is None:
            raise ValueError("a survey with cutouts needs a thumbnail renderer")
        for n, flux in enumerate(part.flux):
            ivar = None if part.ivar is None else part.ivar[n]
            image = self._thumbnail(
                Cutout(
                    flux=flux.astype(np.float32),
                    bands=self.info.bands,
                    ivar=ivar,
                    pixel_scale_arcsec=self.info.pixel_scale_arcsec,
                )
            )
            self._thumbnails.write(image)
            self._offsets.append(self._offsets[-1] + len(image))

    def _flush(self, count: int) -> None:
        if count == 0:
            return
        for name, buffer in self._buffers.items():
            block = np.stack(buffer[:count])
            array = self._arrays.get(name)
            if array is None:
                array = self._arrays[name] = self._create(name, block)
            array.resize((self._written + count, *block.shape[1:]))
            array[self._written : self._written + count] = _storable(block, array.dtype)
            del buffer[:count]
        self._written += count

    def _create(self, name: str, block: np.ndarray[Any, Any]) -> Any:
        dtype = "uint8" if self.info.kind == "display" else "float16" if name == "flux" else "float32"
        group = zarr.open_group(self.folder / "cutouts.zarr", mode="a")
        shape = block.shape[1:]
        return group.create_array(name, shape=(0, *shape), chunks=(1, *shape), shards=(_SHARD, *shape), dtype=dtype)


def _storable(block: np.ndarray[Any, Any], dtype: Any) -> np.ndarray[Any, Any]:
    if dtype == np.float16:
        # A saturated core may exceed the largest float16; NaN (unknown) stays NaN.
        return np.clip(block, -65000, 65000).astype(np.float16)
    return block.astype(dtype)
