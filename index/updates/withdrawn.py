"""The ids that updates withdrew, which a build must leave out."""

from __future__ import annotations

import orjson

from index.release import Release
from survey.manifests import CorruptFolder

__all__ = ["WITHDRAWN_IDS", "read_withdrawn_ids"]

#: A JSON list, in updated releases and in those that were built from one.
WITHDRAWN_IDS = "withdrawn_ids.json"


def read_withdrawn_ids(release: Release) -> list[str]:
    """Return the ids that were withdrawn from a release's survey and its supplements; none without an update.

    Raises
    ------
    CorruptFolder
        If the list cannot be read.
    """
    if release.info.update is None:
        return []
    try:
        return [str(i) for i in orjson.loads((release.path / WITHDRAWN_IDS).read_bytes())]
    except (OSError, ValueError, TypeError) as error:
        raise CorruptFolder(
            f"{release.id}: {WITHDRAWN_IDS} cannot be read; build the release again"
        ) from error
