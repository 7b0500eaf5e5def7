"""From the results of a job's chunks to the file that its owner asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from service.jobs.folder import JobFolder, Written
from service.jobs.handlers import Spec
from service.records.job_chunks import ChunkRow
from survey.manifests import file_sha256

__all__ = ["ChunkDamaged", "assemble"]


class ChunkDamaged(RuntimeError):
    """A result that is missing or does not have its hash.

    Attributes
    ----------
    chunk
        The one that must be answered again.
    """

    def __init__(self, chunk: ChunkRow) -> None:
        super().__init__(f"the result of chunk {chunk.number} is missing or damaged")
        self.chunk = chunk


def assemble(
    folder: JobFolder, spec: Spec, chunks: Sequence[ChunkRow], *, token: int, meta: dict[str, Any]
) -> Written:
    """Write the answer from the chunks' results, in their order; memory holds a few of them.

    Parameters
    ----------
    chunks
        All of the job but the one for the answer, finished.
    token
        Of the lease for the answer.

    Raises
    ------
    ChunkDamaged
        If a result is not as it was committed.
    """
    # Imported here: the formats load astropy, which a worker without an answer to write does not need.
    from service.formats.writing import FORMATS, write  # noqa: PLC0415

    schema = _read(folder, chunks[0]).schema
    suffix = FORMATS[spec.format].suffix.removeprefix(".") if spec.format in FORMATS else spec.format
    with folder.writing_result(spec.job_id, token, suffix) as (staged, target):
        write(_tables(folder, chunks, schema), schema, staged, spec.format, meta=meta)
    return Written(target.name, file_sha256(target), target.stat().st_size)


def _tables(folder: JobFolder, chunks: Sequence[ChunkRow], schema: pa.Schema) -> Iterator[pa.Table]:
    for chunk in chunks:
        table = _read(folder, chunk)
        # A chunk without any value of a column may not know the column's type.
        yield table if table.schema.equals(schema) else table.cast(schema)


def _read(folder: JobFolder, chunk: ChunkRow) -> pa.Table:
    assert chunk.result is not None
    try:
        data = folder.chunk_file(chunk.job_id, chunk.result).read_bytes()
    except FileNotFoundError as error:
        raise ChunkDamaged(chunk) from error
    if hashlib.sha256(data).hexdigest() != chunk.digest:
        raise ChunkDamaged(chunk)
    return pq.read_table(pa.BufferReader(data), use_threads=False)
