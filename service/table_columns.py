"""Which column of a stranger's table holds the ids, which the positions."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa

__all__ = ["ALIASES", "WANTED", "map_columns"]

#: What leads every batch, before the columns that were sent: no sent name holds a control character, so none clashes.
#: The last one says what is wrong with a row that holds neither an id nor a position.
WANTED: dict[str, pa.DataType] = {
    "\x1fobject_id": pa.string(),
    "\x1fra_deg": pa.float64(),
    "\x1fdec_deg": pa.float64(),
    "\x1fproblem": pa.string(),
}

#: The names that people give these columns, compared without case, ``_``, ``-`` and blanks; the first one wins.
ALIASES: dict[str, tuple[str, ...]] = {
    key: tuple(names.split())
    for key, names in {
        "object_id": "objectid objid dr8objid dr7objid sourceid targetid galaxyid iauname",
        "ra_deg": "radeg ra raj2000 ra2000 targetra alphaj2000 rightascension raicrs alpha",
        "dec_deg": "decdeg dec dej2000 decj2000 dec2000 targetdec deltaj2000 declination deicrs delta",
    }.items()
}
# Often a mere row number: taken for an id only where there is no position.
_GENERIC_IDS = ("id", "name")


def map_columns(names: Sequence[str]) -> dict[str, str]:
    """Return ``object_id``, ``ra_deg``, ``dec_deg`` with the column meant by each, as far as they are there.

    A lone coordinate is no position and is left out.
    """
    folded: dict[str, str] = {}
    for column in names:
        folded.setdefault(re.sub(r"[\s_\-]", "", column).lower(), column)

    def find(aliases: Sequence[str]) -> str | None:
        return next((folded[alias] for alias in aliases if alias in folded), None)

    found = {ours: find(aliases) for ours, aliases in ALIASES.items()}
    if not (found["ra_deg"] and found["dec_deg"]):
        found = {"object_id": found["object_id"] or find(_GENERIC_IDS)}
    return {ours: theirs for ours, theirs in found.items() if theirs is not None}
