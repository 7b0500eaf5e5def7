"""Tables of any length → one Parquet file whose row groups are the chunks of a job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from service.operations.refusals import BatchTooLarge

__all__ = ["write_groups"]


def write_groups(path: Path, tables: Iterator[pa.Table], *, chunk_rows: int, most_rows: int) -> list[int]:
    """Write tables of one schema; returns the rows of each group.

    Raises
    ------
    BatchTooLarge
        If there are more than ``most_rows``.
    ValueError
        If there is no table.
    """
    rows: list[int] = []
    writer: pq.ParquetWriter | None = None
    try:
        for chunk in _in_chunks(tables, chunk_rows, most_rows):
            writer = writer or pq.ParquetWriter(path, chunk.schema, compression="zstd", compression_level=1)
            writer.write_table(chunk, row_group_size=chunk_rows)
            rows.append(chunk.num_rows)
    finally:
        if writer is not None:
            writer.close()
    if not rows:
        raise ValueError("a job needs a table, if only one without rows")
    return rows


def _in_chunks(tables: Iterator[pa.Table], chunk_rows: int, most_rows: int) -> Iterator[pa.Table]:
    """Cut tables of any length into chunks of one length, the last one shorter; one without rows if there are none."""
    waiting, n_rows, is_first = None, 0, True
    for table in tables:
        n_rows += table.num_rows
        if n_rows > most_rows:
            raise BatchTooLarge(
                f"The job has more than {most_rows} rows, which is the limit. Send several jobs.",
                limit=most_rows,
                got=n_rows,
            )
        waiting = table if waiting is None else pa.concat_tables([waiting, table])
        while waiting.num_rows >= chunk_rows:
            yield waiting.slice(0, chunk_rows)
            waiting, is_first = waiting.slice(chunk_rows), False
    if waiting is not None and (waiting.num_rows or is_first):
        yield waiting
