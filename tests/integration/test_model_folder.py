"""A model folder is what its card says, or it is refused."""

import json
import shutil

import numpy as np
import onnx
import pytest
from support.tiny_survey import tiny_survey

from index.fields import fields_for
from index.model import GoldenMismatch, Model, ModelCard, OnnxEncoder, publish_model
from survey.contract import Calibrated
from survey.manifests import CorruptFolder
from training.fixed import fit_fixed


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return tiny_survey(tmp_path_factory.mktemp("surveys") / "tiny")


@pytest.fixture(scope="module")
def model(survey, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "polar48-tiny"
    return fit_fixed("polar48", survey, out=out, model_id="polar48-tiny", created="2026-01-01T00:00:00+00:00")


@pytest.fixture
def copy(model, tmp_path):
    return shutil.copytree(model.path, tmp_path / model.path.name)


@pytest.fixture(scope="module")
def fields(survey, model):
    return np.stack([field.field for field in fields_for(model.contract, survey.read(survey.ids[:12]))])


def rewrite_card(path, **changes):
    card = json.loads((path / "card.json").read_text())
    (path / "card.json").write_text(json.dumps({**card, **changes}))


def test_reopening_gives_the_same_model(model):
    again = Model.open(model.path)
    assert again.card == model.card
    assert again.contract == model.contract
    assert again.sha256 == model.sha256


@pytest.mark.parametrize("file", ["encoder.onnx", "golden.npz"])
def test_a_tampered_file_is_refused(copy, file):
    data = bytearray((copy / file).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / file).write_bytes(data)
    with pytest.raises(CorruptFolder, match=f"{file} does not have the hash"):
        Model.open(copy)


@pytest.mark.parametrize("file", ["encoder.onnx", "golden.npz", "card.json"])
def test_a_missing_file_is_refused(copy, file):
    (copy / file).unlink()
    with pytest.raises(CorruptFolder, match=file):
        Model.open(copy)


@pytest.mark.parametrize(
    "changes",
    [
        {"surprise": 1},
        {"dimension": 0},
        {"id": "../elsewhere"},
        {"contract": {}},
        {"views": 2},
        {"method": 3},
    ],
)
def test_a_malformed_card_is_refused(copy, changes):
    rewrite_card(copy, **changes)
    with pytest.raises(CorruptFolder, match="no model card"):
        Model.open(copy)


def test_a_message_tells_no_path(copy):
    rewrite_card(copy, surprise=1)
    with pytest.raises(CorruptFolder) as caught:
        Model.open(copy)
    assert str(copy.parent) not in str(caught.value)


def test_a_graph_that_is_not_the_card_s_is_refused(copy):
    rewrite_card(copy, dimension=7)
    with pytest.raises(CorruptFolder, match="the card says images"):
        OnnxEncoder(Model.open(copy))


def test_golden_objects_come_out(model):
    assert OnnxEncoder(model, check=False).check_golden() > 0.9999


def publish(model, path, *, encoder=None, golden=None):
    return publish_model(
        path,
        model.card,
        encoder=encoder or (model.path / "encoder.onnx").read_bytes(),
        golden=golden or model.golden,
    )


def test_golden_objects_that_come_out_elsewhere_are_refused_and_nothing_is_published(model, tmp_path):
    fields, embeddings = model.golden
    with pytest.raises(GoldenMismatch, match="fit the model again here"):
        publish(model, tmp_path / "other", golden=(fields, np.roll(embeddings, 1, axis=0)))
    assert list(tmp_path.iterdir()) == []


def test_a_model_with_other_weights_does_not_pass_for_this_one(model, tmp_path):
    graph = onnx.load(model.path / "encoder.onnx")
    name = [node.input[1] for node in graph.graph.node if node.op_type == "MatMul"][-1]
    axes = next(t for t in graph.graph.initializer if t.name == name)
    changed = onnx.numpy_helper.to_array(axes).copy()
    changed[:, :3] *= -1
    axes.CopyFrom(onnx.numpy_helper.from_array(changed, name))
    with pytest.raises(GoldenMismatch, match="fit the model again here"):
        publish(model, tmp_path / "other", encoder=graph.SerializeToString())


def test_a_graph_that_cannot_be_read_is_refused(model, tmp_path):
    with pytest.raises(CorruptFolder, match="not a graph that ONNX Runtime"):
        publish(model, tmp_path / "other", encoder=b"no graph")


@pytest.mark.parametrize("cut", [0, 3])
def test_golden_objects_must_fit_the_contract(model, tmp_path, cut):
    fields, embeddings = model.golden
    with pytest.raises(CorruptFolder, match="does not fit the contract"):
        publish(model, tmp_path / "other", golden=(fields[:cut], embeddings))


def test_unreadable_golden_objects_are_refused(copy, model):
    (copy / "golden.npz").write_bytes(b"PK nonsense")
    with pytest.raises(CorruptFolder, match="cannot be read"):
        _ = Model(copy, model.card, model.contract, model.sha256).golden


def test_publishing_replaces_the_earlier_model(copy, model):
    card = model.card.model_copy(update={"title": "Another title"})
    encoder = (model.path / "encoder.onnx").read_bytes()
    assert publish_model(copy, card, encoder=encoder, golden=model.golden).card.title == "Another title"
    assert Model.open(copy).card.title == "Another title"


def test_embeddings_have_norm_one_whatever_the_batch_and_the_threads(model, fields):
    one, two = OnnxEncoder(model), OnnxEncoder(model, threads=2)
    together = two.embed_fields(fields)
    assert together.dtype == np.float32
    assert together.shape == (12, one.dimension)
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(12), abs=1e-6)
    alone = np.concatenate([one.embed_fields(field[None]) for field in fields])
    assert alone == pytest.approx(together, abs=1e-5)


def test_a_missing_band_and_a_partial_field_still_have_an_embedding(model, fields):
    spoilt = fields[:2].copy()
    spoilt[0, 0] = 0
    spoilt[1, :, :, :4] = 0
    embeddings = OnnxEncoder(model).embed_fields(spoilt)
    assert np.linalg.norm(embeddings, axis=1) == pytest.approx([1, 1], abs=1e-6)


def test_no_galaxies_have_no_embeddings(model, fields):
    assert OnnxEncoder(model).embed_fields(fields[:0]).shape == (0, model.card.dimension)


def test_an_input_of_another_shape_is_refused(model):
    with pytest.raises(ValueError, match=r"the model reads \(N, 5, 48, 48\)"):
        OnnxEncoder(model).encode(np.zeros((1, 3, 48, 48), np.float32))


def test_an_uncalibrated_pixel_spoils_its_own_embedding_alone(model, fields):
    spoilt = fields[:3].copy()
    spoilt[1, 2, 24, 24] = np.nan
    embeddings = OnnxEncoder(model).embed_fields(spoilt)
    assert np.isnan(embeddings[1]).any()
    assert np.allclose(np.linalg.norm(embeddings[[0, 2]], axis=1), 1, atol=1e-5)


def test_a_card_is_plain_json(model):
    assert ModelCard.model_validate_json(model.card.model_dump_json()) == model.card


def test_a_stored_galaxy_finds_itself_first(model, survey):
    results = fields_for(model.contract, survey.read(survey.ids))
    fields = np.stack([result.field for result in results if isinstance(result, Calibrated)])
    embeddings = OnnxEncoder(model).embed_fields(fields)
    assert np.array_equal((embeddings @ embeddings.T).argmax(axis=1), np.arange(len(survey)))
