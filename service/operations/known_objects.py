"""Whether a survey has the objects that somebody names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from service.operations.refusals import ObjectNotFound
from survey.archive import UnknownObject

if TYPE_CHECKING:
    from service.served import Served

__all__ = ["check_known"]

_NAMED: Final = 5


def check_known(served: Served, ids: Sequence[str]) -> None:
    """Ask whether a survey has some objects.

    Raises
    ------
    ObjectNotFound
        Naming the first few that it has not.
    """
    unknown = [object_id for object_id in dict.fromkeys(ids) if not _is_known(served, object_id)]
    if unknown:
        more = f", and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
        named = ", ".join(repr(one) for one in unknown[:_NAMED])
        raise ObjectNotFound(
            f"Survey {served.survey} has no object {named}{more}. Nothing was kept: leave them out, or name their "
            "survey.",
            survey=served.survey,
            unknown=unknown[:_NAMED],
            n_unknown=len(unknown),
        )


def _is_known(served: Served, object_id: str) -> bool:
    for find in (served.release.columns.row_of, served.folder.row_of):
        try:
            find(object_id)
        except UnknownObject:
            continue
        return True
    return False
