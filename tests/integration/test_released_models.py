"""From a run to a model that may leave the machine: what its folder holds and says."""

import numpy as np
import pytest
from support.tiny_survey import tiny_survey
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="torch is in the extra [train]")

from support.small_run import small_config, train  # noqa: E402

from index.model import Model, OnnxEncoder  # noqa: E402
from skylike.cli.train import app  # noqa: E402
from training.golden import golden_fields  # noqa: E402
from training.preparation import prepare  # noqa: E402
from training.pretrain import judge_vectors  # noqa: E402
from training.release import NotTrained, Wishes, export_run  # noqa: E402
from training.runs import RunFolder  # noqa: E402


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("released")
    tiny_survey(folder / "surveys" / "tiny", n=90)
    config = small_config(["tiny"], epochs=1)
    train(folder, folder / "runs" / "small", config)
    return folder


@pytest.fixture(scope="module")
def prepared(data):
    return prepare(small_config(["tiny"], epochs=1), data, root=data)


def exported(data, prepared, **wishes):
    run = RunFolder.opened(data / "runs" / "small")
    config = small_config(["tiny"], epochs=1)
    return export_run(config, prepared, run, data / "models", wishes=Wishes(**wishes))


@pytest.fixture(scope="module")
def model(data, prepared):
    return exported(data, prepared)


def validation(prepared):
    return np.asarray(prepared.sources[0].fields[prepared.splits[0].validation], dtype=np.float32)


def test_golden_objects_are_drawn_and_no_pixels_of_the_survey(model):
    fields, _ = model.golden
    assert np.array_equal(fields, golden_fields(model.contract))


def test_golden_vectors_are_those_of_the_released_graph(model):
    assert model.card.precision in {"int8", "fp16"}
    assert OnnxEncoder(model).check_golden() > 0.999999


def test_nothing_else_lies_in_the_folder(model):
    assert {p.name for p in model.path.iterdir()} == {"card.json", "encoder.onnx", "golden.npz"}
    constants = model.path / "encoder.onnx"
    # A tenth of what the survey's pixels would take.
    assert constants.stat().st_size < 1_500_000


def test_the_score_of_the_card_is_that_of_the_released_vectors(model, prepared):
    vectors = OnnxEncoder(model).embed_fields(validation(prepared))
    told = model.card.metrics
    assert judge_vectors(prepared, vectors, centred=False) == pytest.approx(
        told["validation_score"], abs=1e-5
    )
    assert told["precisions"][model.card.precision]["score"] == told["validation_score"]


def test_the_card_tells_each_trick_and_each_precision(model):
    tricks, precisions = model.card.training["tricks"], model.card.metrics["precisions"]
    assert {
        "single view",
        "8 views",
        "centred",
        "powers",
        "rings alone",
        "rings and phases alone",
        "fused, by weight",
    } == set(tricks)
    assert set(precisions) == {"fp32", "fp16", "int8"}
    assert precisions["int8"]["bytes"] < precisions["fp16"]["bytes"] < precisions["fp32"]["bytes"]
    assert model.card.metrics["measured_on"]
    assert set(model.card.metrics["nuisance"]["r2"]) == {"size", "brightness", "colour"}


def test_a_hybrid_says_so(model):
    is_hybrid = "rings" in model.card.training
    assert is_hybrid == (model.card.method == "moco+rings") == model.card.title.startswith("Hybrid")


def test_the_card_names_the_epoch_whose_weights_it_has(model):
    assert model.card.training["epochs"] == model.card.training["best_epoch"] == 1


def test_the_card_says_what_labels_chose(data, prepared, model):
    # No label is fitted to; the numbers of the rings were settled by labels all the same, and only a hybrid has them.
    alone = exported(data, prepared, hybrid=False, without=("colour",))
    for one in (model, alone):
        assert one.card.training["labels"].startswith("none were trained on; those of the validation part")
        assert ("numbers of the rings" in one.card.training["labels"]) == ("rings" in one.card.training)
    assert "rings" not in alone.card.training


def test_directions_are_taken_out_and_the_id_says_so(data, prepared, model):
    cleaned = exported(data, prepared, without=("size", "brightness"))
    told = cleaned.card.metrics["nuisance"]
    assert cleaned.card.id == "small-no-size-no-brightness"
    assert cleaned.card.training["without"] == ["size", "brightness"]
    assert cleaned.card.title.endswith("without size and brightness")
    for name in ("size", "brightness"):
        assert told["r2_after"][name] < max(0.5 * told["r2"][name], 0.1)
    assert {"score_before", "score_after"} <= set(told)
    assert Model.open(model.path).card.id == "small"


def test_a_run_without_an_epoch_is_refused(data, prepared, tmp_path):
    run = RunFolder(tmp_path / "empty", {})
    with pytest.raises(NotTrained, match="has not finished an epoch"):
        export_run(small_config(["tiny"]), prepared, run, tmp_path)


@pytest.mark.parametrize(
    ("option", "message"), [(("--without", "size,age"), "age is none of"), (("--precision", "int4"), "int4")]
)
def test_the_command_refuses_what_it_does_not_know(data, option, message):
    result = CliRunner().invoke(app, ["export", "small", *option, "--data-dir", str(data)])
    assert result.exit_code == 2
    assert message in result.output.replace("\n", " ")
