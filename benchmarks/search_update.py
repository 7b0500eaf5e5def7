"""An update of one in a hundred of a release: seconds, memory, and recall before and after.

    OMP_NUM_THREADS=1 python benchmarks/search_update.py --data-dir DIR --n 20000      after search_release.py

Writes `DIR/measured/update_20000.json`. A third of the objects concerned are new, a third come with another vector, a third are
withdrawn. Recall is that of the release's engine for the held-out queries, against brute force over what it should then hold. The release
that is made is removed again. Some minutes for a million.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from search_data import (
    K,
    VectorArray,
    as_stored,
    grow,
    intermediate,
    peak,
    read_base,
    read_queries,
    read_truth,
    truth,
)
from search_inprocess import opened
from search_release import SURVEY, release_dir

from index.release import Release
from index.updates.delta import Supplement
from index.updates.release import update_release
from survey.archive import SurveyFolder

_SHARE, _FROM = 0.01, 50_000


def main() -> None:
    """Update once."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--n", type=int, required=True)
    told = parser.parse_args()
    folder, queries = release_dir(told.data_dir, told.n), read_queries(told.data_dir)
    base = read_base(told.data_dir, told.n)
    before = opened(told.data_dir, told.n)
    result: dict[str, Any] = {"n": told.n, "index": before.engine.approximate is not None}
    true = read_truth(told.data_dir, told.n)
    result["recall_before"] = recall_of(before, queries, [f"SYN{row:07d}" for row in range(told.n)], true)
    rng = np.random.default_rng(9)
    each = max(1, int(_SHARE * told.n / 3))
    concerned = rng.choice(told.n, 2 * each, replace=False)
    changed, withdrawn = concerned[:each], concerned[each:]
    fresh = as_stored(grow(base[:_FROM], len(base[:_FROM]) + 2 * each, rng)[-2 * each :].astype(np.float16))
    supplement = supplement_of(SurveyFolder(folder / "surveys" / SURVEY), changed, each, fresh)
    releases_dir = folder.parent / "updated"
    shutil.rmtree(releases_dir, ignore_errors=True)
    releases_dir.mkdir()
    begun = time.perf_counter()
    gone = [f"SYN{row:07d}" for row in withdrawn]
    info = update_release(before, supplement, releases_dir, withdraw=gone, threads=0, progress=tell)
    result |= {"seconds": time.perf_counter() - begun, "peak_bytes": peak(), "each": each}
    ids = [f"SYN{row:07d}" for row in range(told.n)]
    kept = np.setdiff1d(np.arange(told.n), concerned)
    now = np.concatenate([base[kept], fresh])
    names = [ids[row] for row in kept] + list(supplement.ids)
    after = Release.open(releases_dir / info.id)
    result["recall_after"] = recall_of(after, queries, names, truth(now, queries))
    result["n_after"] = after.engine.n_total
    shutil.rmtree(releases_dir)
    intermediate(told.data_dir, f"update_{told.n}", result)
    print(result)


def supplement_of(survey: SurveyFolder, changed: np.ndarray, n_new: int, vectors: VectorArray) -> Supplement:
    """Describe changed objects, then new ones, in the survey's columns."""
    rows = survey.objects.take(pa.array(changed))
    new = survey.objects.slice(0, n_new)
    ids = [f"NEW{row:07d}" for row in range(n_new)]
    place = new.schema.get_field_index("object_id")
    new = new.set_column(place, "object_id", pa.array(ids, new.schema.field(place).type))
    objects = pa.concat_tables([rows, new])
    return Supplement(
        survey="supplement",
        sha256="0" * 64,
        ids=objects.column("object_id").to_pylist(),
        vectors=vectors,
        objects=objects,
        flags=np.zeros(len(vectors), np.int32),
    )


def recall_of(release: Release, queries: VectorArray, names: list[str], true: np.ndarray) -> float:
    """Return the share of the true ten that the engine finds, one query at a time, by id."""
    ids, found = release.columns.ids, 0
    for query, right in zip(queries, true, strict=True):
        hits = release.engine.search(query[None], K).hits
        found += len(
            {str(ids[row]) for row in hits.rows[0, : hits.lengths[0]]} & {names[row] for row in right}
        )
    return found / true.size


def tell(done: int, total: int) -> None:
    """Say how far it is."""
    sys.stderr.write(f"\r{done:,} of {total:,} new objects compared")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
