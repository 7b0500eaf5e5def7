"""A release built on a GPU, with a likeness of one: what it answers is what one built on the processor answers."""

import faiss
import numpy as np
import pytest
from support.tiny_survey import tiny_contract, tiny_survey
from typer.testing import CliRunner

from index.embed import embed_survey
from index.embeddings import EmbeddingStore
from index.release import Release
from index.releases import build_release
from index.vectors import gpu
from index.vectors.factory import IndexRequest
from index.vectors.gpu import NoGPU
from index.vectors.training import train_lists
from skylike.cli.main import app
from training.fixed import fit_fixed


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpu")
    survey = tiny_survey(folder / "surveys" / "tiny", n=200)
    model = fit_fixed(
        "pca48", survey, out=folder / "models" / "pca48-tiny", model_id="pca48-tiny", contract=tiny_contract()
    )
    embed_survey(survey, model, folder / "embeddings")
    return {"survey": survey, "model": model, "embeddings": EmbeddingStore.open(folder / "embeddings")}


def built(parts, releases_dir, **request):
    info = build_release(**parts, releases_dir=releases_dir, index=IndexRequest(**request))
    return Release.open(releases_dir / info.id)


@pytest.mark.parametrize("kind", ["exact", "ivf"])
def test_neighbours_are_exact_and_those_of_the_processor(parts, tmp_path, monkeypatch, kind):
    asked = []
    monkeypatch.setattr(gpu, "require_gpu", lambda: asked.append("gpu"))
    monkeypatch.setattr("index.releases.require_gpu", lambda: asked.append("gpu"))
    monkeypatch.setattr(gpu, "_on_gpu", faiss.IndexFlatIP)
    monkeypatch.setattr("index.releases.trainer_on_gpu", lambda: train_lists)
    exact = built(parts, tmp_path / "cpu", kind="exact", storage="float32")
    on_gpu = built(parts, tmp_path / "gpu", kind=kind, storage="float32", device="gpu")
    assert asked
    np.testing.assert_array_equal(on_gpu.graph.rows, exact.graph.rows)
    np.testing.assert_array_equal(on_gpu.graph.similarity, exact.graph.similarity)


def test_nothing_is_published_where_there_is_no_gpu(parts, tmp_path):
    if faiss.get_num_gpus():
        pytest.skip("there is a GPU here")
    with pytest.raises(NoGPU):
        built(parts, tmp_path / "releases", device="gpu")
    assert not (tmp_path / "releases").exists()


def test_the_verb_names_the_extra_before_it_embeds(tmp_path):
    if faiss.get_num_gpus():
        pytest.skip("there is a GPU here")
    tiny_survey(tmp_path / "surveys" / "tiny", n=20)
    command = ["index", "build", "tiny", "--device", "gpu", "--data-dir", str(tmp_path)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 1
    assert "[gpu] in place of [cpu]" in done.output
    assert not (tmp_path / "embeddings").exists()


def test_the_verb_knows_two_devices(tmp_path):
    command = ["index", "build", "tiny", "--device", "tpu", "--data-dir", str(tmp_path)]
    assert CliRunner().invoke(app, command).exit_code == 2
