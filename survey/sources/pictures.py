"""Where a survey's pictures lie, and how one becomes counts of the survey's size."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from survey.display import read_display
from survey.ingest import CutoutRejected
from survey.sources.plan import Decoded

__all__ = ["FilePictures", "ParquetPictures", "PictureDecoder", "Pictures", "Resize"]

Resize = Literal["crop", "rescale"]


@dataclass(slots=True)
class ParquetPictures:
    """Pictures in a column of bytes, read a row group at a time."""

    path: str
    column: str
    source_rows: NDArray[np.int64]
    _file: Any = field(default=None, repr=False)
    _starts: Any = field(default=None, repr=False)
    _group: tuple[int, Any] = field(default=(-1, None), repr=False)

    def __call__(self, row: int) -> bytes:
        """Return a row's picture; raises CutoutRejected where there is none."""
        index = int(self.source_rows[row])
        if self._file is None:
            self._file = pq.ParquetFile(self.path)
            sizes = [self._file.metadata.row_group(g).num_rows for g in range(self._file.num_row_groups)]
            self._starts = np.concatenate([[0], np.cumsum(sizes)])
        group = int(np.searchsorted(self._starts, index, side="right")) - 1
        if self._group[0] != group:
            table = self._file.read_row_group(group, columns=[self.column])
            column = table.column(0).combine_chunks()
            # Hugging Face writes {bytes, path} where others write the bytes.
            column = column.field("bytes") if pa.types.is_struct(column.type) else column
            self._group = (group, column)
        value = self._group[1][index - int(self._starts[group])].as_py()
        if value is None:
            raise CutoutRejected("display.missing", "The row has no picture.")
        return bytes(value)

    def __getstate__(self) -> tuple[str, str, NDArray[np.int64]]:
        return self.path, self.column, self.source_rows

    def __setstate__(self, state: tuple[str, str, NDArray[np.int64]]) -> None:
        self.path, self.column, self.source_rows = state
        self._file, self._starts, self._group = None, None, (-1, None)


@dataclass(frozen=True, slots=True)
class FilePictures:
    """Pictures in files of their own."""

    paths: tuple[str, ...]

    def __call__(self, row: int) -> bytes:
        """Return a row's picture; raises CutoutRejected where there is none."""
        try:
            return Path(self.paths[row]).read_bytes()
        except OSError as error:
            raise CutoutRejected("display.missing", "The file cannot be opened.") from error


Pictures = ParquetPictures | FilePictures


@dataclass(frozen=True, slots=True)
class PictureDecoder:
    """Decodes a row's picture to (3, F, F) counts.

    Attributes
    ----------
    pictures
        Gives the bytes of a row.
    field_px
        F.
    resize
        What happens to pictures of another size; None rejects them.
    """

    pictures: Pictures
    field_px: int
    resize: Resize | None

    def __call__(self, row: int) -> Decoded:
        """Decode one picture; raises CutoutRejected."""
        counts = read_display(self.pictures(row)).cutout.flux.astype(np.uint8)
        return Decoded(_to_side(counts, self.field_px, self.resize))

    def fingerprint(self) -> str:
        """Return where the pictures are and how they are cut."""
        if isinstance(self.pictures, ParquetPictures):
            stat = Path(self.pictures.path).stat()
            return f"{self.pictures.path} {stat.st_size} {stat.st_mtime_ns} {self.field_px} {self.resize}"
        stats = [Path(p).stat() for p in self.pictures.paths]
        total = [(s.st_size, s.st_mtime_ns) for s in stats]
        return f"{hash(tuple(total))} {len(total)} {self.field_px} {self.resize}"


def _to_side(counts: NDArray[np.uint8], side: int, resize: Resize | None) -> NDArray[np.uint8]:
    height, width = counts.shape[1:]
    if (height, width) == (side, side):
        return counts
    if resize is None:
        raise CutoutRejected(
            "display.size", f"The picture has {width}x{height} px, the survey {side}x{side}."
        )
    if resize == "crop":
        if min(height, width) < side:
            raise CutoutRejected(
                "display.size", f"The picture has {width}x{height} px, too small to cut {side} px from."
            )
        y, x = (height - side) // 2, (width - side) // 2
        return counts[:, y : y + side, x : x + side]
    square = min(height, width)
    y, x = (height - square) // 2, (width - square) // 2
    image = Image.fromarray(
        np.ascontiguousarray(counts[:, y : y + square, x : x + square].transpose(1, 2, 0))
    )
    scaled = image.resize((side, side), Image.Resampling.LANCZOS)
    return np.ascontiguousarray(np.asarray(scaled).transpose(2, 0, 1))
