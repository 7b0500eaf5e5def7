"""From a plan to a published survey folder."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pyarrow as pa

from survey.archive import SurveyFolder
from survey.locks import making_survey
from survey.manifests import recover, sha256_of
from survey.publish import SurveyPart, publish_survey
from survey.rendering import thumbnail
from survey.sources.batches import BATCH, Batch, BatchStore, decode
from survey.sources.plan import ImportPlan
from survey.sources.rows import Rejected, finish_rows

__all__ = ["SurveyExists", "import_survey", "parts"]

Progress = Callable[[int, int], None]


class SurveyExists(ValueError):
    """A survey of this name holds something else."""


def import_survey(
    plan: ImportPlan,
    surveys: Path,
    *,
    replace: bool = False,
    progress: Progress | None = None,
    workers: int = 0,
) -> SurveyFolder:
    """Carry out a plan and publish the survey under ``surveys``.

    The same import done before is left as it is; one interrupted continues where it stopped if nothing of its
    input changed (one of a plan ``in_order`` starts again). Rejected rows are kept in the side table ``rejected.parquet``.

    Parameters
    ----------
    replace
        Whether a survey of this name with other content is replaced.
    workers
        Processes that decode; 0 takes one per core.

    Raises
    ------
    SurveyExists
        If there is another survey of this name and ``replace`` is False.
    SurveyBusy
        If another process is making a survey of this name.
    ValueError
        If no object is left.
    """
    with making_survey(surveys / plan.info.name):
        return _import_alone(plan, surveys, replace=replace, progress=progress, workers=workers)


def _import_alone(
    plan: ImportPlan, surveys: Path, *, replace: bool, progress: Progress | None, workers: int
) -> SurveyFolder:
    fingerprint = _fingerprint(plan)
    target = surveys / plan.info.name
    recover(target)
    if (target / "survey.json").is_file():
        folder = SurveyFolder(target)
        if folder.info.extra.get("import_sha256") == fingerprint:
            return folder
        if not replace:
            raise SurveyExists(
                f"survey {plan.info.name!r} exists with other content; import with --replace or another name."
            )
    scratch = surveys / f".{plan.info.name}.import"
    side: dict[str, pa.Table] = {}

    def and_then_list_rejected() -> Iterator[SurveyPart]:
        yield from parts(plan, scratch=scratch, progress=progress, workers=workers)
        if plan.rejected:
            listed = [{"what": r.what, "reason": r.reason} for r in plan.rejected]
            side["rejected.parquet"] = pa.Table.from_pylist(listed)

    info = dataclasses.replace(plan.info, extra={**plan.info.extra, "import_sha256": fingerprint})
    folder = publish_survey(target, info, and_then_list_rejected(), thumbnail=thumbnail, side_tables=side)
    shutil.rmtree(scratch, ignore_errors=True)
    return folder


def parts(
    plan: ImportPlan, *, scratch: Path | None = None, progress: Progress | None = None, workers: int = 0
) -> Iterator[SurveyPart]:
    """Yield a plan's objects with their pixels; rows whose file is refused move to ``plan.rejected``.

    Parameters
    ----------
    scratch
        Folder for finished batches, so that a second run need not decode them again; None keeps nothing.
    """
    if plan.decoder is None:
        table, notes = finish_rows(plan.rows.columns)
        plan.rows.notes += notes
        yield SurveyPart(rows=table)
        if progress is not None:
            progress(len(plan.rows), len(plan.rows))
        return
    spans = [(first, min(first + BATCH, len(plan.rows))) for first in range(0, len(plan.rows), BATCH)]
    if plan.in_order:
        scratch, workers = None, 1
    store = BatchStore(scratch, _fingerprint(plan)) if scratch is not None else None
    done = 0
    noted: set[str] = set()
    for (first, stop), batch in zip(spans, decode(plan.decoder, spans, store, workers), strict=True):
        ids = plan.rows.columns.column("object_id").slice(first, stop - first).to_pylist()
        plan.rows.rejected += [Rejected(ids[n], reason) for n, reason in batch.refused.items()]
        if len(batch.kept):
            table = _with_facts(
                plan.rows.columns.slice(first, stop - first).take(pa.array(batch.kept)), batch
            )
            table, notes = finish_rows(table)
            noted |= {note.split(" of ")[0] for note in notes}
            yield SurveyPart(rows=table, flux=batch.flux, ivar=batch.ivar)
        done += stop - first
        if progress is not None:
            progress(done, len(plan.rows))
    if any(note.startswith("E(B-V)") for note in noted):
        plan.rows.notes.append(
            "E(B-V) from the low-resolution SFD map where no column gives it (ebv_src 'sfd-lowres')."
        )


def _with_facts(table: pa.Table, batch: Batch) -> pa.Table:
    """Fill nulls of standard columns from the files, and add columns that the table has not."""
    for name, values in batch.facts.items():
        found = pa.array(values, pa.float64())
        if name not in table.column_names:
            table = table.append_column(name, found)
        else:
            column = table.column(name)
            filled = [f if c is None else c for c, f in zip(column.to_pylist(), values, strict=True)]
            table = table.set_column(table.column_names.index(name), name, pa.array(filled, column.type))
    return table


def _fingerprint(plan: ImportPlan) -> str:
    """Return a hash of everything that decides what the survey will hold."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, plan.rows.columns.schema) as stream:
        stream.write_table(plan.rows.columns.combine_chunks())
    pixels = "" if plan.decoder is None else plan.decoder.fingerprint()
    words = orjson.dumps(plan.info.to_json(), option=orjson.OPT_SORT_KEYS)
    return sha256_of(b"\0".join((words, pixels.encode(), memoryview(sink.getvalue()))))
