"""A photo-z network from a survey's spectra to a model that gives redshifts."""

import json

import numpy as np
import pytest
import torch
from support.small_run import small_config, train
from support.tiny_survey import tiny_survey
from typer.testing import CliRunner

from index.model import Model
from index.photoz_encoder import PhotozEncoder
from skylike.cli.main import app
from training.config import BadConfig
from training.fixed import fit_fixed
from training.models.apertures import RADII_PX, Apertures
from training.photoz import fit_photoz, load_network
from training.photoz_config import PhotozConfig
from training.photoz_data import photoz_parts
from training.photoz_degraded import DEGRADATIONS, degraded_inputs
from training.photoz_metrics import normalised_dz, sigma_mad
from training.photoz_prediction import predict
from training.photoz_release import export_photoz
from training.runs import RunFolder

CPU = torch.device("cpu")


def photoz_config(**changes):
    small = small_config(["blobs"])
    told = {
        "model_id": "small",
        "pretrained": "small",
        "labels": {"survey": "blobs"},
        "contract": small.contract.model_dump(),
        "network": small.network.model_dump(),
        "bins": {"n": 60, "smearing": 0.01},
        "head": {"hidden": 32, "epochs": 60, "batch": 32, "learning_rate": 5e-3},
        "augment": [{"name": "flip"}],
        "optimiser": {"name": "adamw", "batch": 64, "epochs": 2, "warmup_epochs": 0, "learning_rate": 1e-4},
    }
    return PhotozConfig.model_validate(told | changes)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """A data folder with blobs whose colour tells their redshift, a pretraining run and a model on them."""
    folder = tmp_path_factory.mktemp("photoz")
    survey = tiny_survey(folder / "surveys" / "blobs", n=600)
    tiny_survey(folder / "surveys" / "unlabelled", n=60, seed=1, spectra=False)
    small = small_config(["unlabelled"], epochs=1)
    train(folder, folder / "runs" / "small", small)
    contract = small.contract.contract()
    fit_fixed("polar48", survey, out=folder / "models" / "small", model_id="small", contract=contract)
    return folder


@pytest.fixture(scope="module")
def data(data_dir):
    return photoz_parts(photoz_config(), data_dir)


@pytest.fixture(scope="module")
def fitted(data_dir, data):
    run = data_dir / "runs" / "fitted"
    finished = fit_photoz(
        photoz_config(), data, run, device=CPU, pretrained=RunFolder.opened(data_dir / "runs" / "small")
    )
    assert finished.is_complete
    return RunFolder.opened(run)


def test_no_part_shares_a_galaxy_and_each_has_spectra(data):
    together = np.concatenate([part.places for part in data.values()])
    assert len(np.unique(together)) == len(together)
    assert all(np.isfinite(part.z).all() for part in data.values())


def test_fewer_labels_are_a_part_of_more(data_dir):
    few, more = (
        photoz_parts(photoz_config(labels={"survey": "blobs", "n": n}), data_dir)["train"].places
        for n in (20, 50)
    )
    assert len(few) == 20
    assert set(few) < set(more)


def test_another_rendering_can_be_learnt_from(data_dir, data):
    tiny_survey(data_dir / "surveys" / "again", n=600)
    labels = {"survey": "blobs", "learn_from": "again"}
    parts = photoz_parts(photoz_config(labels=labels), data_dir)
    learnt, judged = (parts[name].source.survey.info.name for name in ("train", "test"))
    assert (learnt, judged) == ("again", "blobs")
    assert parts["train"].ids == data["train"].ids


def test_too_few_spectra_are_said(data_dir):
    tiny_survey(data_dir / "surveys" / "few", n=40)
    with pytest.raises(BadConfig, match="at least 20 are needed"):
        photoz_parts(photoz_config(labels={"survey": "few"}), data_dir)


def test_the_colours_redshift_is_learnt(fitted, data):
    network = load_network(photoz_config(), fitted)
    test = data["test"]
    told = predict(network, test)
    centres = np.arange(60) * 0.4 / 60 + 0.4 / 120
    z = test.z
    scatter = sigma_mad(normalised_dz(centres[told.logits.argmax(axis=1)], z))
    assert scatter < 0.3 * sigma_mad(normalised_dz(np.full_like(z, np.median(z)), z))


def test_the_log_says_what_the_head_alone_reached(fitted):
    first, *epochs = fitted.lines()
    assert first["head_cde_loss"] < 0
    assert [line["epoch"] for line in epochs] == [1, 2]


def test_a_stopped_fit_goes_on_to_the_same_bits(data_dir, data, fitted):
    begun = RunFolder.opened(data_dir / "runs" / "small")
    run = data_dir / "runs" / "stopped"
    calls = 0
    while not fit_photoz(
        photoz_config(), data, run, device=CPU, pretrained=begun, most_seconds=0
    ).is_complete:
        calls += 1
    assert calls > 2
    whole, parts = (folder.load()["method"]["network"] for folder in (fitted, RunFolder.opened(run)))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


@pytest.fixture(scope="module")
def model(fitted, data_dir, data):
    return export_photoz(photoz_config(), data, fitted, data_dir / "models")


def test_the_exported_model_gives_calibrated_redshifts(model, data):
    card = Model.open(model.path).card.photoz
    assert (card.n_bins, card.n_train) == (60, len(data["train"]))
    test = data["test"]
    encoder = PhotozEncoder(model)
    told = encoder.run(test.inputs().numpy())
    probability, columns, _ = encoder.calibration.apply(told.logits, told.photometry, told.features)
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    inside = (columns["z_l95"] <= test.z) & (test.z <= columns["z_u95"])
    # 95 % of about 120 galaxies after about 120 to calibrate on: three sigma are 8 %.
    assert inside.mean() > 0.87


def test_the_embedding_stays_what_it_was(model, data_dir):
    assert model.card.method == "polar48"
    assert model.card.photoz.metrics["precision"] in {"int8", "fp16", "fp32"}


def test_a_network_of_other_inputs_is_no_part_of_a_model(fitted, data_dir, data):
    other = photoz_config(contract=photoz_config().contract.model_dump() | {"softening": [0.2] * 5})
    with pytest.raises(BadConfig, match="another one"):
        export_photoz(other, photoz_parts(other, data_dir), fitted, data_dir / "models")


TOML = """
model_id = "small"
[labels]
survey = "blobs"
[bins]
n = 60
[contract]
bands = ["sdss:u", "sdss:g", "sdss:r", "sdss:i", "sdss:z"]
pixel_scale_arcsec = 0.396
field_px = 44
input_px = 32
stretch = "asinh"
softening = [0.1, 0.1, 0.1, 0.1, 0.1]
min_coverage_px = 32
[head]
trunk = false
epochs = 3
[optimiser]
batch = 64
epochs = 1
warmup_epochs = 0
"""


def test_the_commands_fit_and_export(data_dir, tmp_path):
    config = tmp_path / "photoz.toml"
    config.write_text(TOML)
    for verb in ("photoz", "photoz-export"):
        done = CliRunner().invoke(
            app, ["train", verb, str(config), "--run", "told", "--data-dir", str(data_dir), "--json"]
        )
        assert done.exit_code == 0, done.output
        told = json.loads(done.stdout)
    assert told["model"] == "small"
    assert told["calibrated_on"] > 20


def test_the_card_of_a_run_with_few_spectra_counts_these(data_dir, tmp_path):
    config = tmp_path / "photoz.toml"
    config.write_text(TOML)
    common = [str(config), "--run", "few", "--data-dir", str(data_dir), "--json"]
    for words in (["photoz", *common, "--labels", "64"], ["photoz-export", *common]):
        done = CliRunner().invoke(app, ["train", *words])
        assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["train_set"] == "blobs: 64 spectra"


def test_a_rendering_outside_the_data_folder_is_refused_by_its_name(data_dir, tmp_path):
    config = tmp_path / "photoz.toml"
    config.write_text(TOML.replace("[labels]", '[labels]\nlearn_from = "../blobs"'))
    done = CliRunner().invoke(app, ["train", "photoz", str(config), "--data-dir", str(data_dir)])
    assert done.exit_code == 1
    assert "'../blobs'" in done.output


def test_a_missing_pretrained_run_is_said_with_the_remedy(data_dir, tmp_path):
    config = tmp_path / "photoz.toml"
    config.write_text(TOML.replace("[labels]", 'pretrained = "absent"\n[labels]'))
    done = CliRunner().invoke(app, ["train", "photoz", str(config), "--data-dir", str(data_dir)])
    assert done.exit_code != 0
    assert "--scratch" in done.output


@pytest.mark.parametrize("kind", sorted(DEGRADATIONS))
def test_degraded_galaxies_are_dimmer_or_wider(data, kind):
    part = data["train"].take(slice(0, 40))
    plain, worse = (
        Apertures(part.contract)(inputs).reshape(40, -1, 5)
        for inputs in (part.inputs(), torch.from_numpy(degraded_inputs(part, kind)))
    )
    # Magnitudes in r: dimmed by 0.5 to 2; blurred, the core loses light and the whole keeps it.
    core, whole = ((worse - plain)[:, n, 2] for n in (0, RADII_PX.index(13.0)))
    if kind == "dimmed":
        assert 0.4 < whole.median() < 2.1
    else:
        assert core.median() > 0.05
        assert abs(whole.median()) < 0.03
