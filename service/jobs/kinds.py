"""Every kind of job that Skylike brings."""

from __future__ import annotations

from typing import Final

__all__ = ["KINDS"]

#: Kind to the module and the name of its handler, which is made from the worker's resources; the module is
#: imported when a worker first meets such a job.
KINDS: Final[dict[str, tuple[str, str]]] = {
    "photoz": ("service.operations.batch_jobs", "PhotoZJob"),
    "photoz-cutouts": ("service.operations.cutout_jobs", "CutoutJobs"),
    "neighbours": ("service.operations.batch_jobs", "NeighboursJob"),
}
