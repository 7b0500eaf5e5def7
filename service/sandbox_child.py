"""What a parsing child does: give up every right it can, parse one upload, answer, end."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from service.sandbox_limits import CPU_SECONDS, LIMITS, NICENESS
from service.sandbox_members import prepare_members, walk_archive
from service.sandbox_refusals import guarded
from service.sandbox_rights import give_up_rights
from service.sandbox_wire import Deadline, receive_body, receive_head, send_frame
from service.table_reader import read_rows
from service.table_wire import pack
from survey.cropping import crop_to_field
from survey.display import read_display
from survey.fits.reader import read_fits
from survey.ingest import CutoutRejected, Overrides, Understood
from survey.prescan import prescan
from survey.shrinking import shrink_display
from survey.wrappers import unpack

__all__ = ["work"]

Files = list[tuple[str, bytes]]
Answer = tuple[dict[str, Any], Sequence[bytes | memoryview]]


def work(job: int) -> int:
    """Do one job from a socket; returns the exit code."""
    forever = Deadline(None)
    with socket.socket(fileno=job) as stream:
        # The head is the service's own word; what a stranger wrote comes after it, when the rights are gone.
        head = receive_head(stream, forever)
        _restrict(int(head.get("cpu_seconds", CPU_SECONDS)))
        files = [
            (str(item["name"]), bytes(receive_body(stream, item["size"], forever))) for item in head["files"]
        ]
        for answer, buffers in _answers(head, files, _body_of(stream, int(head.get("body_bytes", 0)))):
            send_frame(stream, answer, buffers, forever)
    return 0


def _restrict(cpu_seconds: int) -> None:
    os.nice(NICENESS)
    # A child that writes to a file or uses up its time ends at once, whatever C code it is in.
    for number in (signal.SIGXCPU, signal.SIGXFSZ, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    give_up_rights(cpu_seconds)


def _body_of(stream: socket.socket, left: int) -> Callable[[int], bytes]:
    """Return a reader of what follows the head, piece by piece: it need not fit into memory."""

    def read(size: int) -> bytes:
        nonlocal left
        size = min(size, left)
        left -= size
        return bytes(receive_body(stream, size, Deadline(None)))

    return read


def _answers(head: Mapping[str, Any], files: Files, body: Callable[[int], bytes]) -> Iterator[Answer]:
    match head["task"]:
        case "archive":
            answers = walk_archive(head, body)
        case "members":
            answers = prepare_members(head, files, _read_one)
        case _:
            yield guarded(lambda: _answer(head, files))
            return
    while (answer := guarded(lambda: next(answers, None))) is not None:
        yield answer


def _answer(head: Mapping[str, Any], files: Files) -> Answer:
    match head["task"]:
        case "cutout":
            return _describe(_read(files, Overrides(**head["overrides"]), head.get("field_arcsec")))
        case "table":
            return _table(files[0][1], head)
        case _:
            return {"probe": _probe()}, []


def _table(data: bytes, head: Mapping[str, Any]) -> Answer:
    read = read_rows(data, max_rows=head["max_rows"], chosen=head["chosen"])
    columns, buffers = pack(read.rows)
    told = {
        "format": read.format,
        "mapping": read.mapping,
        "units": read.units,
        "left_out": read.left_out,
        "n_rows": read.rows.num_rows,
        "columns": columns,
    }
    return {"table": told}, buffers


def _read_one(file: tuple[str, bytes], overrides: Overrides, field_arcsec: float | None) -> Understood:
    """Read one member of a batch, its headers looked at first, as the service does before a single upload."""
    name, data = file
    report = prescan(data)
    understood = _read([(name, data[: report.length])], overrides, field_arcsec)
    for note in report.notes:
        understood.report.say("container", note)
    return understood


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
