"""What a parsing child does: give up every right it can, parse one upload, answer, end."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from service.sandbox_limits import LIMITS, MEMORY_BYTES, NICENESS
from service.sandbox_rights import give_up_rights
from service.sandbox_wire import Deadline, receive_body, receive_head, send_frame
from service.table_reader import read_rows
from survey.cropping import crop_to_field
from survey.display import read_display
from survey.fits.reader import read_fits
from survey.ingest import CutoutRejected, Overrides, Understood
from survey.prescan import prescan
from survey.shrinking import shrink_display
from survey.wrappers import unpack

__all__ = ["work"]

Files = list[tuple[str, bytes]]
Answer = tuple[dict[str, Any], list[memoryview]]


def work(job: int) -> int:
    """Do one job from a socket; returns the exit code."""
    _restrict()
    forever = Deadline(None)
    with socket.socket(fileno=job) as stream:
        head = receive_head(stream, forever)
        files = [
            (str(item["name"]), bytes(receive_body(stream, item["size"], forever))) for item in head["files"]
        ]
        answer, buffers = _answer(head, files)
        send_frame(stream, answer, buffers, forever)
    return 0


def _restrict() -> None:
    os.nice(NICENESS)
    # A child that writes to a file or uses up its time ends at once, whatever C code it is in.
    for number in (signal.SIGXCPU, signal.SIGXFSZ, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    give_up_rights()


def _answer(head: Mapping[str, Any], files: Files) -> Answer:
    try:
        match head["task"]:
            case "cutout":
                return _describe(_read(files, Overrides(**head["overrides"]), head.get("field_arcsec")))
            case "table":
                _, data = files[0]
                return {"table": read_rows(data, max_rows=head["max_rows"])}, []
            case _:
                return {"probe": _probe()}, []
    except CutoutRejected as refusal:
        return _refusal(refusal.code, str(refusal)), []
    except MemoryError:
        text = f"Reading it takes more than {MEMORY_BYTES // 2**20} MiB of memory. Send a cutout around the galaxy."
        return _refusal("upload.memory", text), []
    except Exception as error:  # noqa: BLE001 - parsers raise anything; the name of the class is for the log
        answer = _refusal(
            "upload.unreadable", "The file cannot be read: it is damaged, or its header contradicts itself."
        )
        return {**answer, "cause": type(error).__name__}, []


def _refusal(code: str, message: str) -> dict[str, Any]:
    return {"refusal": {"code": code, "message": message[:1000]}}


def _read(files: Files, overrides: Overrides, field_arcsec: float | None) -> Understood:
    """Take wrappers off (looking at the headers inside as the service did outside), parse, leave out what nobody needs."""
    notes: list[str] = []
    for position, (name, data) in enumerate(files):
        if data.startswith((b"\x1f\x8b", b"BZh")):
            plain = unpack(data, "gzip" if data[0] == 0x1F else "bzip2")
            report = prescan(plain)
            if report.wrapper or report.kind != "fits":
                raise CutoutRejected(
                    "upload.type", "Inside the compressed file there is no FITS file. Send it uncompressed."
                )
            notes += [f"Unpacked {len(data)} to {len(plain)} bytes.", *report.notes]
            files[position] = (name, plain[: report.length])
    if files[0][1].startswith(b"SIMPLE"):
        understood = read_fits(files, overrides=overrides)
        if field_arcsec is not None:
            understood = crop_to_field(understood, field_arcsec)
    else:
        understood = shrink_display(
            read_display(files[0][1], pixel_scale_arcsec=overrides.pixel_scale_arcsec)
        )
    for note in notes:
        understood.report.say("container", note)
    return understood


def _describe(understood: Understood) -> Answer:
    cutout = understood.cutout
    planes = [
        ("flux", cutout.flux, np.float32),
        ("ivar", cutout.ivar, np.float32),
        ("mask", cutout.mask, np.uint8),
    ]
    head = {
        "shape": list(cutout.flux.shape),
        "bands": list(cutout.bands.ids),
        "planes": [name for name, plane, _ in planes if plane is not None],
        "ra_deg": cutout.ra_deg,
        "dec_deg": cutout.dec_deg,
        "pixel_scale_arcsec": cutout.pixel_scale_arcsec,
        "ebv": cutout.ebv,
        "is_calibrated": cutout.is_calibrated,
        "offset_px": list(cutout.offset_px),
        "provenance": {str(key): str(value)[:500] for key, value in cutout.provenance.items()},
    }
    buffers = [
        np.ascontiguousarray(plane, dtype=dtype).data.cast("B")
        for _, plane, dtype in planes
        if plane is not None
    ]
    return {"cutout": head, "report": understood.report.to_json()}, buffers


def _probe() -> dict[str, Any]:
    """Say what this child is, for the tests and for ``/readyz``."""
    interfaces: list[str] = []
    with contextlib.suppress(OSError):
        interfaces = [name for _, name in socket.if_nameindex()]
    return {
        "modules": sorted(sys.modules),
        "environment": dict(os.environ),
        "limits": {str(limit): resource.getrlimit(limit)[0] for limit in LIMITS},
        "nice": os.nice(0),
        "interfaces": interfaces,
    }
