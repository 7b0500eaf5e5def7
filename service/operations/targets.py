"""From what someone typed to a row of a release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from service.operations.neighbours import match
from service.operations.refusals import NotAPosition, NoTarget, ObjectNotFound
from service.served import Served
from survey.sky import BadTarget, Target, parse_target

if TYPE_CHECKING:
    from service.resources import Resources

__all__ = ["Place", "place_of"]


@dataclass(frozen=True, slots=True)
class Place:
    """An object that was asked for.

    Attributes
    ----------
    row
        Its row in the release.
    separation_deg
        From the place asked for; None when asked by id.
    note
        One sentence where the target needed interpretation, or empty.
    """

    kind: Literal["id", "position", "box"]
    row: int
    separation_deg: float | None = None
    note: str = ""


def place_of(
    resources: Resources,
    served: Served,
    *,
    ra_deg: float | None,
    dec_deg: float | None,
    target: str | None,
    radius_deg: float,
) -> Place:
    """Find the object that coordinates or a target text mean.

    Raises
    ------
    NoTarget
        If neither or both are given.
    NotAPosition
        If the text names a place off the sphere, or nothing.
    NoMatch, ObjectNotFound, ObjectNotIndexed
        If there is no such object.
    """
    has_position = ra_deg is not None and dec_deg is not None
    if has_position == (target is not None) or (ra_deg is None) != (dec_deg is None):
        raise NoTarget("Give either `target`, or `ra` and `dec` together.")
    if target is None:
        assert ra_deg is not None and dec_deg is not None  # noqa: PT018 - one claim
        row, separation = match(served, ra_deg, dec_deg, radius_deg)
        return Place("position", row, separation)
    try:
        parsed = parse_target(target)
    except BadTarget as error:
        raise NotAPosition(str(error)) from error
    return _named(resources, served, parsed, radius_deg)


def _named(resources: Resources, served: Served, target: Target, radius_deg: float) -> Place:
    if target.kind != "position":
        try:
            return Place("id", served.row_of(target.text), note=target.note if target.kind == "id" else "")
        except ObjectNotFound as error:
            if target.ra_deg is None:
                raise resources.not_found(target.text, served.survey) from error
    assert target.ra_deg is not None and target.dec_deg is not None  # noqa: PT018 - one claim
    reach = max(radius_deg, target.radius_deg or 0.0)
    row, separation = match(served, target.ra_deg, target.dec_deg, reach)
    return Place("box" if target.kind == "box" else "position", row, separation, target.note)
