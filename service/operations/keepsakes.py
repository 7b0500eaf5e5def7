"""An upload on its way to be kept: written anew before it is answered, stored before the answer is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.operations import keeping
from service.stored_pixels import Sent, Stored, decode, encode, sent_of

if TYPE_CHECKING:
    from service.resources import Resources
    from survey.ingest import Overrides, Understood

__all__ = ["Keepsake", "make_keepsake", "store"]


@dataclass(frozen=True, slots=True)
class Keepsake:
    """What will be stored.

    Attributes
    ----------
    understood
        The cutout as it will be read from the store: what is answered is what is stored.
    """

    owner: str
    sent: Sent
    stored: Stored
    understood: Understood


def make_keepsake(
    owner: str, files: Sequence[tuple[str, bytes]], overrides: Overrides, understood: Understood
) -> Keepsake:
    """Write a cutout anew; nothing is on the disk yet."""
    stored = encode(understood)
    return Keepsake(owner, sent_of(files, overrides), stored, decode(stored.about, stored.files))


def store(resources: Resources, keepsake: Keepsake, release_id: str) -> str:
    """Store it durably and return its id; raises as :func:`service.operations.keeping.keep` does."""
    return keeping.keep(
        resources, owner=keepsake.owner, sent=keepsake.sent, stored=keepsake.stored, release_id=release_id
    )
