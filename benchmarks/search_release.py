"""A data folder that serves given vectors: a catalogue of synthetic positions, a model to be bound to, one release.

    python benchmarks/search_release.py --data-dir DIR --n 20000 [--kind ivf --storage float32]       after benchmarks/search_data.py

Writes `DIR/n20000/served`, which `skylike serve --data-dir` takes; what is there already is left. Seconds, or some minutes
for a million, most of them for the neighbours of every object.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
from figures import REPOSITORY
from search_data import DIMENSION, VectorArray, intermediate, object_ids, peak, read_base

sys.path.insert(0, str(REPOSITORY / "tests"))
from support.serving import register

from index.embed import describe_embeddings
from index.embeddings import EmbeddingStore
from index.model import Model, ModelCard, publish_model
from index.releases import build_release
from index.vectors.exact import Storage
from index.vectors.factory import IndexRequest
from survey.archive import SurveyFolder, SurveyInfo
from survey.bands import BAND_SETS
from survey.contract import InputContract
from survey.publish import SurveyPart, publish_survey
from survey.sky import hpx29
from training.graph_writer import GraphWriter

__all__ = ["correlated", "release_dir", "served_folder"]

Kind = Literal["auto", "exact", "ivf", "hnsw"]

SURVEY, MODEL = "search", "search-128"
_INPUT_PX = 8
_SHARD = 100_000


def release_dir(data_dir: Path, n: int) -> Path:
    """Return the data folder with a release of n vectors."""
    return data_dir / f"n{n}" / "served"


def correlated(base: VectorArray) -> np.ndarray:
    """Return a column that a filter of share s cuts at s: the rank along the first axis, from 0 to 1, float64.

    Magnitude, redshift and size are such columns: directions of the embedding that a cut runs across.
    """
    rank = np.empty(len(base))
    rank[np.argsort(base[:, 0], kind="stable")] = (np.arange(len(base)) + 0.5) / len(base)
    return rank


def stand_in(path: Path) -> Model:
    """Publish a model of 128 dimensions that projects pixels at random: a release must name one."""
    contract = InputContract(
        BAND_SETS["display-rgb"], None, _INPUT_PX, _INPUT_PX, stretch="unit", min_coverage_px=_INPUT_PX
    )
    rng = np.random.default_rng(0)
    axes = rng.normal(size=(3 * _INPUT_PX**2, DIMENSION)).astype(np.float32)
    graph = GraphWriter()
    projected = graph.add("MatMul", graph.add("Flatten", "images"), graph.constant(axes))
    graph.normalised(projected, output="embedding")
    fields = rng.uniform(0, 255, (4, 3, _INPUT_PX, _INPUT_PX)).astype(np.float32)
    expected = contract.finish(fields).reshape(4, -1) @ axes
    card = ModelCard(
        id=MODEL,
        method="random",
        title="Random projection of pixels, for benchmarks",
        contract=contract.to_json(),
        dimension=DIMENSION,
        training={"survey": "none", "survey_sha256": "", "labels": "none"},
        metrics={},
        code_revision="",
        licence="BSD-3-Clause",
        created="2026-01-01T00:00:00+00:00",
    )
    encoder = graph.finished(images=(3, _INPUT_PX, _INPUT_PX), outputs={"embedding": DIMENSION})
    unit = expected / np.linalg.norm(expected, axis=1, keepdims=True)
    return publish_model(path, card, encoder=encoder, golden=(fields, unit.astype(np.float32)))


def positions(data_dir: Path, base: VectorArray) -> SurveyFolder:
    """Publish places at random; ``mag_r`` follows the embedding (see :func:`correlated`), the label does not."""
    rng = np.random.default_rng(1)
    n = len(base)
    ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    rows = pa.table(
        {
            "object_id": object_ids(n),
            "ra_deg": ra,
            "dec_deg": dec,
            "hpx29": pa.array(hpx29(ra, dec)),
            "ebv": rng.uniform(0, 0.1, n),
            "z_spec": rng.uniform(0.01, 0.3, n),
            "mag_r": 14 + correlated(base),
            "label": [("spiral", "elliptical")[row % 2] for row in range(n)],
        }
    )
    info = SurveyInfo(
        name=SURVEY, title="Vectors between galaxies", kind="catalogue", realism="Places are random."
    )
    return publish_survey(data_dir / "surveys" / SURVEY, info, [SurveyPart(rows=rows)])


def served_folder(data_dir: Path, n: int, kind: Kind = "auto", storage: Storage | None = None) -> Path:
    """Build the folder unless it is there; the seconds and the size of each step go into the measurements.

    The neighbours of every object are found by the index: with exact search that is N by N, an hour for a million.
    """
    folder = release_dir(data_dir, n)
    if folder.is_dir():
        return folder
    staged = folder.with_name("served.staged")
    shutil.rmtree(staged, ignore_errors=True)
    base = read_base(data_dir, n)
    seconds, begun = {}, time.perf_counter()

    def passed(step: str) -> None:
        nonlocal begun
        seconds[step] = round(time.perf_counter() - begun, 2)
        print(f"{n:,}: {step} {seconds[step]} s", file=sys.stderr, flush=True)
        begun = time.perf_counter()

    survey, model = positions(staged, base), stand_in(staged / "models" / MODEL)
    passed("survey")
    store = EmbeddingStore.create(
        staged / "embeddings" / f"{SURVEY}--{MODEL}", describe_embeddings(survey, model, shard_size=_SHARD)
    )
    for shard in range(store.info.n_shards):
        rows = slice(shard * _SHARD, (shard + 1) * _SHARD)
        store.write_shard(
            shard, survey.ids[rows], survey.objects.column("hpx29")[rows].to_pylist(), base[rows]
        )
    passed("embeddings")
    del base
    release = build_release(
        survey=survey,
        model=model,
        embeddings=store,
        releases_dir=staged / "releases",
        index=IndexRequest(kind=kind, storage=storage),
        progress=tell,
    )
    passed("release")
    register(staged, survey, release.id)
    passed("catalogue")
    size = sum(path.stat().st_size for path in (staged / "releases").rglob("*") if path.is_file())
    intermediate(
        data_dir,
        f"release_{n}",
        {"seconds": seconds, "bytes": size, "kind": kind, "storage": storage, "peak_bytes": peak()},
    )
    staged.rename(folder)
    return folder


def tell(done: int, total: int) -> None:
    """Say how far it is."""
    sys.stderr.write(f"\r{done:,} of {total:,}")
    sys.stderr.flush()


def main() -> None:
    """Build the folders asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--n", type=int, nargs="+", required=True)
    parser.add_argument("--kind", choices=("auto", "exact", "ivf", "hnsw"), default="auto")
    parser.add_argument("--storage", choices=("float32", "float16"), help="default: as the index has it")
    told = parser.parse_args()
    for n in told.n:
        print(served_folder(told.data_dir, n, told.kind, told.storage))


if __name__ == "__main__":
    main()
