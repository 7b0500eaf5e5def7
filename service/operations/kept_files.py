"""One kept upload, found for its owner and read from the disk."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from service.operations.refusals import StorageUnavailable, UploadLost, UploadNotFound
from service.records.uploads import UploadRow, find_upload
from service.stored_pixels import REPORT, decode, report_of
from survey.manifests import CorruptFolder

if TYPE_CHECKING:
    from service.resources import Resources
    from survey.ingest import IngestReport, Understood

__all__ = ["find", "pixels", "readable", "report", "stored_files"]

logger = logging.getLogger(__name__)


def find(session: Session, owner: str, upload_id: str) -> UploadRow:
    """Return an owner's upload.

    Raises
    ------
    UploadNotFound
        If there is none, or it is another owner's: nobody is told which.
    """
    row = find_upload(session, owner, upload_id)
    if row is None:
        raise UploadNotFound(f"You have kept no upload {upload_id!r}. GET /api/v1/uploads lists yours.")
    return row


def stored_files(
    resources: Resources, row: UploadRow, names: Collection[str] | None = None
) -> dict[str, bytes]:
    """Return the files of an upload, all of them or those named.

    Raises
    ------
    UploadLost
        If they are missing or damaged.
    UploadNotFound
        If it was deleted meanwhile.
    StorageUnavailable
        If the disk does not let them be read.
    """
    try:
        with readable(row):
            return resources.kept.read(row.id, names)[1]
    except CorruptFolder as error:
        raise _lost(resources, row) from error


def pixels(resources: Resources, row: UploadRow) -> Understood:
    """Return the cutout of an upload with the report of how it was read.

    Raises
    ------
    UploadLost
        If its files are missing or damaged.
    UploadNotFound
        If it was deleted meanwhile.
    StorageUnavailable
        If the disk does not let them be read.
    """
    files = stored_files(resources, row)
    try:
        return decode(row.about, files)
    except CorruptFolder as error:
        raise _lost(resources, row) from error


def report(resources: Resources, row: UploadRow) -> IngestReport:
    """Return the report of how an upload was read; its pixels stay on the disk.

    Raises
    ------
    UploadLost
        If it is missing or damaged.
    UploadNotFound
        If the upload was deleted meanwhile.
    StorageUnavailable
        If the disk does not let it be read.
    """
    files = stored_files(resources, row, [REPORT])
    try:
        return report_of(files)
    except CorruptFolder as error:
        raise _lost(resources, row) from error


@contextmanager
def readable(row: UploadRow) -> Iterator[None]:
    """Keep apart what is lost and what cannot be read just now: too many open files, a disk that went away.

    Raises
    ------
    StorageUnavailable
        Instead of an OSError of the block.
    """
    try:
        yield
    except OSError as error:
        logger.warning("kept upload not readable", extra={"upload": row.id, "reason": error.strerror})
        raise StorageUnavailable(
            f"The stored pixels of upload {row.id} cannot be read at the moment. Try again later."
        ) from error


def _lost(resources: Resources, row: UploadRow) -> UploadLost:
    with resources.sessions() as session:
        find(session, row.owner, row.id)
    logger.error("kept upload is lost", extra={"upload": row.id})
    return UploadLost(
        f"The stored pixels of upload {row.id} are missing or damaged. Delete it and send the file again."
    )
