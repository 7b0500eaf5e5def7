"""Walk a tar archive in a parsing child, member by member, without ever making a path of a name."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from survey.ingest import CutoutRejected

__all__ = ["MAX_MEMBERS", "MAX_MEMBER_BYTES", "Entry", "Walk", "walk_tar"]

#: Members of one archive, refused ones counted.
MAX_MEMBERS = 100_000
#: A cutout of five bands with noise and mask has 0.3 MB at 84 px and 12 MB at 512 px.
MAX_MEMBER_BYTES = 16 * 2**20

_BLOCK = tarfile.BLOCKSIZE
# A header of a header (long name, PAX records); POSIX gives no limit, paths of Linux end at 4 KiB.
_MAX_EXTENDED = 64 * 1024
_MAX_RECORDS = 1000
_MAX_NAME = 255
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_LINKS = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a character device",
    tarfile.BLKTYPE: "a block device",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
}

Read = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Entry:
    """One member: its bytes, or why it is not read.

    Attributes
    ----------
    name
        As the archive writes it, printable, at most 255 characters; text and nothing else.
    data
        Empty where there is a refusal.
    code, message
        The refusal; empty where there is none.
    """

    name: str
    data: bytes = b""
    code: str = ""
    message: str = ""


@dataclass(slots=True)
class Walk:
    """Limits of one archive, counted while it is read.

    Attributes
    ----------
    max_members
        More are refused with ``archive.members``.
    n
        Members so far.
    """

    max_members: int = MAX_MEMBERS
    n: int = 0

    def count(self) -> None:
        """Count one more.

        Raises
        ------
        CutoutRejected
            ``archive.members`` beyond the limit.
        """
        self.n += 1
        if self.n > self.max_members:
            raise CutoutRejected(
                "archive.members",
                f"The archive has more than {self.max_members} members, which is the limit. Send it in parts.",
            )


@dataclass(slots=True)
class _Extended:
    """What the headers before a member's own say of it."""

    name: str | None = None
    size: int | None = None
    is_sparse: bool = False
    records: dict[str, str] = field(default_factory=dict)


def walk_tar(read: Read, walk: Walk) -> Iterator[Entry]:
    """Yield the members of a tar in their order; directories are none.

    Links, devices, pipes, sparse files, absolute names and names with ``..`` are members that are refused: nothing
    is ever written under a name here, but whoever reads the answer may.

    Parameters
    ----------
    read
        Returns that many bytes of the archive, fewer only at its end.

    Raises
    ------
    CutoutRejected
        ``archive.damaged`` for a header that is none or an end in the middle, ``archive.members`` beyond the limit,
        ``archive.empty`` without a member.
    """
    extended = _Extended()
    while (header := _header(block := read(_BLOCK), is_first=not walk.n)) is not None:
        kind, size = header.type, header.size
        if kind == tarfile.GNUTYPE_SPARSE:
            _skip_map(read, block)
        if size < 0:
            raise _damaged("A member has a negative size.")
        if kind in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
            _take_records(extended, _extended_body(read, size))
        elif kind == tarfile.GNUTYPE_LONGNAME:
            extended.name = _text(_extended_body(read, size).rstrip(b"\x00"))
        elif kind in (tarfile.XGLTYPE, tarfile.GNUTYPE_LONGLINK):
            _extended_body(read, size)
        else:
            size = size if extended.size is None else extended.size
            name = header.name if extended.name is None else extended.name
            if kind != tarfile.DIRTYPE:
                walk.count()
                yield _entry(read, name, kind, size, is_sparse=extended.is_sparse)
            else:
                _skip(read, size)
            extended = _Extended()
    if not walk.n:
        raise CutoutRejected(
            "archive.empty", "The archive holds no file. Put one FITS cutout per galaxy in it."
        )


def _header(block: bytes, *, is_first: bool) -> tarfile.TarInfo | None:
    """Read a header; None at the end of the archive."""
    # Some programs leave the closing zeros out.
    if block == bytes(_BLOCK) or (not block and not is_first):
        return None
    if not block:
        raise CutoutRejected("archive.empty", "The archive is empty.")
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise _damaged("A header is damaged or cut off.") from error


def _skip_map(read: Read, header: bytes) -> None:
    """Pass over the blocks in which GNU tar goes on with the map of a sparse file; a byte says whether one follows."""
    goes_on = header[482]
    while goes_on:
        goes_on = _exactly(read, _BLOCK)[504]


def _entry(read: Read, name: str, kind: bytes, size: int, *, is_sparse: bool) -> Entry:
    shown = _printable(name)
    what = "a sparse file" if is_sparse else _LINKS.get(kind)
    if what is None and kind not in _FILES:
        what = "of a type that is not read"
    # A link has no data, whatever its header says; what else has some must be passed over.
    if what is not None:
        if kind not in (tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE):
            _skip(read, size)
        text = f"The member is {what}. Put the FITS file itself into the archive."
        return Entry(shown, code="archive.member_type", message=text)
    if _is_elsewhere(name):
        _skip(read, size)
        text = "The member's name is absolute or climbs with `..`. Name it relative to the archive."
        return Entry(shown, code="archive.member_name", message=text)
    if size > MAX_MEMBER_BYTES:
        _skip(read, size)
        text = f"The member has {size} bytes (limit {MAX_MEMBER_BYTES}). Send a cutout around the galaxy."
        return Entry(shown, code="archive.member_too_large", message=text)
    data = _exactly(read, size)
    _skip_padding(read, size)
    return Entry(shown, data)


def _is_elsewhere(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    has_drive = len(name) > 1 and name[1] == ":" and name[0].isascii() and name[0].isalpha()
    return parts[0] == "" or ".." in parts or has_drive


def _take_records(extended: _Extended, body: bytes) -> None:
    """Read PAX records, ``length key=value`` and a newline each (POSIX.1-2017, pax); the length counts the whole record."""
    at = n = 0
    while at < len(body):
        n += 1
        digits, blank, _ = body[at : at + 20].partition(b" ")
        if not blank or not digits.isdigit() or n > _MAX_RECORDS:
            raise _damaged("An extended header is damaged.")
        end = at + int(digits)
        record = body[at + len(digits) + 1 : end]
        key, equals, value = record.partition(b"=")
        if end > len(body) or not equals or not value.endswith(b"\n"):
            raise _damaged("An extended header is damaged.")
        _take_record(extended, key, value[:-1])
        at = end


def _take_record(extended: _Extended, key: bytes, value: bytes) -> None:
    if key == b"path":
        extended.name = _text(value)
    elif key == b"size":
        if not value.isdigit() or len(value) > 18:
            raise _damaged("An extended header gives an impossible size.")
        extended.size = int(value)
    elif key.startswith(b"GNU.sparse."):
        extended.is_sparse = True


def _extended_body(read: Read, size: int) -> bytes:
    if size > _MAX_EXTENDED:
        raise _damaged(f"An extended header has {size} bytes (limit {_MAX_EXTENDED}).")
    body = _exactly(read, size)
    _skip_padding(read, size)
    return body


def _exactly(read: Read, size: int) -> bytes:
    data = read(size)
    if len(data) != size:
        raise _damaged("It ends in the middle of a member.")
    return data


def _skip(read: Read, size: int) -> None:
    left = -(-size // _BLOCK) * _BLOCK
    while left:
        step = min(left, 1 << 20)
        _exactly(read, step)
        left -= step


def _skip_padding(read: Read, size: int) -> None:
    # The last member's padding may be missing in what some programs write.
    read(-size % _BLOCK)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _printable(name: str) -> str:
    return "".join(c if c.isprintable() else "�" for c in name)[:_MAX_NAME]


def _damaged(what: str) -> CutoutRejected:
    return CutoutRejected(
        "archive.damaged", f"The archive cannot be read. {what} Make it again with `tar -cf`."
    )
