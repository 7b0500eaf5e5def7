"""What may be a hit."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import orjson
from numpy.typing import NDArray

from index.photoz_columns import flag_names
from index.regions import Region

if TYPE_CHECKING:
    from index.release import Release

__all__ = ["EVERYTHING", "RESERVED", "BadSelection", "Bounds", "Dedup", "Selection"]

#: Lower and upper bound, ends included; None where open.
Bounds = tuple[float | None, float | None]
#: One hit of those within 2 arcsec of each other; one of those drawn from the same parent image.
Dedup = Literal["position", "parent"]
#: Members of a selection as JSON that are no columns; a column of such a name stands in ``where``.
RESERVED = frozenset(
    {"where", "label", "flags_none", "flags_any", "cone", "box", "polygon", "moc", "exclude", "dedup"}
)


class BadSelection(ValueError):
    """A selection that cannot be applied: bounds in the wrong order, or a column or label that is not there."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Conditions that every hit keeps; an object whose value is not known keeps none.

    Attributes
    ----------
    ranges
        Numeric columns with their bounds.
    labels
        Any of these is the object's label; empty allows all.
    flags_none, flags_any
        Bits of ``z_flags``: none of the first is raised; one of the second, unless 0.
    regions
        The object lies in each.
    excluded_ids
        Objects that are no hits; ids that the release has not change nothing.
    excluded_rows
        The same by row of the release.
    dedup
        Whether hits that are the same object count once, and how they are known; then what is the same object as an
        excluded one is excluded too.

    Raises
    ------
    BadSelection
        If a bound is not finite, a lower bound lies above its upper bound, or there are two regions of a kind.
    """

    ranges: Mapping[str, Bounds] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    flags_none: int = 0
    flags_any: int = 0
    regions: tuple[Region, ...] = ()
    excluded_ids: tuple[str, ...] = ()
    excluded_rows: tuple[int, ...] = ()
    dedup: Dedup | None = None

    def __post_init__(self) -> None:
        for name, (low, high) in self.ranges.items():
            if any(bound is not None and not math.isfinite(bound) for bound in (low, high)):
                raise BadSelection(f"A bound of the filter on {name} is not finite; leave it open instead.")
            if low is not None and high is not None and low > high:
                raise BadSelection(
                    f"The filter on {name} runs from {low:g} to {high:g}; give the smaller bound first."
                )
        if len({region.name for region in self.regions}) < len(self.regions):
            raise BadSelection("Two regions of one kind; join them in a MOC.")

    def __bool__(self) -> bool:
        return self.is_restricting or self.dedup is not None

    @property
    def is_restricting(self) -> bool:
        """Whether some objects may be no hits."""
        return self.is_condition or bool(self.excluded_ids or self.excluded_rows)

    @property
    def is_condition(self) -> bool:
        """Whether it asks for something beyond leaving single objects out."""
        return bool(self.ranges or self.labels or self.flags_none or self.flags_any or self.regions)

    def to_json(self) -> dict[str, Any]:
        """Return it as ``filters`` of a request are written, the same for equal selections; rows are left out.

        A column stands with its bounds under its own name, unless that is :data:`RESERVED`.
        """
        columns = {name: list(self.ranges[name]) for name in sorted(self.ranges)}
        clashing = {name: columns.pop(name) for name in sorted(RESERVED & columns.keys())}
        others = {
            "where": clashing,
            "label": sorted(self.labels),
            "flags_none": list(flag_names(self.flags_none)),
            "flags_any": list(flag_names(self.flags_any)),
            **{region.name: region.to_json() for region in self.regions},
            "exclude": sorted(self.excluded_ids),
            "dedup": self.dedup,
        }
        return {**columns, **{name: value for name, value in others.items() if value}}

    @property
    def key(self) -> bytes:
        """What two selections share that the same objects of a release fulfil: a hash of the condition as canonical JSON."""
        left_out = {"exclude", "dedup"}
        kept = {name: value for name, value in self.to_json().items() if name not in left_out}
        text = orjson.dumps(kept, option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY)
        return hashlib.blake2b(text, digest_size=16).digest()

    def mask(self, release: Release) -> NDArray[np.bool_] | None:
        """Return which rows may be hits, read-only, shape (n,); None when all may.

        Raises
        ------
        BadSelection
            If the release has not a column or a label of it, or its columns cannot say what is asked.
        """
        return release.masks.of(self) if self.is_restricting else None


#: The selection that leaves nothing out.
EVERYTHING = Selection()
