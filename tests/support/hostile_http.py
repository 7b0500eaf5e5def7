"""Requests that strangers write byte by byte, by the row of the hostile table (docs/security.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from support.strangers import UPLOAD

__all__ = ["CASES", "Wire"]

_POST = f"POST {UPLOAD} HTTP/1.1"
_FITS = "Content-Type: image/fits"
_FORM = "Content-Type: multipart/form-data; boundary=BB"
_CHUNKED = "Transfer-Encoding: chunked"
_FILE = b'--BB\r\nContent-Disposition: form-data; name="file"; filename="a"\r\nContent-Type: image/fits\r\n\r\nx\r\n'
_FIELD = b'--BB\r\nContent-Disposition: form-data; name="f"\r\n\r\n'
_END = b"--BB--\r\n"
_MIB = 1 << 20


@dataclass(frozen=True)
class Wire:
    """One request and its answer.

    Attributes
    ----------
    body
        Makes the pieces that follow the headers.
    code
        Slug of the problem; empty for a refusal of the parser, which is plain text, and for 200.
    """

    row: int
    name: str
    line: str
    headers: tuple[str, ...]
    body: Callable[[], Iterable[bytes]]
    status: int
    code: str = ""

    def __str__(self):
        return f"{self.row:02d} {self.name}"


def _nothing():
    return []


def _endless():
    piece = b"10000\r\n" + bytes(1 << 16) + b"\r\n"
    return (piece for _ in range(5000))


def _form(row, name, body, status, code, *, kind=_FORM):
    headers = (kind, f"Content-Length: {len(body)}")
    return Wire(row, name, _POST, headers, lambda: [body], status, code)


def _chunked(row, name, body):
    return Wire(row, name, _POST, (_FITS, _CHUNKED), body, 400)


def _framed(name, *headers, body=b"xxxxx"):
    return Wire(49, name, _POST, (_FITS, *headers), lambda: [body], 400)


def _part(header):
    return b"--BB\r\n" + header + b"\r\n\r\nx\r\n" + _END


CASES = [
    Wire(44, "Content-Length of 10 GB", _POST, (_FITS, "Content-Length: 10000000000"), _nothing, 413, "request.too_large"),
    Wire(44, "10 GB expected to go on", _POST, (_FITS, "Content-Length: 10000000000", "Expect: 100-continue"), _nothing, 413, "request.too_large"),
    Wire(44, "endless chunks", _POST, (_FITS, _CHUNKED), _endless, 413, "request.too_large"),
    Wire(44, "endless chunks of a form", _POST, (_FORM, _CHUNKED), lambda: [b"%x\r\n" % len(_FILE[:-3]), _FILE[:-3], b"\r\n", *_endless()], 413, "request.too_large"),
    _form(45, "10,000 files", _FILE * 10_000 + _END, 400, "request.unreadable"),
    _form(45, "10 files", _FILE * 10 + _END, 400, "request.unreadable"),
    _form(46, "20 fields of 1 MiB", (_FIELD + bytes(_MIB) + b"\r\n") * 20 + _END, 400, "request.unreadable"),
    _form(46, "1,000 fields", (_FIELD + b"x\r\n") * 1000 + _FILE + _END, 400, "request.unreadable"),
    _form(47, "50,000 headers in a part", _part(b"X-A: b\r\n" * 50_000 + b"X: y"), 400, "request.unreadable"),
    _form(47, "20 MB before the first part", bytes(20 * _MIB) + b"\r\n" + _FILE + _END, 400, "request.unreadable"),
    _form(47, "20 MB after the last part", _FILE + _END + bytes(20 * _MIB), 415, "upload.type_mismatch"),
    _form(47, "20 MB of almost boundaries", _FILE[:-2] + b"\r\n--B" * (4 * _MIB) + b"\r\n" + _END, 415, "upload.type_mismatch"),
    _form(47, "12,000 semicolons in a part", _part(b"Content-Disposition: form-data; " + b"a=b; " * 12_000 + b'name="f"'), 400, "request.unreadable"),
    _form(47, "30,000 semicolons in the type", b"x", 400, "request.unreadable", kind="Content-Type: multipart/form-data; " + ";" * 30_000 + "boundary=BB"),
    _form(47, "no boundary", b"x", 400, "request.unreadable", kind="Content-Type: multipart/form-data"),
    _form(47, "boundary beyond ASCII", b"x", 400, "request.unreadable", kind="Content-Type: multipart/form-data; boundary=\xff\xfe"),
    _form(47, "unknown charset", _FIELD + b"x\r\n" + _FILE + _END, 400, "request.unreadable", kind=f"{_FORM}; charset=nonsense"),
    *(_form(47, f"charset {name}", _FIELD + b"\xff\\u\r\n" + _FILE + _END, 400, "request.unreadable", kind=f"{_FORM}; charset={name}")
      for name in ("undefined", "punycode", "idna", "utf-7", "utf-16", "unicode_escape", "base64", '"undefined"')),
    _form(47, "charset of every form", _FILE + _END, 415, "upload.type_mismatch", kind=f'{_FORM}; charset="UTF-8"'),
    _form(47, "a part without a name", _part(b"Content-Disposition: form-data"), 400, "request.unreadable"),
    _form(47, "a part without a header", _part(b"X: y"), 400, "request.unreadable"),
    _form(47, "a header of NUL and 8 bits", _part(b"\x00\xff"), 400, "request.unreadable"),
    _form(47, "a part of negative length", _part(b'Content-Disposition: form-data; name="file"; filename="a"\r\nContent-Length: -5'), 415, "upload.type"),
    Wire(48, "a header of 1 MB", "GET /livez HTTP/1.1", (f"X-A: {'a' * _MIB}",), _nothing, 400),
    Wire(48, "a header of 40 kB", "GET /livez HTTP/1.1", (f"X-A: {'a' * 40_000}",), _nothing, 431, "request.headers_too_large"),
    Wire(48, "an address of 60 kB", f"GET /livez?{'a' * 60_000} HTTP/1.1", (), _nothing, 431, "request.headers_too_large"),
    _chunked(48, "endless trailers", lambda: [b"1\r\nx\r\n0\r\n", *(b"X-A: b\r\n" * 5000 for _ in range(2000))]),
    _chunked(48, "an endless chunk extension", lambda: [b"1;", *(bytes(b"a" * 65_536) for _ in range(2000))]),
    _framed("Content-Length and Transfer-Encoding", "Content-Length: 5", _CHUNKED, body=b"0\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n"),
    _framed("Transfer-Encoding and Content-Length", _CHUNKED, "Content-Length: 5", body=b"0\r\n\r\n"),
    _framed("two lengths", "Content-Length: 5", "Content-Length: 6"),
    _framed("the same length twice", "Content-Length: 5", "Content-Length: 5"),
    _framed("negative length", "Content-Length: -5"),
    _framed("length with a sign", "Content-Length: +5"),
    _framed("a list of lengths", "Content-Length: 5,5"),
    _framed("400 digits of length", f"Content-Length: {'9' * 400}"),
    _framed("a chunk of no number", _CHUNKED, body=b"zz\r\nxxxxx\r\n0\r\n\r\n"),
    _framed("a chunk of negative length", _CHUNKED, body=b"-5\r\nxxxxx\r\n0\r\n\r\n"),
    _framed("a chunk of 2^72", _CHUNKED, body=b"ffffffffffffffffff\r\nxxxxx\r\n0\r\n\r\n"),
    _framed("an unknown coding", "Transfer-Encoding: xchunked", body=b"5\r\nxxxxx\r\n0\r\n\r\n"),
    _framed("two codings", _CHUNKED, "Transfer-Encoding: identity", body=b"5\r\nxxxxx\r\n0\r\n\r\n"),
    _framed("a blank before the colon", "Transfer-Encoding : chunked", body=b"5\r\nxxxxx\r\n0\r\n\r\n"),
    _framed("a folded header", "X-A: b\r\n c", "Content-Length: 5"),
    _framed("NUL in a header", "X-A: b\x00c", "Content-Length: 5"),
    *(Wire(54, f"{name}: {path.rpartition('.')[2]}", f"GET {path} HTTP/1.1", (f"Range: bytes={wanted}",), _nothing, status, code)
      for path, fine in (("/static/skylike.css", None), ("/api/v1/objects/J00000/thumbnail.webp", 200))
      for name, wanted, status, code in (
          ("5,000 ranges", ",".join(f"{n}-{n}" for n in range(0, 10_000, 2))[:30_000].rpartition(",")[0], 200, ""),
          ("10,000 ranges", ",".join(f"{n}-{n}" for n in range(0, 20_000, 2)), 431, "request.headers_too_large"),
          ("3,000 overlapping ranges", ",".join(["0-"] * 3000), 200, ""),
          ("a range beyond the end", "9999999999-", fine or 416, ""),
      )),
    Wire(55, "two hosts", "GET /livez HTTP/1.1", ("Host: evil.example",), _nothing, 400, "request.unreadable"),
    Wire(55, "a path that looks like a host", "GET //evil.example/%2e%2e HTTP/1.1", (), _nothing, 404, "route.not_found"),
]  # fmt: skip
