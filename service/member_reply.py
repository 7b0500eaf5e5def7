"""Check what a parsing child answered about a batch, as if a stranger had sent it."""

from __future__ import annotations

import math
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from service.cutout_inputs import Prepared
from service.members import Member
from service.sandbox_reply import read_refusal
from service.sandbox_wire import BadFrame, Deadline, receive_body
from survey.bands import BandSet, UnknownBand
from survey.contract import InputContract
from survey.ingest import FLAGS, CutoutRejected
from survey.measures import Measures

__all__ = ["Told", "read_members", "read_prepared"]

#: A member as prepared, or why it was not.
Told = Prepared | CutoutRejected

_MAX_NAME = 255
_MAX_SIDE = 1024
_MAX_MEMBER_BYTES = 16 * 2**20
_NUMBERS = ("ra_deg", "dec_deg", "ebv", "pixel_scale_arcsec")
_SCALARS = ("r50_px", "concentration", "core_fwhm_px", "snr")


def read_members(head: Mapping[str, Any], stream: socket.socket, deadline: Deadline) -> list[Member]:
    """Read some members of an archive from a frame.

    Raises
    ------
    CutoutRejected
        If the frame refuses the whole archive.
    BadFrame
        If it is nothing that a walk can have told.
    """
    refusal = read_refusal(head)
    if refusal is not None:
        raise refusal
    try:
        return [_member(item, stream, deadline) for item in head["members"]]
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise BadFrame(f"no members: {type(error).__name__}") from error


def read_prepared(
    head: Mapping[str, Any], stream: socket.socket, deadline: Deadline, contract: InputContract
) -> Told:
    """Read one member's network input, or its refusal, from a frame.

    Raises
    ------
    BadFrame
        If the numbers are none that the contract can have given.
    """
    refusal = read_refusal(head)
    if refusal is not None:
        return refusal
    shape = len(contract.bands), contract.input_px, contract.input_px
    try:
        told = head["prepared"]
        body = receive_body(stream, 4 * math.prod(shape), deadline)
        image = np.frombuffer(body, dtype=np.float32).reshape(shape)
        if not np.isfinite(image).all():
            raise BadFrame("an input with values that are no numbers")
        return Prepared(
            input=image,
            measures=_measures(told["measures"], contract),
            flags=tuple(flag for flag in told["flags"] if flag in FLAGS),
            ra_deg=_number(told["ra_deg"], 0, 360),
            dec_deg=_number(told["dec_deg"], -90, 90),
            is_calibrated=told["is_calibrated"] is True,
        )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise BadFrame(f"no input: {type(error).__name__}") from error


def _member(item: Mapping[str, Any], stream: socket.socket, deadline: Deadline) -> Member:
    name, code, message = (
        _text(item[key], limit) for key, limit in (("name", _MAX_NAME), ("code", 49), ("message", 1000))
    )
    size = item["size"]
    if type(size) is not int or not 0 <= size <= _MAX_MEMBER_BYTES:
        raise BadFrame("a member of an impossible size")
    body = receive_body(stream, size, deadline)
    told = item.get("pixels")
    if code:
        # As strict as with a refusal that stands alone.
        read_refusal({"refusal": {"code": code, "message": message}})
        return Member(name, code=code, message=message)
    return Member(name, memoryview(body), None if told is None else _pixels(told, size))


def _pixels(told: Mapping[str, Any], size: int) -> dict[str, Any]:
    shape = [int(side) for side in told["shape"]]
    bands = [str(band) for band in told["bands"]]
    try:
        n_bands = len(BandSet.from_ids(bands))
    except UnknownBand as error:
        raise BadFrame("bands that nobody knows") from error
    if len(shape) != 3 or shape[0] != n_bands or not all(1 <= side <= _MAX_SIDE for side in shape[1:]):
        raise BadFrame("a shape out of range")
    if 4 * math.prod(shape) != size:
        raise BadFrame("pixels of another number than the shape says")
    limits = {"ra_deg": (0, 360), "dec_deg": (-90, 90), "ebv": (0, 1000), "pixel_scale_arcsec": (1e-6, 1e6)}
    numbers = {key: _number(told[key], *limits[key]) for key in _NUMBERS}
    return {"shape": shape, "bands": bands, "is_calibrated": told["is_calibrated"] is True, **numbers}


def _measures(told: Sequence[Any], contract: InputContract) -> Measures:
    n = len(contract.bands)
    values = np.array([math.nan if value is None else float(value) for value in told], dtype=np.float64)
    if values.shape != (3 * n + len(_SCALARS),):
        raise BadFrame("measures of another number")
    flux, sky, noise = values[: 3 * n].reshape(3, n)
    scalars = dict(zip(_SCALARS, values[3 * n :].tolist(), strict=True))
    return Measures(contract.bands, contract.pixel_scale_arcsec, flux, sky, noise, **scalars)


def _number(told: Any, low: float, high: float) -> float | None:
    if told is None:
        return None
    if isinstance(told, bool) or not isinstance(told, int | float) or not low <= told <= high:
        raise BadFrame("a number out of range")
    return float(told)


def _text(told: Any, limit: int) -> str:
    """Text that an answer can repeat: JSON may hold lone surrogates, which UTF-8 cannot."""
    return str(told)[:limit].encode("utf-8", "replace").decode()
