"""A Parquet table of cutouts → one array of pixels per row; runs only in a parsing child."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from service.archives import MAX_MEMBER_BYTES, Walk
from service.table_columns import map_columns
from survey.bands import BandSet, UnknownBand
from survey.ingest import CutoutRejected, Overrides
from survey.photometry import mag_to_flux

__all__ = ["METADATA_KEY", "Described", "Row", "read_cutout_table"]

#: Key of the schema's metadata; its value is JSON with ``bands``, ``pixel_scale_arcsec``, ``zeropoint``.
METADATA_KEY = b"skylike.cutouts"

_PIXELS = ("flux", "image", "cutout", "pixels")
_NUMBERS: dict[str, tuple[str, ...]] = {
    "ebv": ("ebv", "ebmv", "ebvsfd"),
    "pixel_scale_arcsec": ("pixelscalearcsec", "pixelscale", "pixscale"),
}
_BATCH_ROWS = 32
_MAX_COLUMNS = 1000
_MAX_SIDE = 1024
_MIN_SIDE = 16


@dataclass(frozen=True, slots=True)
class Described:
    """What a table says of all its cutouts.

    Attributes
    ----------
    bands
        The planes, in order.
    pixel_scale_arcsec
        None where neither table nor sender says it; rows may.
    factor
        Nanomaggies of one count, shape (C,); None where no zero point is known.
    """

    bands: BandSet
    pixel_scale_arcsec: float | None
    factor: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One cutout of a table, or why it is none.

    Attributes
    ----------
    name
        Its id, or ``row 17``, counted from 0.
    flux
        Nanomaggy where the factor is known, float32, shape (C, H, W); None where there is a refusal.
    """

    name: str
    described: Described
    flux: NDArray[np.float32] | None = None
    ra_deg: float | None = None
    dec_deg: float | None = None
    ebv: float | None = None
    pixel_scale_arcsec: float | None = None
    code: str = ""
    message: str = ""


def read_cutout_table(data: bytes, overrides: Overrides, walk: Walk) -> Iterator[Row]:
    """Yield the cutouts of a table in their order.

    Layouts: one column ``flux`` (or ``image``, ``cutout``, ``pixels``) of (C, H, W) values, or one column
    ``flux_<band>`` for each band of (H, W). A value is a fixed-shape tensor, nested lists, or a flat list in C order
    whose planes are square. Beside them may stand an id, ``ra`` and ``dec`` (degrees), ``ebv``,
    ``pixel_scale_arcsec``. Bands, pixel scale and zero point come from the sender's words, else from the metadata.

    Raises
    ------
    CutoutRejected
        ``table.unreadable``, ``table.cutouts`` (no such columns), ``fits.band_unknown``, ``fits.zeropoint``,
        ``archive.members``, ``archive.empty``.
    """
    try:
        file = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False)
        schema = file.schema_arrow
    except (pa.ArrowException, OSError) as error:
        raise _unreadable() from error
    walk.n = file.metadata.num_rows - 1
    walk.count()
    if not file.metadata.num_rows:
        raise CutoutRejected("archive.empty", "The table has no row.")
    layout = _layout(schema, overrides)
    columns = [*layout.pixels, *layout.texts.values(), *layout.numbers.values()]
    first = 0
    try:
        for batch in file.iter_batches(_BATCH_ROWS, columns=columns, use_threads=False):
            yield from _rows(batch, layout, first)
            first += len(batch)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable() from error


@dataclass(frozen=True, slots=True)
class _Layout:
    pixels: list[str]
    texts: dict[str, str]
    numbers: dict[str, str]
    described: Described
    shape: tuple[int, ...] | None


def _layout(schema: pa.Schema, overrides: Overrides) -> _Layout:
    names = list(schema.names)[:_MAX_COLUMNS]
    told = _metadata(schema)
    folded = {re.sub(r"[\s_\-]", "", name).lower(): name for name in reversed(names)}
    whole = next((folded[alias] for alias in _PIXELS if alias in folded), None)
    by_band = {
        match[2]: name
        for name in names
        if (match := re.fullmatch(rf"({'|'.join(_PIXELS)})_(\w+(?::\w+)?)", name)) is not None
    }
    said = overrides.bands or told.get("bands")
    if whole is None and not by_band:
        raise CutoutRejected(
            "table.cutouts",
            f"No pixels among the columns {', '.join(names[:12])}. Name one `flux` of shape (bands, height, width), or "
            "one `flux_<band>` for each band.",
        )
    bands = _bands(str(said) if said else None, list(by_band) if whole is None else None)
    if whole is None and set(by_band) not in (set(bands.names), set(bands.ids)):
        raise CutoutRejected(
            "fits.band_unknown",
            f"The table has columns for {', '.join(by_band)}; the bands are said to be {', '.join(bands.ids)}.",
        )
    pixels = (
        [whole] if whole is not None else [by_band.get(band.id, by_band.get(band.name, "")) for band in bands]
    )
    ours = map_columns(names)
    # Beside a position an id may have any name; here it is always wanted.
    ours |= (
        map_columns([name for name in names if name not in ours.values()]) if "object_id" not in ours else {}
    )
    numbers = {key: column for key, column in ours.items() if key in ("ra_deg", "dec_deg")}
    for key, aliases in _NUMBERS.items():
        found = next((folded[alias] for alias in aliases if alias in folded), None)
        if found is not None:
            numbers[key] = found
    texts = {key: column for key, column in ours.items() if key == "object_id"}
    scale = overrides.pixel_scale_arcsec or _number(told.get("pixel_scale_arcsec"), 1e-3, 100)
    described = Described(bands, scale, _factor(overrides, told, bands))
    return _Layout(pixels, texts, numbers, described, _tensor_shape(schema, pixels))


def _metadata(schema: pa.Schema) -> Mapping[str, Any]:
    raw = (schema.metadata or {}).get(METADATA_KEY)
    if raw is None:
        return {}
    try:
        told = json.loads(raw[:65536])
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise CutoutRejected("table.cutouts", f"The metadata {METADATA_KEY.decode()!r} is no JSON object.")
    return told


def _bands(said: str | None, columns: list[str] | None) -> BandSet:
    text = said
    if text is None and columns is not None:
        text = ",".join(columns) if all(":" in name for name in columns) else "".join(columns)
    if text is None:
        raise CutoutRejected(
            "fits.band_unknown",
            "Nothing says which bands the planes are. Tell the order, e.g. `bands=sdss-ugriz`.",
        )
    try:
        return BandSet.parse(text)
    except UnknownBand as error:
        raise CutoutRejected("fits.band_unknown", f"The bands {text[:80]!r} are not known.") from error


def _factor(overrides: Overrides, told: Mapping[str, Any], bands: BandSet) -> NDArray[np.float64] | None:
    """Return nanomaggies of one count: 10^(0.4 (22.5 - m)) for the AB magnitude m of one count."""
    zeros = overrides.zeropoints()
    if not zeros:
        given = told.get("zeropoint")
        listed = given if isinstance(given, list) else [] if given is None else [given]
        zeros = tuple(number for value in listed[:20] if (number := _number(value, -50, 80)) is not None)
        if len(zeros) != len(listed):
            raise CutoutRejected("fits.zeropoint", "A zero point of the metadata is no magnitude.")
    if not zeros:
        return None
    if len(zeros) not in (1, len(bands)):
        raise CutoutRejected(
            "fits.zeropoint",
            f"{len(zeros)} zero points for {len(bands)} bands. Give one, or one for each band.",
        )
    return np.broadcast_to(mag_to_flux(zeros), (len(bands),))


def _tensor_shape(schema: pa.Schema, pixels: Sequence[str]) -> tuple[int, ...] | None:
    kind = schema.field(pixels[0]).type
    return tuple(kind.shape) if isinstance(kind, pa.FixedShapeTensorType) else None


def _rows(batch: pa.RecordBatch, layout: _Layout, first: int) -> Iterator[Row]:
    columns = [_Pixels(batch.column(name), layout.shape) for name in layout.pixels]
    texts = {key: batch.column(name).to_pylist() for key, name in layout.texts.items()}
    numbers = {key: batch.column(name).to_pylist() for key, name in layout.numbers.items()}
    for n in range(len(batch)):
        own = str(value) if texts and (value := texts["object_id"][n]) is not None else f"row {first + n}"
        name = "".join(c if c.isprintable() else "�" for c in own)[:255]
        try:
            flux = _flux([column.of(n) for column in columns], layout.described)
            values: dict[str, Any] = {key: _value(column[n], key) for key, column in numbers.items()}
        except CutoutRejected as refusal:
            yield Row(name, layout.described, code=refusal.code, message=str(refusal))
        else:
            yield Row(name, layout.described, flux, **values)


class _Pixels:
    """One column of pixels, row by row."""

    def __init__(self, column: pa.Array, shape: tuple[int, ...] | None) -> None:
        self._shape = shape
        self._column = column.storage if isinstance(column, pa.ExtensionArray) else column

    def of(self, n: int) -> NDArray[np.float32]:
        """Return the values of a row, shape (L,) or as nested.

        Raises
        ------
        CutoutRejected
            ``table.cutout`` for a null, a ragged row, or what is no list of numbers.
        """
        if not self._column[n].is_valid:
            raise _bad_row("The row has no pixels.")
        values, shape = self._column.slice(n, 1), []
        while (
            pa.types.is_list(kind := values.type)
            or pa.types.is_large_list(kind)
            or pa.types.is_fixed_size_list(kind)
        ):
            lengths = (
                set(values.value_lengths().to_pylist())
                if not pa.types.is_fixed_size_list(kind)
                else {kind.list_size}
            )
            if len(lengths) != 1 or None in lengths:
                raise _bad_row("The rows of the image have different lengths.")
            shape.append(int(lengths.pop()))
            values = values.flatten()
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
            raise _bad_row("The pixels are no numbers.")
        if 4 * math.prod(shape) > MAX_MEMBER_BYTES or len(values) != math.prod(shape):
            raise _bad_row(f"The cutout has {math.prod(shape)} values (limit {MAX_MEMBER_BYTES // 4}).")
        pixels = values.to_numpy(zero_copy_only=False)
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(pixels, dtype=np.float32).reshape(self._shape or tuple(shape))


def _flux(planes: list[NDArray[np.float32]], described: Described) -> NDArray[np.float32]:
    shaped = _shaped(planes[0] if len(planes) == 1 else _stacked(planes), len(described.bands))
    height, width = shaped.shape[1:]
    if not (min(height, width) >= _MIN_SIDE and max(height, width) <= _MAX_SIDE):
        raise CutoutRejected(
            "fits.too_small" if min(height, width) < _MIN_SIDE else "fits.too_large",
            f"The image is {width}x{height} px; {_MIN_SIDE} to {_MAX_SIDE} px a side are read.",
        )
    if described.factor is None or (described.factor == 1).all():
        return np.ascontiguousarray(shaped)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(shaped * described.factor[:, None, None].astype(np.float32), dtype=np.float32)


def _shaped(values: NDArray[np.float32], n_bands: int) -> NDArray[np.float32]:
    """Bring values to (C, H, W): as they are, one plane of one band, or flat planes that are square."""
    if values.ndim == 3 and len(values) == n_bands:
        return values
    if values.ndim == 2 and n_bands == 1 and len(values) > 1:
        return values[None]
    side = math.isqrt(values.size // n_bands)
    if values.size and values.ndim <= 2 and values.size == n_bands * side * side:
        return values.reshape(n_bands, side, side)
    raise _bad_row(f"Pixels of shape {values.shape} are no {n_bands} planes. Write (bands, height, width).")


def _stacked(planes: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    if len({plane.shape for plane in planes}) != 1:
        raise _bad_row("The bands have different sizes.")
    return np.stack(planes)


def _value(value: Any, key: str) -> float | None:
    low, high = {"ra_deg": (0, 360), "dec_deg": (-90, 90), "ebv": (0, 1000)}.get(key, (1e-3, 100))
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    number = _number(value, low, high)
    if number is None:
        raise _bad_row(f"{key} is {str(value)[:40]}; it must lie between {low:g} and {high:g}.")
    return number


def _number(value: Any, low: float, high: float) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and low <= value <= high else None


def _bad_row(text: str) -> CutoutRejected:
    return CutoutRejected("table.cutout", text)


def _unreadable() -> CutoutRejected:
    return CutoutRejected("table.unreadable", "The Parquet file cannot be read: it is damaged or incomplete.")
