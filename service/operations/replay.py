"""Tokens that ask a question again of the very releases that answered it."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import orjson

from service.operations.cursors import urlsafe_text
from service.operations.refusals import ReplayInvalid

__all__ = ["MAX_TOKEN", "Pin", "Replay", "read_token", "token_of"]

#: Longest token, in characters; a question that needs a longer one has none.
MAX_TOKEN: Final = 65_536
# What a token may unpack to: the largest JSON body that the service takes by default.
_MOST_BYTES = 1 << 20
# Compressing lets another thread go first: of a question by one vector it took longer than all else together.
_SHORT = 4096
# The first character: as it is, or compressed.
_PLAIN, _PACKED = "p", "z"
_CHECK_BYTES = 4
_HASH_CHARS = 32
# An id has up to 128 characters, each of up to four bytes, each of three characters in a URL.
_PATHS = re.compile(
    r"/api/v1/(objects/[^/?#]{1,1536}/(neighbours|photoz|anomaly)|neighbours|neighbours/(multi|vector|batch)"
    r"|photoz/batch|uploads/[0-9a-f]{32}/neighbours)"
)
_RELEASE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_HASH = re.compile(r"[0-9a-f]{32}")
_MOST_PINS = 64


@dataclass(frozen=True, slots=True)
class Pin:
    """A release with the hash of its manifest, or the beginning of it."""

    release: str
    sha256: str

    def text(self) -> bytes:
        """Return it as it stands in a token."""
        return orjson.dumps([self.release, self.sha256[:_HASH_CHARS]])


@dataclass(frozen=True, slots=True)
class Replay:
    """What a token holds.

    Attributes
    ----------
    pins
        The releases, the one that the question is asked of first.
    path, query
        As they stood in the URL.
    body
        JSON; None for GET.
    """

    pins: tuple[Pin, ...]
    path: bytes
    query: bytes
    body: bytes | None


def token_of(pins: Iterable[bytes], path: bytes, query: bytes, body: bytes | None) -> str | None:
    """Return the token of a question: urlsafe, without a secret, whole in itself.

    It stands in every answer, so it is put together from bytes (3 microseconds; 10 from objects).

    Parameters
    ----------
    pins
        :meth:`Pin.text` of the releases.

    Returns
    -------
    str or None
        None where it would be longer than :data:`MAX_TOKEN`.
    """
    try:
        data = b"[[%b],%b,%b" % (b",".join(pins), _quoted(path), _quoted(query))
        if body is None:
            return _written(_PLAIN, data + b"]")
        data += b"," + orjson.dumps(body.decode()) + b"]"
    except UnicodeDecodeError:
        return None
    if len(data) <= _SHORT:
        return _written(_PLAIN, data)
    return _written(_PACKED, zlib.compress(data, 6)) if len(data) <= _MOST_BYTES else None


def read_token(text: str) -> Replay:
    """Return what a token asks.

    Raises
    ------
    ReplayInvalid
        If it was not given out by this service, or was changed on the way. Whoever makes one by hand may: it holds a
        request that anybody may send.
    """
    try:
        if len(text) > MAX_TOKEN or not text.isascii():
            raise _foreign()
        kind, packed = text[:1], text[1:]
        both = base64.b64decode(packed + "=" * (-len(packed) % 4), altchars=b"-_", validate=True)
        check, data = both[:_CHECK_BYTES], both[_CHECK_BYTES:]
        if kind not in (_PLAIN, _PACKED) or check != zlib.crc32(data).to_bytes(_CHECK_BYTES, "big"):
            raise _foreign()
        return _replay(orjson.loads(data if kind == _PLAIN else _unpacked(data)), is_packed=kind == _PACKED)
    except (binascii.Error, ValueError, TypeError, zlib.error) as error:
        raise _foreign() from error


def _replay(values: list[object], *, is_packed: bool) -> Replay:
    pins, path, query, *rest = values
    texts = [path, query, *rest]
    if (
        not isinstance(pins, list)
        or not is_packed <= len(rest) <= 1
        or not all(isinstance(one, str) for one in texts)
    ):
        raise _foreign()
    found = tuple(Pin(*map(str, pin)) for pin in pins)
    if not 0 < len(found) <= _MOST_PINS or not all(
        _RELEASE.fullmatch(pin.release) and _HASH.fullmatch(pin.sha256) for pin in found
    ):
        raise _foreign()
    if not _PATHS.fullmatch(str(path)) or not str(query).isascii():
        raise _foreign()
    return Replay(found, str(path).encode(), str(query).encode(), str(rest[0]).encode() if rest else None)


def _unpacked(data: bytes) -> bytes:
    """Unpack at most :data:`_MOST_BYTES`."""
    unpacker = zlib.decompressobj()
    found = unpacker.decompress(data, _MOST_BYTES)
    if not unpacker.eof or unpacker.unused_data:
        raise _foreign()
    return found


def _written(kind: str, data: bytes) -> str | None:
    text = kind + urlsafe_text(zlib.crc32(data).to_bytes(_CHECK_BYTES, "big") + data)
    return text if len(text) <= MAX_TOKEN else None


def _quoted(text: bytes) -> bytes:
    """Return text as JSON."""
    if text.isascii() and b'"' not in text and b"\\" not in text:
        return b'"%b"' % text
    return orjson.dumps(text.decode())


def _foreign() -> ReplayInvalid:
    return ReplayInvalid(
        "This is no replay token of this service, or it was cut or changed. Copy `search.replay` whole."
    )
