"""A batch of cutouts as a job: its members as rows, and what a worker does with a chunk of them."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from service.members import Member
from service.operations.cutout_answer import cutout_meta, cutout_table
from service.operations.cutout_reading import Reader
from service.operations.estimate_columns import Shown
from survey.ingest import CutoutRejected, Overrides

if TYPE_CHECKING:
    from service.jobs.handlers import Spec
    from service.resources import Resources
    from service.served import Served

__all__ = [
    "KIND",
    "MEMBER_SCHEMA",
    "CutoutJobs",
    "chunk_rows_for",
    "members_of",
    "parameters_of",
    "tables_of",
]

KIND: Final = "photoz-cutouts"
#: A member as a row of a job's input; ``pixels`` is JSON.
MEMBER_SCHEMA: Final = pa.schema(
    [
        ("name", pa.string()),
        ("data", pa.large_binary()),
        ("pixels", pa.string()),
        ("code", pa.string()),
        ("message", pa.string()),
    ]
)

# A chunk is held in memory by the service that writes it and by the worker that reads it.
_CHUNK_BYTES: Final = 32 * 2**20
_MOST_CHUNK_BYTES: Final = 512 * 2**20
_MOST_CHUNK_ROWS: Final = 256
_TABLE_ROWS: Final = 32


def chunk_rows_for(members: Iterable[Member]) -> int:
    """Return how many members make a chunk, from the first ones of an archive: some 32 MiB."""
    sizes = [len(member.data) for member in members]
    mean = max(1, sum(sizes) // max(1, len(sizes)))
    return max(1, min(_MOST_CHUNK_ROWS, _CHUNK_BYTES // mean))


def tables_of(members: Iterable[Member], chunk_rows: int) -> Iterator[pa.Table]:
    """Yield members as tables of a job's input; at least one table.

    Raises
    ------
    CutoutRejected
        ``upload.unpacked_too_large`` if a chunk would have more than 512 MiB.
    """
    last: deque[int] = deque(maxlen=chunk_rows)
    found, is_first = iter(members), True
    while (some := list(islice(found, _TABLE_ROWS))) or is_first:
        for member in some:
            last.append(len(member.data))
            if sum(last) > _MOST_CHUNK_BYTES:
                raise CutoutRejected(
                    "upload.unpacked_too_large",
                    f"{len(last)} members in a row have more than {_MOST_CHUNK_BYTES // 2**20} MiB. Put large cutouts and "
                    "small ones into archives of their own.",
                )
        yield pa.table(
            {
                "name": [one.name for one in some],
                "data": pa.array([bytes(one.data) for one in some], pa.large_binary()),
                "pixels": [None if one.pixels is None else json.dumps(one.pixels) for one in some],
                "code": [one.code for one in some],
                "message": [one.message for one in some],
            },
            schema=MEMBER_SCHEMA,
        )
        is_first = False


def members_of(rows: pa.Table) -> Iterator[Member]:
    """Yield the members of a chunk."""
    for batch in rows.to_batches():
        names, data, pixels, codes, messages = batch.columns
        for n in range(len(batch)):
            told = pixels[n].as_py()
            yield Member(
                names[n].as_py(),
                memoryview(data[n].as_buffer()),
                None if told is None else json.loads(told),
                codes[n].as_py(),
                messages[n].as_py(),
            )


def parameters_of(served: Served, overrides: Overrides, shown: Shown) -> dict[str, Any]:
    """Return a job's parameters."""
    said = {name: getattr(overrides, name) for name in ("bands", "hdu", "zeropoint", "pixel_scale_arcsec")}
    return {
        "release": served.release.id,
        **{name: value for name, value in said.items() if value is not None},
        "representation": shown.representation,
        "n_samples": shown.n_samples,
        "seed": shown.seed,
    }


class CutoutJobs:
    """The handler of jobs of kind ``photoz-cutouts``."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def run(self, spec: Spec, chunk: int, rows: pa.Table) -> pa.Table:
        """Answer the members of a chunk."""
        served, shown = self._served(spec), _shown(spec)
        reader = Reader(
            self._resources.sandbox, served, _overrides(spec), self._resources.settings.sandbox_children
        )
        first = chunk * spec.chunk_rows
        tables = []
        for group in reader.read(members_of(rows)):
            tables.append(cutout_table(served, group, shown, first=first))
            first += len(group)
        return pa.concat_tables(tables)

    def meta(self, spec: Spec) -> dict[str, Any]:
        """Return what the answer says of all rows."""
        return cutout_meta(self._served(spec), _shown(spec))

    def _served(self, spec: Spec) -> Served:
        return self._resources.choose(None, spec.parameters["release"])


def _shown(spec: Spec) -> Shown:
    given = spec.parameters
    return Shown(given["representation"], given["n_samples"], given["seed"])


def _overrides(spec: Spec) -> Overrides:
    given = spec.parameters
    zeropoint = given.get("zeropoint")
    return Overrides(
        bands=given.get("bands"),
        hdu=given.get("hdu"),
        zeropoint=tuple(zeropoint) if isinstance(zeropoint, list) else zeropoint,
        pixel_scale_arcsec=given.get("pixel_scale_arcsec"),
    )
