"""Rows → Parquet, with the columns' words in the fields, the file's in the schema, and a VOTable header for TOPCAT."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from service.formats.fields import simple, simplified, with_meta
from service.formats.votable import head_of

__all__ = ["write_parquet"]

_GROUP_ROWS = 16_384


def write_parquet(
    tables: Iterator[pa.Table], schema: pa.Schema, path: Path, *, meta: Mapping[str, Any]
) -> None:
    """Write row groups of some ten thousand rows.

    References
    ----------
    IVOA Note "VOTable metadata in Parquet" (VOParquet) 1.0: the keys ``IVOA.VOTable-Parquet.*``.
    """
    target = with_meta(simplified(schema), meta)
    grid = {key: value for key, value in meta.items() if key in ("z_grid", "quantile_levels")}
    more = {
        "IVOA.VOTable-Parquet.version": "1.0",
        "IVOA.VOTable-Parquet.content": head_of(target, meta),
        **{key: orjson.dumps(value).decode() for key, value in grid.items()},
    }
    target = target.with_metadata(
        {**target.metadata, **{key.encode(): text.encode() for key, text in more.items()}}
    )
    with pq.ParquetWriter(path, target, compression="zstd") as writer:
        waiting: list[pa.Table] = []
        for table in tables:
            waiting.append(simple(table).cast(target))
            if sum(one.num_rows for one in waiting) >= _GROUP_ROWS:
                writer.write_table(pa.concat_tables(waiting))
                waiting = []
        if waiting:
            writer.write_table(pa.concat_tables(waiting))
