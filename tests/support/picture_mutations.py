"""Mutations of PNG chunks and JPEG segments, with checksums made good again so that decoders get to see them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import numpy as np
from support.mutations import HOSTILE_INTEGERS, flip_bits

__all__ = ["JPEG_MUTATIONS", "PNG_MUTATIONS"]

Generator = np.random.Generator
Mutation = Callable[[bytes, Generator], bytes]
Chunk = tuple[bytes, bytes]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BOMB = zlib.compress(bytes(1 << 20), 9)


def _chunks(data: bytes) -> list[Chunk]:
    found, at = [], 8
    while at + 8 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def _joined(chunks: list[Chunk]) -> bytes:
    made = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    ]
    return _SIGNATURE + b"".join(made)


def png_header(data: bytes, rng: Generator) -> bytes:
    """Change a field of IHDR."""
    chunks = _chunks(data)
    if not chunks or len(chunks[0][1]) != 13:
        return data
    body = bytearray(chunks[0][1])
    if rng.random() < 0.5:
        number = HOSTILE_INTEGERS[int(rng.integers(len(HOSTILE_INTEGERS)))] & 0xFFFFFFFF
        at = 4 * int(rng.integers(2))
        body[at : at + 4] = struct.pack(">I", number)
    else:
        body[int(rng.integers(8, 13))] = int(rng.choice([0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 255]))
    return _joined([(chunks[0][0], bytes(body)), *chunks[1:]])


def png_chunk_damage(data: bytes, rng: Generator) -> bytes:
    """Flip bits inside a chunk and make its checksum good."""
    chunks = _chunks(data)
    at = int(rng.integers(len(chunks))) if chunks else 0
    if not chunks or not chunks[at][1]:
        return data
    chunks[at] = (chunks[at][0], flip_bits(chunks[at][1], rng))
    return _joined(chunks)


def png_chunk_order(data: bytes, rng: Generator) -> bytes:
    """Drop, repeat or swap chunks."""
    chunks = _chunks(data)
    if len(chunks) < 2:
        return data
    at, other = (int(i) for i in rng.integers(len(chunks), size=2))
    match int(rng.integers(3)):
        case 0:
            chunks.pop(at)
        case 1:
            chunks[other:other] = [chunks[at]] * int(rng.choice([1, 2, 50]))
        case _:
            chunks[at], chunks[other] = chunks[other], chunks[at]
    return _joined(chunks)


def png_new_chunk(data: bytes, rng: Generator) -> bytes:
    """Put a chunk in: compressed text, profiles, palettes, animation, unknown ones."""
    chunks = _chunks(data)
    noise = rng.bytes(int(rng.integers(1, 300)))
    made: list[Chunk] = [
        (b"zTXt", b"x\x00\x00" + _BOMB),
        (b"iTXt", b"x\x00\x01\x00\x00\x00" + _BOMB),
        (b"iCCP", b"x\x00\x00" + _BOMB),
        *(
            (kind, noise)
            for kind in (b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"eXIf", b"acTL", b"fcTL", b"pHYs", b"IDAT")
        ),
        (b"fdAT", b"\x00\x00\x00\x01" + noise),
        (rng.bytes(4), noise),
    ]
    chunks.insert(int(rng.integers(len(chunks) + 1)), made[int(rng.integers(len(made)))])
    return _joined(chunks)


def png_pixels(data: bytes, rng: Generator) -> bytes:
    """Deflate other pixels: too few, too many, noise, illegal filters."""
    chunks = [chunk for chunk in _chunks(data) if chunk[0] != b"IDAT"]
    n = int(rng.choice([0, 1, 100, 7000, 200_000, 4 << 20]))
    raw = bytes(n) if rng.random() < 0.5 else rng.bytes(min(n, 50_000))
    chunks.insert(max(1, len(chunks) - 1), (b"IDAT", zlib.compress(raw)))
    return _joined(chunks)


def png_length(data: bytes, rng: Generator) -> bytes:
    """Write a false length of a chunk."""
    at = 8
    for _ in range(int(rng.integers(4))):
        if at + 8 > len(data):
            break
        at += 12 + struct.unpack(">I", data[at : at + 4])[0]
    number = HOSTILE_INTEGERS[int(rng.integers(len(HOSTILE_INTEGERS)))] & 0xFFFFFFFF
    return data[:at] + struct.pack(">I", number) + data[at + 4 :]


def _segments(data: bytes) -> tuple[list[bytes], bytes]:
    """Return the segments before the pixels, and the rest from the first scan on."""
    found, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        end = at + 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
        found.append(data[at:end])
        at = end
    return found, data[at:]


def jpeg_segment_damage(data: bytes, rng: Generator) -> bytes:
    """Flip bits in tables, frame header or metadata."""
    segments, rest = _segments(data)
    if not segments:
        return data
    at = int(rng.integers(len(segments)))
    segments[at] = segments[at][:4] + flip_bits(segments[at][4:], rng)
    return data[:2] + b"".join(segments) + rest


def jpeg_segment_order(data: bytes, rng: Generator) -> bytes:
    """Drop, repeat or swap segments, or change what one is."""
    segments, rest = _segments(data)
    if len(segments) < 2:
        return data
    at, other = (int(i) for i in rng.integers(len(segments), size=2))
    match int(rng.integers(4)):
        case 0:
            segments.pop(at)
        case 1:
            segments[other:other] = [segments[at]] * int(rng.choice([1, 3, 300]))
        case 2:
            segments[at], segments[other] = segments[other], segments[at]
        case _:
            segments[at] = b"\xff" + bytes([int(rng.integers(0xC0, 0x100))]) + segments[at][2:]
    return data[:2] + b"".join(segments) + rest


def jpeg_frame(data: bytes, rng: Generator) -> bytes:
    """Change the frame header's depth, sides, number of planes or sampling."""
    segments, rest = _segments(data)
    for n, segment in enumerate(segments):
        if 0xC0 <= segment[1] <= 0xC2 and len(segment) > 10:
            changed = bytearray(segment)
            if rng.random() < 0.5:
                side = int(rng.choice([0, 1, 8, 16, 4096, 4097, 8192, 65500, 65535]))
                at = 5 + 2 * int(rng.integers(2))
                changed[at : at + 2] = struct.pack(">H", side)
            else:
                changed[int(rng.integers(4, len(changed)))] = int(rng.integers(256))
            segments[n] = bytes(changed)
    return data[:2] + b"".join(segments) + rest


def jpeg_scans(data: bytes, rng: Generator) -> bytes:
    """Repeat the scans, as progressive bombs do, or cut and damage them."""
    at = data.find(b"\xff\xda")
    if at < 0:
        return data
    head, scans = data[:at], data[at:].removesuffix(b"\xff\xd9")
    match int(rng.integers(3)):
        case 0:
            return head + scans * int(rng.choice([2, 10, 200])) + b"\xff\xd9"
        case 1:
            return head + flip_bits(scans, rng) + b"\xff\xd9"
        case _:
            return head + scans[: int(rng.integers(1, len(scans)))] + b"\xff\xd9"


def cut(data: bytes, rng: Generator) -> bytes:
    """Cut the end off."""
    return data[: int(rng.integers(1, max(2, len(data))))]


# fmt: off
PNG_MUTATIONS: tuple[Mutation, ...] = (
    png_header, png_header, png_chunk_damage, png_chunk_order, png_new_chunk, png_pixels, png_length, flip_bits, cut,
)
JPEG_MUTATIONS: tuple[Mutation, ...] = (
    jpeg_segment_damage, jpeg_segment_order, jpeg_frame, jpeg_frame, jpeg_scans, flip_bits, cut,
)
# fmt: on
