"""Models that come with Skylike: found, copied, preferred, and fit to be shipped."""

import json

import pytest
from support.tiny_survey import tiny_survey
from typer.testing import CliRunner

from index.model import Model, OnnxEncoder, publish_model
from index.photoz_encoder import PHOTOZ_FILES, PhotozEncoder
from index.released import adopt, fitting, released_models
from index.shipped import released_folder
from skylike.check import DataCheck
from skylike.choosing import NoSuchModel, choose_model
from skylike.cli.train import app
from skylike.demo import DEMO_MODELS, _model
from survey.manifests import CorruptFolder
from training.fixed import fit_fixed
from training.golden import are_drawn, golden_fields
from training.publish import MOST_BYTES, NotReleasable, publish_released


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return tiny_survey(tmp_path_factory.mktemp("shipped") / "surveys" / "tiny")


@pytest.fixture(scope="module")
def fitted(survey, tmp_path_factory):
    """A model whose golden objects are galaxies of the survey."""
    out = tmp_path_factory.mktemp("models") / "fitted"
    return fit_fixed("pca48", survey, out=out, model_id="fitted")


@pytest.fixture(scope="module")
def drawn(fitted, tmp_path_factory):
    """The same with drawn golden objects, as a trained model has them."""
    fields = golden_fields(fitted.contract)
    golden = fields, OnnxEncoder(fitted).embed_fields(fields)
    graph = (fitted.path / "encoder.onnx").read_bytes()
    card = fitted.card.model_copy(update={"id": "drawn"})
    return publish_model(tmp_path_factory.mktemp("models") / "drawn", card, encoder=graph, golden=golden)


@pytest.fixture
def shipped(drawn, tmp_path, monkeypatch):
    """A folder of released models with one in it."""
    folder = tmp_path / "released"
    publish_released(drawn, folder)
    monkeypatch.setattr("index.released.released_folder", lambda: folder)
    return folder


def no_step(title):
    raise AssertionError(f"{title} was not to be done")


def test_every_released_model_is_whole_small_and_agrees_with_this_processor():
    for model in released_models():
        assert sum(path.stat().st_size for path in model.path.iterdir()) <= MOST_BYTES
        network = PHOTOZ_FILES if model.card.photoz else ()
        expected = {"card.json", "encoder.onnx", "golden.npz", *network}
        assert {path.name for path in model.path.iterdir()} == expected
        assert model.card.id == model.path.name
        # Opening compares the golden vectors.
        OnnxEncoder(model)
        if model.card.photoz:
            PhotozEncoder(model)


def test_no_released_model_holds_pixels_of_a_survey():
    for model in released_models():
        assert are_drawn(model.contract, model.golden[0])


def test_figures_quoted_by_cards_are_those_of_the_results(repository):
    for model in released_models():
        quoted = model.card.metrics.get("figures", {})
        if quoted:
            results = repository / "docs" / "results" / model.card.metrics["figures_from"]
            held = {entry["id"]: entry["value"] for entry in json.loads(results.read_text())["figures"]}
            assert {name: entry["value"] for name, entry in quoted.items()} == {n: held[n] for n in quoted}


def test_the_checkout_has_a_folder_of_released_models(repository):
    assert released_folder() == repository / "models"


def test_a_released_model_is_copied_once(shipped, tmp_path):
    models = tmp_path / "models"
    first = adopt("drawn", models)
    inode = (first.path / "encoder.onnx").stat().st_ino
    assert first.sha256 == Model.open(shipped / "drawn").sha256
    assert adopt("drawn", models).path == models / "drawn"
    assert (models / "drawn" / "encoder.onnx").stat().st_ino == inode


def test_a_model_of_the_same_name_that_indexes_were_built_with_stays(shipped, fitted, tmp_path):
    card = fitted.card.model_copy(update={"id": "drawn"})
    graph = (fitted.path / "encoder.onnx").read_bytes()
    own = publish_model(tmp_path / "models" / "drawn", card, encoder=graph, golden=fitted.golden)
    assert adopt("drawn", tmp_path / "models").sha256 == own.sha256


def test_a_damaged_copy_is_replaced(shipped, tmp_path):
    copy = adopt("drawn", tmp_path / "models")
    (copy.path / "encoder.onnx").write_bytes(b"nonsense")
    OnnxEncoder(adopt("drawn", tmp_path / "models"))


def test_a_damaged_released_model_is_no_model(shipped, tmp_path):
    (shipped / "drawn" / "encoder.onnx").write_bytes(b"nonsense")
    with pytest.raises(CorruptFolder, match=r"encoder\.onnx"):
        adopt("drawn", tmp_path / "models")


def test_an_index_finds_a_released_model_by_name(shipped, survey, tmp_path):
    chosen = choose_model(tmp_path / "data", survey, "drawn", step=no_step)
    assert chosen.path == tmp_path / "data" / "models" / "drawn"


def test_a_name_that_nobody_holds_is_told_with_what_there_is(shipped, survey, tmp_path):
    with pytest.raises(NoSuchModel, match="released ones: drawn; or fit one"):
        choose_model(tmp_path / "data", survey, "other", step=no_step)


def test_a_damaged_copy_is_mended_by_copying_it_again(shipped, tmp_path, monkeypatch):
    monkeypatch.setattr("skylike.check.released_folder", lambda: shipped)
    copy = adopt("drawn", tmp_path / "data" / "models")
    (copy.path / "encoder.onnx").write_bytes(b"nonsense")
    (tmp_path / "data" / "embeddings" / "tiny--drawn").mkdir(parents=True)
    finding = DataCheck(tmp_path / "data")._model(copy.path)
    assert finding.remedy == f"rm -r {copy.path} && skylike index build tiny --model drawn"


def test_a_model_fits_a_survey_by_its_contract(shipped, survey, tmp_path):
    assert fitting(survey.info, display=False).card.id == "drawn"
    assert fitting(survey.info, display=True) is None
    pictures = tiny_survey(tmp_path / "pictures", kind="display", n=12)
    assert fitting(pictures.info, display=True) is None
    assert fitting(pictures.info, display=False) is None


def test_a_model_with_directions_taken_out_is_offered_by_name_only(shipped, drawn, survey):
    card = drawn.card.model_copy(update={"training": {**drawn.card.training, "without": ["size"]}})
    graph = (drawn.path / "encoder.onnx").read_bytes()
    publish_model(shipped / "drawn", card, encoder=graph, golden=drawn.golden)
    assert fitting(survey.info, display=False) is None


def test_the_demo_takes_a_released_model_that_fits_and_fits_one_where_none_does(shipped, survey, tmp_path):
    flux, colour = DEMO_MODELS
    assert _model(tmp_path, survey, flux, no_step).card.id == "drawn"
    assert _model(tmp_path, survey, colour, _quiet).card.method == "polar48"


def test_the_demo_passes_over_a_model_that_this_processor_computes_otherwise(
    shipped, survey, tmp_path, monkeypatch
):
    monkeypatch.setattr("index.encoder._MIN_GOLDEN_COSINE", 1.1)
    with pytest.raises(Exception, match="was not to be done"):
        _model(tmp_path, survey, DEMO_MODELS[0], no_step)


def _quiet(title):
    from contextlib import nullcontext

    return nullcontext(lambda done, total: None)


def results(folder):
    figure = {"id": "purity10", "value": 0.7, "interval": [0.68, 0.72], "unit": "share", "n": 100}
    path = folder / "retrieval.json"
    path.write_text(json.dumps({"figures": [{**figure, "sd": 0.01, "commit": "abc", "machine": "this"}]}))
    return path


def test_a_card_quotes_figures_with_their_spread(drawn, tmp_path):
    made = publish_released(drawn, tmp_path / "out", results=results(tmp_path), figures=["purity10"])
    assert made.card.metrics["figures"] == {
        "purity10": {"value": 0.7, "interval": [0.68, 0.72], "sd": 0.01, "unit": "share", "n": 100}
    }
    assert made.card.metrics["figures_from"] == "retrieval.json"


def test_a_figure_that_no_results_hold_is_refused(drawn, tmp_path):
    with pytest.raises(NotReleasable, match="holds no figure purity20"):
        publish_released(drawn, tmp_path / "out", results=results(tmp_path), figures=["purity20"])
    assert not (tmp_path / "out").exists()


def test_golden_objects_of_a_survey_are_not_shipped(fitted, tmp_path):
    with pytest.raises(NotReleasable, match="pixels of a survey are never shipped"):
        publish_released(fitted, tmp_path)


def test_a_model_that_is_too_large_is_not_shipped(drawn, tmp_path, monkeypatch):
    monkeypatch.setattr("training.publish.MOST_BYTES", 1000)
    with pytest.raises(NotReleasable, match="25 MB are allowed"):
        publish_released(drawn, tmp_path)


def test_the_command_publishes_a_model_with_its_figures(drawn, tmp_path):
    data = tmp_path / "data"
    (data / "models").mkdir(parents=True)
    (data / "models" / "drawn").symlink_to(drawn.path)
    command = ["publish", "drawn", "--data-dir", str(data), "--out", str(tmp_path / "out"), "--json"]
    told = CliRunner().invoke(app, [*command, "--metrics", str(results(tmp_path)), "--figures", "purity10"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["quoted"] == 1
    assert Model.open(tmp_path / "out" / "drawn").card.metrics["figures"]["purity10"]["n"] == 100
    assert CliRunner().invoke(app, [*command, "--figures", "purity10"]).exit_code == 2
