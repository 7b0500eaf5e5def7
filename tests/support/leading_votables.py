"""VOTables that lead outside of themselves, in every spelling that a filter on bytes would miss."""

from __future__ import annotations

__all__ = ["leading_votables"]

_TABLE = """<VOTABLE version="1.3"{space}><RESOURCE><TABLE><FIELD name="object_id" datatype="char" arraysize="16"/>
<DATA><{kind}><{prefix}STREAM {before}href="{target}"/></{kind}></DATA></TABLE></RESOURCE></VOTABLE>"""
_SPACE = ' xmlns:a-b="http://www.ivoa.net/xml/VOTable/v1.3"'


def leading_votables(target: str) -> dict[str, bytes]:
    """Return name to a VOTable whose ids, were it followed, are the bytes at an address."""

    def table(space: str = "", kind: str = "BINARY", prefix: str = "", before: str = "") -> str:
        return _TABLE.format(space=space, kind=kind, prefix=prefix, before=before, target=target)

    # What the table's kind is told from stands in a comment, as characters that are its bytes.
    hidden = "<!--" + b"<votable".decode("utf-16-le") + "-->" + table()
    entity = (
        '<!DOCTYPE VOTABLE [<!ENTITY there SYSTEM "' + target + '">]>' + table().replace(target, "&there;")
    )
    return {
        "plain": table().encode(),
        "binary2": table(kind="BINARY2").encode(),
        "fits": table(kind="FITS").encode(),
        "parquet": table(kind="PARQUET").encode(),
        "a bracket in an attribute": table(before='rights=">" ').encode(),
        "a prefix with a hyphen": table(space=_SPACE, prefix="a-b:").encode(),
        "UTF-16 without a mark": hidden.encode("utf-16-le"),
        "Latin-1": ('<?xml version="1.0" encoding="latin-1"?>' + table(before='rights="\xe9>" ')).encode(
            "latin-1"
        ),
        "an entity": entity.encode(),
    }
