"""What torch embeds can stand beside what ONNX Runtime embeds: the same shards, from the same file."""

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from support.tiny_survey import tiny_contract, tiny_survey
from typer.testing import CliRunner

from index.embed import embed_survey
from index.embeddings import EmbeddingStore
from index.model import GoldenMismatch, Model, ModelCard, OnnxEncoder, publish_model
from index.released import released_models
from skylike.cli.main import app
from training.embedding import TorchEncoder, UnknownOperator, embed_with_torch
from training.fixed import fit_fixed
from training.graph_writer import GraphWriter

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("torch")
    survey = tiny_survey(folder / "surveys" / "tiny", n=60, spoilt=2)
    fit_fixed(
        "polar48",
        survey,
        out=folder / "models" / "polar48-tiny",
        model_id="polar48-tiny",
        contract=tiny_contract(),
        object_ids=survey.ids[:50],
    )
    return folder


@pytest.fixture
def survey(data_dir):
    from survey.archive import SurveyFolder

    return SurveyFolder(data_dir / "surveys" / "tiny")


@pytest.fixture
def model(data_dir):
    return Model.open(data_dir / "models" / "polar48-tiny")


def test_the_shards_are_those_of_the_service(survey, model, tmp_path):
    theirs = embed_survey(survey, model, tmp_path / "onnx", shard_size=25)
    # One shard fewer is no other store: the size is that of both.
    encoder = TorchEncoder(model, CPU)
    ours = embed_survey(survey, model, tmp_path / "torch", shard_size=25, encoder=encoder)
    assert ours == theirs
    a, b = (EmbeddingStore.open(tmp_path / name) for name in ("onnx", "torch"))
    assert (b.info, b.rejected) == (a.info, a.rejected)
    for name in ("shard-00000.parquet", "shard-00001.parquet", "shard-00002.parquet"):
        left, right = (pq.read_table(tmp_path / store / name) for store in ("onnx", "torch"))
        assert right.schema == left.schema
        assert right.drop(["embedding"]) == left.drop(["embedding"])
    assert np.sum(a.load()[1] * b.load()[1], axis=1).min() > 0.9999


def test_embedding_is_resumed_and_read_by_the_next_build(survey, model, tmp_path):
    first = embed_with_torch(survey, model, tmp_path / "store", device=CPU)
    again = embed_survey(survey, model, tmp_path / "store")
    assert (first.n_shards_done, again.n_shards_done, again.n_embedded) == (1, 0, first.n_embedded)


@pytest.mark.parametrize("model", released_models(), ids=lambda model: model.card.id)
def test_released_models_come_out_as_on_the_processor(model):
    """They are stored in 8-bit integers, which torch rounds to as ONNX Runtime does."""
    encoder = TorchEncoder(model, CPU)
    fields = model.golden[0][:3]
    cosines = np.sum(encoder.embed_fields(fields) * OnnxEncoder(model).embed_fields(fields), axis=1)
    assert cosines.min() > 0.9999


def test_an_embedding_that_comes_out_elsewhere_is_refused_with_its_cosine(model, monkeypatch):
    encoder = TorchEncoder(model, CPU)
    fields, expected = model.golden
    turned = np.roll(expected, 1, axis=1)
    cosine = np.sum(turned * encoder.embed_fields(fields), axis=1).min()
    model.__dict__["golden"] = (fields, turned)
    with pytest.raises(GoldenMismatch, match=rf"cosine {cosine:.4f} by torch on cpu \(limit 0.999\)"):
        TorchEncoder(model, CPU)


def test_a_foreign_graph_is_refused_by_the_operator(model, tmp_path):
    graph = GraphWriter()
    flat = graph.add("Flatten", graph.add("Softmax", "images"))
    size = 5 * 40 * 40
    graph.normalised(
        graph.add("MatMul", flat, graph.constant(np.eye(size, 4, dtype=np.float32))), output="embedding"
    )
    card = ModelCard.model_validate({**model.card.model_dump(), "id": "foreign", "dimension": 4, "files": {}})
    fields = model.golden[0][:2]
    soft = np.exp(model.contract.finish(fields))
    head = (soft / soft.sum(axis=-1, keepdims=True)).reshape(2, -1)[:, :4]
    expected = head / np.linalg.norm(head, axis=1, keepdims=True)
    encoder = graph.finished(images=(5, 40, 40), outputs={"embedding": 4})
    foreign = publish_model(
        tmp_path / "foreign", card, encoder=encoder, golden=(fields, expected.astype(np.float32))
    )
    with pytest.raises(UnknownOperator, match="Softmax"):
        TorchEncoder(foreign, CPU)


def test_empty_batches_have_no_embeddings(model):
    c, f = len(model.contract.bands), model.contract.field_px
    assert TorchEncoder(model, CPU).embed_fields(np.empty((0, c, f, f), np.float32)).shape == (0, 48)


def test_the_verb_embeds_and_says_what_comes_next(data_dir, tmp_path):
    copy = shutil.copytree(data_dir, tmp_path / "data")
    command = [
        "train",
        "embed",
        "tiny",
        "--model",
        "polar48-tiny",
        "--device",
        "cpu",
        "--threads",
        "1",
        "--json",
    ]
    done = CliRunner().invoke(app, [*command, "--data-dir", str(copy)])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["embedded"], told["rejected"], told["device"]) == (58, 2, "cpu")
    assert EmbeddingStore.open(copy / "embeddings" / "tiny--polar48-tiny").is_complete
    again = json.loads(CliRunner().invoke(app, [*command, "--data-dir", str(copy)]).stdout)
    assert (again["embedded"], again["shards"]) == (58, 0)


def test_the_verb_refuses_a_gpu_that_is_not_there(data_dir):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    command = [
        "train",
        "embed",
        "tiny",
        "--model",
        "polar48-tiny",
        "--device",
        "cuda",
        "--data-dir",
        str(data_dir),
    ]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 2
    assert "sees 0 GPUs" in done.output
