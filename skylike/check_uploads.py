"""Compares the uploads that the database says are kept with their folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from index.catalogue.migrate import is_current
from index.catalogue.session import make_engine, sessions
from service.kept_folder import KeptFolder
from service.records.uploads import Fates, UploadRow, all_uploads, fates_of
from skylike.findings import Finding, complaint, note, ok
from survey.manifests import CorruptFolder

__all__ = ["check_uploads", "sweep_uploads"]


def check_uploads(url: str, root: Path) -> Iterator[Finding]:
    """Yield a finding for every upload that is not whole, and one for all others; nothing where none was ever kept.

    Parameters
    ----------
    root
        The folder of kept uploads.
    """
    rows = _rows(url)
    folder = KeptFolder(root)
    whole: list[UploadRow] = []
    for row in rows:
        try:
            folder.read(row.id)
        except OSError as error:
            found = f"kept by {row.owner}, and its pixels cannot be read ({error.strerror})"
            yield complaint(f"upload {row.id}", found, f"look at the disk under {root}")
        except CorruptFolder as error:
            found = f"kept by {row.owner}, and its pixels are missing or damaged ({error})"
            yield complaint(f"upload {row.id}", found, f"restore {root / row.id} from a backup")
        else:
            whole.append(row)
    if whole:
        n_bytes, owners = sum(row.n_bytes for row in whole), {row.owner for row in whole}
        yield ok("uploads", f"{len(whole)} kept by {len(owners)} owners, {n_bytes} bytes, hashes agree")
    known = {row.id for row in rows}
    for upload_id in folder.settled():
        if upload_id not in known:
            yield note(
                f"upload {upload_id}",
                f"of another database than this one, or of a time after its backup; rm -r {root / upload_id} frees its room",
            )
    left = folder.pending()
    if left:
        yield note(
            "uploads",
            f"{len(left)} on their way or left by a crash; `skylike index prune` finishes the latter, as far as this database knows them",
        )


def sweep_uploads(url: str, root: Path, *, dry_run: bool = False) -> list[str]:
    """Remove what crashes left of uploads on their way in or out, waiting for those that are; returns their ids.

    Parameters
    ----------
    dry_run
        Only tell.
    """
    folder = KeptFolder(root)
    engine = make_engine(url)

    def fates(ids: list[str]) -> Fates:
        with sessions(engine)() as session:
            return fates_of(session, ids)

    try:
        if not folder.pending():
            return []
        return folder.left_over(fates) if dry_run else folder.sweep(fates, wait=True)
    finally:
        engine.dispose()


def _rows(url: str) -> list[UploadRow]:
    """Return every row; none where the database is not there or not current, of which others complain."""
    try:
        if not is_current(url):
            return []
    except SQLAlchemyError:
        return []
    engine = make_engine(url)
    try:
        with sessions(engine)() as session:
            return all_uploads(session)
    finally:
        engine.dispose()
