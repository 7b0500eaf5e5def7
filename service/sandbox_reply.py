"""Check what a parsing child answered, as if a stranger had sent it."""

from __future__ import annotations

import math
import re
import socket
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.sandbox_wire import BadFrame, Deadline, receive_body
from service.table_wire import ReadTable, receive_table
from survey.bands import BandSet
from survey.cutout import Cutout
from survey.ingest import CutoutRejected, IngestReport, Understood
from survey.magic import MAX_IMAGE_SIDE, MAX_PIXELS
from survey.prescan import MAX_PLANES

__all__ = ["read_cutout", "read_refusal", "read_table_reply"]

_CODE = re.compile(r"[a-z]{1,16}\.[a-z_]{1,32}\Z")
_PLANES: dict[str, type[np.generic]] = {"flux": np.float32, "ivar": np.float32, "mask": np.uint8}
_TABLE_COLUMNS = ("object_id", "ra_deg", "dec_deg")
# Beyond it squares overflow float32, and no galaxy shines so.
_MAX_FLUX = 1e15
# Half of what a child may hold.
_MAX_TABLE_BYTES = 1 << 29


def read_refusal(head: Mapping[str, Any]) -> CutoutRejected | None:
    """Return the refusal in an answer, if it is one."""
    refusal = head.get("refusal")
    if refusal is None:
        return None
    try:
        code, message = refusal["code"], refusal["message"]
    except (KeyError, TypeError) as error:
        raise BadFrame("a refusal without code and message") from error
    if not isinstance(code, str) or not _CODE.match(code) or not isinstance(message, str):
        raise BadFrame("a refusal whose code or message is no text")
    return CutoutRejected(code, _text(message, 1000))


def read_cutout(head: Mapping[str, Any], stream: socket.socket, deadline: Deadline) -> Understood:
    """Read a cutout and its report from an answer.

    Raises
    ------
    BadFrame
        If shapes, names or numbers are not what a reader can have made.
    CutoutRejected
        ``fits.masked`` without a finite pixel, ``fits.values`` for impossible fluxes.
    """
    try:
        told = head["cutout"]
        shape = _shape(told["shape"])
        planes = {name: _receive(stream, name, shape, deadline) for name in _names(told["planes"])}
        mask = planes.get("mask")
        cutout = Cutout(
            flux=planes["flux"],
            bands=BandSet.from_ids([str(band) for band in told["bands"]]),
            ivar=planes.get("ivar"),
            mask=None if mask is None else mask.astype(np.bool_),
            ra_deg=_number(told["ra_deg"], 0, 360),
            dec_deg=_number(told["dec_deg"], -90, 90),
            pixel_scale_arcsec=_number(told["pixel_scale_arcsec"], 1e-6, 1e6),
            ebv=_number(told["ebv"], 0, 1000),
            is_calibrated=told["is_calibrated"] is True,
            provenance={
                _text(key, 100): _text(value, 500) for key, value in list(told["provenance"].items())[:50]
            },
            offset_px=_offset(told["offset_px"]),
        )
        report = _report(head["report"])
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise BadFrame(f"no cutout: {type(error).__name__}") from error
    _check_pixels(cutout)
    return Understood(cutout, report)


def read_table_reply(head: Mapping[str, Any], stream: socket.socket, deadline: Deadline) -> ReadTable:
    """Read a table from an answer; BadFrame if it is none."""
    try:
        told = head["table"]
        n_rows = told["n_rows"]
        if type(n_rows) is not int or n_rows < 0:
            raise BadFrame("a table without a number of rows")
        rows = receive_table(told["columns"], n_rows, stream, deadline, most=_MAX_TABLE_BYTES)
        return ReadTable(
            format=_text(told["format"], 16),
            mapping={
                key: _text(told["mapping"][key], 128) for key in _TABLE_COLUMNS if key in told["mapping"]
            },
            units={key: _text(told["units"][key], 128) for key in _TABLE_COLUMNS if key in told["units"]},
            left_out=[_text(name, 128) for name in told["left_out"][:1000]],
            rows=rows,
        )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise BadFrame(f"no table: {type(error).__name__}") from error


def _shape(told: Any) -> tuple[int, int, int]:
    planes, height, width = told
    if not all(type(n) is int for n in (planes, height, width)):
        raise BadFrame("a shape that is not of integers")
    if not (1 <= planes <= MAX_PLANES and 1 <= height <= MAX_IMAGE_SIDE and 1 <= width <= MAX_IMAGE_SIDE):
        raise BadFrame("a shape out of range")
    if planes * height * width > MAX_PIXELS:
        raise BadFrame("too many pixels")
    return planes, height, width


def _names(told: Any) -> list[str]:
    names = list(told)
    if names[:1] != ["flux"] or names != [name for name in _PLANES if name in names]:
        raise BadFrame("planes of other names")
    return names


def _receive(stream: socket.socket, name: str, shape: tuple[int, ...], deadline: Deadline) -> NDArray[Any]:
    dtype = np.dtype(_PLANES[name])
    body = receive_body(stream, math.prod(shape) * dtype.itemsize, deadline)
    return np.frombuffer(body, dtype=dtype).reshape(shape)


def _number(told: Any, low: float, high: float) -> float | None:
    if told is None:
        return None
    if not isinstance(told, int | float) or not low <= told <= high:
        raise BadFrame("a number out of range")
    return float(told)


def _offset(told: Any) -> tuple[float, float]:
    y, x = (_number(offset, -1, 1) for offset in told)
    if y is None or x is None:
        raise BadFrame("an offset without a number")
    return y, x


def _report(told: Any) -> IngestReport:
    report = IngestReport(layout=_text(told["layout"], 100))
    for item in told["steps"][:200]:
        report.say(_text(item["step"], 50), _text(item["text"], 1000))
    report.flags = [_text(flag, 50) for flag in told["flags"][:50]]
    return report


def _text(told: Any, limit: int | None = None) -> str:
    """Text that an answer can repeat: JSON may hold lone surrogates, which UTF-8 cannot."""
    return str(told)[:limit].encode("utf-8", "replace").decode()


def _check_pixels(cutout: Cutout) -> None:
    good = cutout.good()
    if not good.any():
        raise CutoutRejected(
            "fits.masked", "No pixel is finite and unmasked. Send an image with data around the galaxy."
        )
    peak = float(np.abs(cutout.flux, where=good, out=np.zeros_like(cutout.flux)).max())
    if peak > _MAX_FLUX:
        raise CutoutRejected(
            "fits.values",
            f"A pixel holds {peak:.3g} nanomaggies (limit {_MAX_FLUX:g}). Check BSCALE, BZERO and the zero point.",
        )
