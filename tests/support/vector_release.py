"""What a release of given vectors is built from: no images, no model file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from support.tiny_survey import tiny_contract

from index.embed import describe_embeddings
from index.embeddings import EmbeddingStore
from survey.archive import SurveyFolder, SurveyInfo
from survey.publish import SurveyPart, publish_survey
from survey.sky import hpx29


@dataclass(frozen=True)
class _Card:
    dimension: int
    id: str = "vectors"
    photoz: None = None


class VectorModel:
    """Stands for a model where only its name, hash, contract and dimension matter."""

    def __init__(self, dimension: int) -> None:
        self.card = _Card(dimension)
        self.contract = tiny_contract("display")
        self.sha256 = f"{dimension:064x}"


def catalogue(path: Path, n: int, *, prefix: str = "V", seed: int = 0) -> SurveyFolder:
    """Publish n places spread over the sky, with redshifts, magnitudes and labels, without images."""
    rng = np.random.default_rng(seed)
    ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    rows = pa.table(
        {
            "object_id": [f"{prefix}{i:06d}" for i in range(n)],
            "ra_deg": ra,
            "dec_deg": dec,
            "hpx29": pa.array(hpx29(ra, dec)),
            "ebv": rng.uniform(0, 0.1, n),
            "z_spec": rng.uniform(0.01, 0.3, n),
            "mag_r": rng.uniform(14, 18, n),
            "label": [("spiral", "elliptical")[i % 2] for i in range(n)],
        }
    )
    info = SurveyInfo(name=path.name, title="Vectors", kind="catalogue", realism="Places are random.")
    return publish_survey(path, info, [SurveyPart(rows=rows)])


def vector_parts(
    data_dir: Path, vectors: np.ndarray, *, name: str = "vectors", shard_size: int = 300
) -> dict[str, Any]:
    """Write a catalogue with these embeddings; returns what ``build_release`` takes of them."""
    survey = catalogue(data_dir / "surveys" / name, len(vectors))
    model = VectorModel(vectors.shape[1])
    info = describe_embeddings(survey, model, shard_size=shard_size)
    store = EmbeddingStore.create(data_dir / "embeddings" / f"{name}--{model.card.id}", info)
    cells = survey.objects.column("hpx29").to_pylist()
    for shard in range(info.n_shards):
        part = slice(shard * shard_size, (shard + 1) * shard_size)
        store.write_shard(shard, survey.ids[part], cells[part], vectors[part])
    # UMAP would take most of a test's time.
    return {"survey": survey, "model": model, "embeddings": store, "map_method": "pca"}
