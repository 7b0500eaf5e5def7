"""The ids that updates withdrew, which a build must leave out."""

from __future__ import annotations

from pathlib import Path

import orjson

from index.release import MANIFEST
from index.release_info import ReleaseInfo, UpdateInfo
from survey.manifests import CorruptFolder, sha256_of

__all__ = ["WITHDRAWN_IDS", "keep_origin", "read_withdrawn_ids"]

#: A JSON list, in updated releases and in those that were built from one.
WITHDRAWN_IDS = "withdrawn_ids.json"


def read_withdrawn_ids(folder: Path, info: ReleaseInfo) -> list[str]:
    """Return the ids that were withdrawn from a release's survey and its supplements; none without an update.

    Parameters
    ----------
    folder, info
        The release's.

    Raises
    ------
    CorruptFolder
        If the list cannot be read.
    """
    if info.update is None:
        return []
    try:
        return [str(i) for i in orjson.loads((folder / WITHDRAWN_IDS).read_bytes())]
    except (OSError, ValueError, TypeError) as error:
        raise CorruptFolder(f"{info.id}: {WITHDRAWN_IDS} cannot be read; build the release again") from error


def keep_origin(folder: Path, merged: Path, info: ReleaseInfo) -> UpdateInfo:
    """Write into the folder of a build which ids are left out, and return what it says of the release that it merges.

    Parameters
    ----------
    merged, info
        Folder of that release, and what it says of itself.
    """
    update = info.update
    assert update is not None
    (folder / WITHDRAWN_IDS).write_bytes(orjson.dumps(read_withdrawn_ids(merged, info)))
    return UpdateInfo(
        base=info.id,
        base_sha256=sha256_of((merged / MANIFEST).read_bytes()),
        supplements=update.supplements,
        added=0,
        changed=0,
        withdrawn=0,
        n_withdrawn_rows=0,
    )
