"""Tar archives of cutouts, honest and hostile, built block by block where no program would write them."""

from __future__ import annotations

import gzip
import io
import tarfile

__all__ = ["header", "member", "packed", "pax", "tar"]

END = bytes(1024)


def tar(files, *, fmt=tarfile.PAX_FORMAT):
    """An archive of (name, data), as Python's own module writes it."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=fmt) as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def header(name, size=0, kind=b"0", linkname="", *, fields=()):
    """One block; ``fields`` are (offset, bytes) written over it before the checksum is taken."""
    block = bytearray(512)
    for at, value in (
        (0, name.encode("utf-8", "surrogateescape")),
        (100, b"0000644\x00"),
        (124, f"{size:011o}\x00".encode()),
        (156, kind),
        (157, linkname.encode()),
        (257, b"ustar\x0000"),
        *fields,
    ):
        block[at : at + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = f"{sum(block):06o}\x00 ".encode()
    return bytes(block)


def member(name, data=b"", kind=b"0", **header_options):
    """A header with its data, padded to whole blocks."""
    return header(name, len(data), kind, **header_options) + data + bytes(-len(data) % 512)


def pax(**records):
    """An extended header of these records."""
    body = b""
    for key, value in records.items():
        rest = f" {key}={value}\n".encode()
        size = len(rest) + 1
        while len(str(size)) + len(rest) != size:
            size = len(str(size)) + len(rest)
        body += str(size).encode() + rest
    return member("pax", body, b"x")


def packed(data):
    return gzip.compress(data, mtime=0)
