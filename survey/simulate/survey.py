"""The run that makes the demo survey: population, rendering on all cores, publication."""

from __future__ import annotations

import multiprocessing
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from pathlib import Path

import pyarrow as pa

from survey.archive import SurveyFolder, SurveyInfo
from survey.locks import making_survey
from survey.publish import SurveyPart, publish_survey
from survey.simulate.parents import read_parents
from survey.simulate.parts import PART_SIZE, load_part, load_truth, prepare_staging, render_part
from survey.simulate.population import Galaxy, behind_other_dust, draw_population
from survey.simulate.recipe import DEFAULT_N, describe
from survey.simulate.templates import sdss_templates

__all__ = ["render_survey", "simulate_survey"]

Progress = Callable[[int, int], None]


def simulate_survey(
    path: Path,
    *,
    n: int = DEFAULT_N,
    seed: int = 1,
    realisation: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> SurveyFolder:
    """Render a survey of ``n`` galaxies and publish it at ``path``.

    Galaxies whose measured r flux leaves the main sample are dropped (1 % of them). The result depends on ``n`` and
    ``seed`` alone, not on ``workers``. An interrupted run leaves its finished parts beside ``path`` and the
    same call continues from them.

    Parameters
    ----------
    path
        The survey folder, named like the survey; replaced if it exists.
    n
        Galaxies to render; beyond the 9,582 real ones parents are drawn with replacement.
    realisation
        0 is the survey itself; any other shows the same galaxies (``n`` and ``seed`` the same) behind other dust, at other
        position angles, with other seeing, noise and surroundings: see :func:`survey.simulate.render.render_galaxy`.
    workers
        Processes; by default one a core. With 1 nothing is started.
    progress
        Called with (galaxies rendered, n).

    Raises
    ------
    MissingTable
        If `kcorrect` is not installed.
    SurveyBusy
        If another process is making this survey.
    ValueError
        If ``n`` is not positive or not one galaxy remains.
    """
    parents = read_parents()
    galaxies = draw_population(parents, n, seed=seed, templates=sdss_templates())
    if realisation:
        galaxies = behind_other_dust(galaxies, seed=seed, realisation=realisation)
    info = describe(path.name, n=n, seed=seed, is_copied=n > len(parents), realisation=realisation)
    return render_survey(
        path, galaxies, info, seed=seed, realisation=realisation, workers=workers, progress=progress
    )


def render_survey(
    path: Path,
    galaxies: Sequence[Galaxy],
    info: SurveyInfo,
    *,
    seed: int,
    realisation: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> SurveyFolder:
    """Render these galaxies and publish them at ``path``; see :func:`simulate_survey`.

    Parameters
    ----------
    info
        Whose ``extra["simulation"]`` says what the pixels follow from: an interrupted run continues where it is the same.
    """
    staging = path.with_name(f".{path.name}.parts")
    chunks = [list(galaxies[first : first + PART_SIZE]) for first in range(0, len(galaxies), PART_SIZE)]
    with making_survey(path):
        prepare_staging(staging, {**info.extra["simulation"], "part_size": PART_SIZE})
        jobs = [(staging, number, chunk, seed, realisation) for number, chunk in enumerate(chunks)]
        _render_all(jobs, workers=workers or os.cpu_count() or 1, progress=progress)
        folder = _publish(path, staging, len(chunks), info)
        shutil.rmtree(staging)
    return folder


_Job = tuple[Path, int, list[Galaxy], int, int]


def _render_all(jobs: list[_Job], *, workers: int, progress: Progress | None) -> None:
    total, done = sum(len(chunk) for _, _, chunk, _, _ in jobs), 0
    for finished in map(_render_one, jobs) if workers == 1 else _in_processes(jobs, workers):
        done += finished
        if progress:
            progress(done, total)


def _render_one(job: _Job) -> int:
    return render_part(*job)


def _in_processes(jobs: list[_Job], workers: int) -> Iterator[int]:
    """Yield the size of each part as it is finished; on an error or interrupt the parts in hand are completed."""
    # Not fork: a parent with threads (BLAS, the progress bar) must not be copied.
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context) as pool:
        waiting = {pool.submit(_render_one, job) for job in jobs}
        try:
            while waiting:
                ready, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in ready)
        finally:
            pool.shutdown(cancel_futures=True)


def _publish(path: Path, staging: Path, n_parts: int, info: SurveyInfo) -> SurveyFolder:
    thumbnails: deque[bytes] = deque()

    def parts() -> Iterator[SurveyPart]:
        for number in range(n_parts):
            part = load_part(staging, number)
            if part.rows.num_rows:
                thumbnails.extend(part.thumbnails)
                yield SurveyPart(part.rows, part.images)

    return publish_survey(
        path,
        info,
        parts(),
        # The workers made the thumbnails, one for each cutout, in this order.
        thumbnail=lambda _: thumbnails.popleft(),
        side_tables={
            "truth.parquet": pa.concat_tables(load_truth(staging, number) for number in range(n_parts))
        },
    )
