"""Fitting takes seconds, reads no labels, gives one model for one seed."""

import json

import numpy as np
import pyarrow as pa
import pytest
from support.tiny_survey import tiny_survey
from typer.testing import CliRunner

from index.fields import fields_for
from index.model import Model, OnnxEncoder
from skylike.cli.train import app
from survey.archive import SurveyInfo
from survey.publish import SurveyPart, publish_survey
from training.contracts import sky_noise
from training.fixed import NotFittable, default_contract, fit_fixed


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    path = tmp_path_factory.mktemp("data")
    tiny_survey(path / "surveys" / "tiny")
    return path


@pytest.fixture(scope="module")
def survey(data_dir):
    from survey.archive import SurveyFolder

    return SurveyFolder(data_dir / "surveys" / "tiny")


@pytest.mark.parametrize("method", ["pca48", "polar48"])
@pytest.mark.parametrize("kind", ["flux", "display"])
def test_any_survey_gets_a_model(tmp_path, method, kind):
    survey = tiny_survey(tmp_path / "some", n=24, kind=kind, spoilt=2 if kind == "flux" else 0)
    seen = []
    model = fit_fixed(
        method, survey, out=tmp_path / "m", model_id="m", progress=lambda *done: seen.append(done)
    )
    used = 22 if kind == "flux" else 24
    assert model.card.training["n"] == used
    assert model.card.training["survey_sha256"] == survey.sha256
    # n vectors around their mean span n - 1 dimensions.
    assert model.card.dimension == used - 1
    assert model.contract.is_display == (kind == "display")
    assert seen[-1][1] == 24


def test_the_golden_objects_are_galaxies_of_the_survey(survey, tmp_path):
    model = fit_fixed("polar48", survey, out=tmp_path / "m", model_id="m")
    golden, _ = model.golden
    first = fields_for(model.contract, survey.read(survey.ids[:8]))
    assert np.array_equal(golden, [field.field for field in first])


def test_one_seed_gives_one_model(survey, tmp_path):
    models = [
        fit_fixed(
            "polar48", survey, out=tmp_path / name, model_id="m", seed=3, n_fit=20, created="2026-01-01"
        )
        for name in ("a", "b")
    ]
    first, second = ((model.path / "encoder.onnx").read_bytes() for model in models)
    assert first == second
    other = fit_fixed("polar48", survey, out=tmp_path / "c", model_id="m", seed=4, n_fit=20)
    assert (other.path / "encoder.onnx").read_bytes() != first


def test_a_colour_model_of_a_flux_survey_embeds_both_fluxes_and_pictures(survey, tmp_path):
    contract = default_contract("polar48", survey.info, display=True)
    model = fit_fixed("polar48", survey, out=tmp_path / "m", model_id="m", contract=contract)
    from index.fields import as_display

    (cutout,) = survey.read(survey.ids[:1])
    flux, picture = fields_for(model.contract, [cutout, as_display(cutout)])
    embeddings = OnnxEncoder(model).embed_fields(np.stack([flux.field, picture.field]))
    assert embeddings[0] @ embeddings[1] == pytest.approx(1, abs=1e-6)


def test_stretch_follows_the_sky_noise_of_the_survey(survey, tmp_path):
    # The tiny survey's sky is Gaussian with sigma 0.02; blobs reach a little into the border.
    assert sky_noise(survey, range(len(survey))) == pytest.approx([0.02] * 5, rel=0.1)
    model = fit_fixed("pca48", survey, out=tmp_path / "m", model_id="m")
    assert model.contract.softening == pytest.approx([0.02] * 5, rel=0.1)


def test_only_the_objects_named_are_read(survey, tmp_path):
    model = fit_fixed("polar48", survey, out=tmp_path / "m", model_id="m", object_ids=survey.ids[5:31])
    assert model.card.training["n"] == 26


def test_too_few_objects_are_refused(survey, tmp_path):
    with pytest.raises(NotFittable, match=r"3 of 3 cutouts .* needs at least 4"):
        fit_fixed("polar48", survey, out=tmp_path / "m", model_id="m", object_ids=survey.ids[:3])
    assert not (tmp_path / "m").exists()


@pytest.fixture
def catalogue(tmp_path):
    rows = pa.table(
        {
            "object_id": ["a", "b"],
            **{name: pa.array([None, None], pa.float64()) for name in ("ra_deg", "dec_deg", "ebv", "z_spec")},
            "hpx29": pa.array([None, None], pa.int64()),
        }
    )
    info = SurveyInfo(name="list", title="List", kind="catalogue")
    return publish_survey(tmp_path / "surveys" / "list", info, [SurveyPart(rows=rows)])


def test_a_catalogue_is_refused(catalogue, tmp_path):
    with pytest.raises(NotFittable, match="catalogue without images"):
        fit_fixed("pca48", catalogue, out=tmp_path / "m", model_id="m")


def test_a_survey_without_sky_is_refused(tmp_path):
    rows = tiny_survey(tmp_path / "t", n=8).objects
    info = SurveyInfo(
        name="dark",
        title="D",
        kind="flux",
        bands=tiny_survey(tmp_path / "t", n=8).info.bands,
        pixel_scale_arcsec=0.396,
        field_px=48,
    )
    part = SurveyPart(rows=rows, flux=np.zeros((8, 5, 48, 48), np.float32))
    dark = publish_survey(tmp_path / "dark", info, [part], thumbnail=lambda _: b"")
    with pytest.raises(NotFittable, match="no sky noise measurable in u,g,r,i,z"):
        fit_fixed("polar48", dark, out=tmp_path / "m", model_id="m")


def invoke(data_dir, *arguments):
    return CliRunner().invoke(app, ["fixed", *arguments, "--data-dir", str(data_dir)])


def test_the_command_fits_once(data_dir):
    first = invoke(data_dir, "polar48", "--survey", "tiny", "--json")
    assert first.exit_code == 0, first.output
    told = json.loads(first.stdout)
    assert (told["model"], told["fitted"]) == ("polar48-tiny", True)
    assert told["sha256"] == Model.open(data_dir / "models" / "polar48-tiny").sha256
    again = json.loads(invoke(data_dir, "polar48", "--survey", "tiny", "--json").stdout)
    assert again == {**told, "fitted": False}
    other = json.loads(invoke(data_dir, "polar48", "--survey", "tiny", "--seed", "2", "--json").stdout)
    assert other["fitted"]


def test_the_command_makes_a_colour_model(data_dir):
    result = invoke(data_dir, "pca48", "--survey", "tiny", "--display", "--json")
    assert json.loads(result.stdout)["bands"] == ["R", "G", "B"]
    assert Model.open(data_dir / "models" / "pca48-tiny-rgb").contract.is_display


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["resnet", "--survey", "tiny"], 2, "choose pca48 or polar48"),
        (["polar48", "--survey", "../tiny"], 2, "is no name"),
        (["polar48", "--survey", "tiny", "--model-id", "A model"], 2, "is no name"),
        (["polar48", "--survey", "absent"], 1, "no readable survey.json"),
    ],
)
def test_the_command_says_what_is_wrong(data_dir, arguments, status, message):
    result = invoke(data_dir, *arguments)
    assert result.exit_code == status
    assert message in result.output.replace("\n", " ")


def test_the_command_refuses_a_catalogue(catalogue, tmp_path):
    result = invoke(tmp_path, "polar48", "--survey", "list")
    assert result.exit_code == 1
    assert "without images" in result.output
