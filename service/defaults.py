"""Which release answers when a request names none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from index.catalogue.activation import ReleaseRow
from service.served import Served

__all__ = ["default_release", "first_indexed"]

# Trained models first, then the better baseline (docs/results/first_light.md); other methods follow, oldest first.
_PREFERRED = ("moco", "polar48", "pca48")


def default_release(survey: str, releases: Mapping[str, Served]) -> str:
    """Choose the release that answers for a survey: of a model that reads its images as they are, then by method."""

    def order(served: Served) -> tuple[bool, bool, int, str, str]:
        card, is_display = served.model.card, served.folder.info.kind == "display"
        # A hybrid is called by its trained part and what is joined to it.
        method = card.method.partition("+")[0]
        rank = _PREFERRED.index(method) if method in _PREFERRED else len(_PREFERRED)
        return (
            served.model.contract.is_display != is_display,
            # A vector with directions taken out answers where it is asked for.
            bool(card.training.get("without")),
            rank,
            served.release.info.created,
            served.release.id,
        )

    return min((s for s in releases.values() if s.survey == survey), key=order).release.id


def first_indexed(defaults: Mapping[str, str], registered: Sequence[ReleaseRow]) -> str:
    """Return the first survey ever indexed, so that a newer or rebuilt one does not change what plain requests mean."""
    known = [row for row in registered if row.survey in defaults]
    return min(known, key=lambda row: (row.created_at, row.id)).survey
