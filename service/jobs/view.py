"""A job as it is told: its row, how far it is, its answer."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from service.jobs.handlers import Spec
from service.records.job_chunks import ChunkRow, Progress, find_chunk, progress
from service.records.jobs import JobRow, Phase

__all__ = ["JobView", "spec_of", "viewed"]


@dataclass(frozen=True, slots=True)
class JobView:
    """A job with how far it is.

    Attributes
    ----------
    answer
        The chunk that stands for the answer, once the job is completed.
    """

    row: JobRow
    progress: Progress
    answer: ChunkRow | None = None

    @property
    def eta_s(self) -> float | None:
        """Seconds until the last row is answered at the present speed; None where nobody knows."""
        speed, left = self.progress.rows_per_s, self.row.n_rows - self.progress.rows_done
        if self.row.phase is not Phase.EXECUTING or not speed:
            return None
        return left / speed


def spec_of(row: JobRow) -> Spec:
    """Return what a handler is told of a job."""
    return Spec(row.id, row.kind, row.parameters, row.n_rows, row.n_chunks, row.chunk_rows, row.format)


def viewed(session: Session, row: JobRow) -> JobView:
    """Return a job with how far it is now."""
    is_whole = row.phase is Phase.COMPLETED
    answer = find_chunk(session, row.id, row.n_chunks) if is_whole else None
    return JobView(row, progress(session, row.id), answer)
