"""What surveys and models may be called."""

from __future__ import annotations

import re

__all__ = ["BadName", "checked_name"]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class BadName(ValueError):
    """A name that cannot be a folder's, or that would make the folder of a pair ambiguous."""


def checked_name(name: str) -> str:
    """Return a survey's or a model's name if it is one.

    Raises
    ------
    BadName
        If it is not; the message says what a name is. ``--`` stands between survey and model in the names
        of embeddings and releases, so neither may hold it.
    """
    if not _NAME.fullmatch(name):
        raise BadName(
            f"{name!r} is no name: use up to 64 lower-case letters, digits and . _ -, a letter or a digit first"
        )
    if "--" in name or name.endswith("-"):
        raise BadName(
            f"{name!r} is no name here: '--' stands between survey and model in the names of releases; "
            "use single hyphens, none at the end"
        )
    return name
