"""Writing a survey folder: parts gathered into whole shards, published in one step."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zarr

from survey.archive import SurveyFolder, SurveyInfo
from survey.cutout import Cutout, FluxArray
from survey.manifests import publish_folder, write_manifest
from survey.naming import checked_name

__all__ = ["REQUIRED_COLUMNS", "SHARD", "SurveyPart", "publish_survey"]

SHARD = 512
REQUIRED_COLUMNS = ("object_id", "ra_deg", "dec_deg", "hpx29", "ebv", "z_spec")
_FORMAT = 1


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
    BadName
        If the survey's name is none.
    ValueError
        If there are no objects, columns are missing, an id occurs twice, cutouts do not have the survey's
        shape, or ivar is known for some parts only. Nothing is left behind then.
    """
    checked_name(info.name)
    staged = path.with_name(f".{path.name}.staged")
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    writer = _Writer(staged, info, thumbnail)
    try:
        for part in parts:
            writer.add(part)
        files = writer.finish()
        for name, table in (side_tables or {}).items():
            pq.write_table(table, staged / name)
            files.append(name)
        manifest = {**info.to_json(), "format": _FORMAT, "n_objects": writer.n, "counts": writer.counts}
        write_manifest(staged, "survey.json", manifest, files)
    except BaseException:
        writer.close()
        shutil.rmtree(staged, ignore_errors=True)
        raise
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
        self._has_ivar: bool | None = None
        self._thumbnails = (folder / "thumbnails.bin").open("wb") if info.kind != "catalogue" else None

    def add(self, part: SurveyPart) -> None:
        missing = [c for c in REQUIRED_COLUMNS if c not in part.rows.column_names]
        if missing:
            raise ValueError(f"object table lacks column {missing[0]!r}")
        self._tables.append(part.rows)
        self.n += part.rows.num_rows
        if self.info.kind == "catalogue":
            return
        if part.flux is None or len(part.flux) != part.rows.num_rows:
            given = 0 if part.flux is None else len(part.flux)
            raise ValueError(f"{part.rows.num_rows} rows need as many cutouts, not {given}")
        if self._has_ivar is None:
            self._has_ivar = part.ivar is not None
        elif self._has_ivar != (part.ivar is not None):
            raise ValueError("ivar is known for some parts only; give it for all or none")
        self._buffer("flux", part.flux)
        if part.ivar is not None:
            self._buffer("ivar", part.ivar)
        self._render(part)
        while len(self._buffers["flux"]) >= SHARD:
            self._flush(SHARD)

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
        self.close()
        np.save(self.folder / "thumbnails.npy", np.asarray(self._offsets, dtype=np.int64), allow_pickle=False)
        return ["objects.parquet", "cutouts.zarr", "thumbnails.bin", "thumbnails.npy"]

    def close(self) -> None:
        if self._thumbnails is not None:
            self._thumbnails.close()

    def _buffer(self, name: str, pixels: np.ndarray[Any, Any]) -> None:
        assert self.info.bands is not None
        expected = (len(self.info.bands), self.info.field_px, self.info.field_px)
        if pixels.shape[1:] != expected:
            raise ValueError(f"{name} has shape {pixels.shape[1:]}; the survey stores {expected}")
        self._buffers.setdefault(name, []).extend(pixels)

    def _render(self, part: SurveyPart) -> None:
        if (
            self._thumbnail is None
            or self._thumbnails is None
            or part.flux is None
            or self.info.bands is None
        ):
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
        return group.create_array(
            name, shape=(0, *shape), chunks=(1, *shape), shards=(SHARD, *shape), dtype=dtype
        )


def _storable(block: np.ndarray[Any, Any], dtype: Any) -> np.ndarray[Any, Any]:
    if dtype == np.float16:
        # A saturated core may exceed the largest float16; NaN (unknown) stays NaN.
        block = np.clip(block, -65000, 65000)
    stored: np.ndarray[Any, Any] = block.astype(dtype)
    return stored
