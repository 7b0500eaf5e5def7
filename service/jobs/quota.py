"""How many jobs one owner may have, and how large."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from service.operations.refusals import JobQuota
from service.records.jobs import NOBODY, job_usage

if TYPE_CHECKING:
    from service.settings import Settings

__all__ = ["check_quota"]


def check_quota(
    settings: Settings, session: Session, owner: str, n_bytes: int = 0, *, again: str = ""
) -> None:
    """Ask whether an owner may have one more job.

    Parameters
    ----------
    n_bytes
        That its input takes on the disk.
    again
        Id of the job, if it is one that goes on: what it has already does not speak against it.

    Raises
    ------
    JobQuota
        If the owner would have too many that have not ended, or too many bytes.
    """
    used = job_usage(session, owner, but=again)
    whose = "Clients without a key" if owner == NOBODY else "You"
    if used.n_active >= settings.jobs_per_owner:
        raise JobQuota(
            f"{whose} have {used.n_active} jobs that have not ended; the limit is {settings.jobs_per_owner}. "
            "Wait for one, or end one (DELETE /api/v1/jobs/ID).",
            limit=settings.jobs_per_owner,
            got=used.n_active,
        )
    if used.n_bytes + n_bytes > settings.job_bytes_per_owner:
        raise JobQuota(
            f"The jobs that {whose.lower()} have take {used.n_bytes + n_bytes} bytes; the limit is "
            f"{settings.job_bytes_per_owner}. Delete some (DELETE /api/v1/jobs/ID).",
            limit=settings.job_bytes_per_owner,
            got=used.n_bytes + n_bytes,
        )
