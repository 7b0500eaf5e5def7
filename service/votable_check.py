"""Refuse a VOTable that leads outside of itself, before astropy, which would follow it, sees it."""

from __future__ import annotations

from xml.parsers import expat

from survey.ingest import CutoutRejected

__all__ = ["check_votable"]

_ENCODINGS = ("", "utf-8", "utf8", "us-ascii", "ascii")


def check_votable(data: bytes) -> None:
    """Parse the elements alone, as namespaces, quotes and comments have them.

    Raises
    ------
    CutoutRejected
        ``table.unreadable`` for data elsewhere (``href`` on a ``STREAM`` of any prefix), a document type or entities, another
        encoding than ASCII and UTF-8, and what is no XML.
    """
    parser = expat.ParserCreate()
    parser.StartElementHandler = _element
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _points_elsewhere
    parser.XmlDeclHandler = _declaration
    try:
        # Without a declaration XML may still be UTF-16, as its first bytes say; its text then holds NULs.
        if b"\x00" in data:
            raise _encoding()
        data.decode("utf-8")
        parser.Parse(data, True)  # noqa: FBT003 - that it is the last is told by position alone
    except UnicodeDecodeError as error:
        raise _encoding() from error
    except expat.ExpatError as error:
        raise CutoutRejected(
            "table.unreadable", "The VOTable cannot be read: it is damaged or holds no table."
        ) from error


def _element(name: str, attributes: dict[str, str]) -> None:
    if _local(name) == "stream" and any(_local(key) == "href" for key in attributes):
        _points_elsewhere()


def _local(name: str) -> str:
    return name.rpartition(":")[2].lower()


def _declaration(_version: str, encoding: str | None, _standalone: int) -> None:
    if (encoding or "").lower() not in _ENCODINGS:
        raise _encoding()


def _points_elsewhere(*_: object) -> None:
    raise CutoutRejected(
        "table.unreadable",
        "The VOTable points to data elsewhere or declares entities. Send it with its data inside.",
    )


def _encoding() -> CutoutRejected:
    return CutoutRejected("table.unreadable", "The VOTable is not UTF-8. Write it again as UTF-8.")
