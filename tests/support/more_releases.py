"""Further releases of a survey that is indexed already."""

from datetime import UTC, datetime, timedelta

import numpy as np
from support.serving import register

from index.embed import describe_embeddings
from index.embeddings import EmbeddingStore
from index.model import Model
from index.releases import build_release
from survey.archive import SurveyFolder

__all__ = ["another_release"]


def another_release(data_dir, *, survey="tiny", days=1, seed=None, is_active=True):
    """Build a release of the same survey and model, dated ``days`` ahead; returns its id.

    With a seed its embeddings are random, so that its answers are told from those of any other.
    """
    folder = SurveyFolder(data_dir / "surveys" / survey)
    model = Model.open(data_dir / "models" / f"pca48-{survey}")
    embeddings = EmbeddingStore.open(data_dir / "embeddings" / f"{survey}--pca48-{survey}")
    if seed is not None:
        embeddings = _random(data_dir / f"random-{seed}", folder, model, embeddings.load()[0], seed)
    moment = datetime.now(UTC) + timedelta(days=days)
    info = build_release(
        survey=folder, model=model, embeddings=embeddings, releases_dir=data_dir / "releases", now=moment
    )
    register(data_dir, folder, info.id, is_active=is_active)
    return info.id


def _random(path, folder, model, ids, seed):
    bound = describe_embeddings(folder, model, shard_size=len(folder))
    store = EmbeddingStore.create(path, bound)
    vectors = np.random.default_rng(seed).normal(size=(len(ids), bound.dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    hpx29 = dict(zip(folder.ids, folder.objects.column("hpx29").to_pylist(), strict=True))
    spoilt = dict.fromkeys(set(folder.ids) - set(ids), "spoilt")
    store.write_shard(0, ids, [hpx29[one] for one in ids], vectors, rejected=spoilt)
    return store
