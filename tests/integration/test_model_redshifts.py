"""A model with a redshift network: whole, agreeing with itself, or refused."""

from __future__ import annotations

import shutil

import numpy as np
import orjson
import pytest
from support.tiny_photoz import GRID, add_network, photoz_card, photoz_graph, photoz_parts
from support.tiny_survey import tiny_survey

from index.fields import fields_for
from index.model import GoldenMismatch, Model, PhotozParts, publish_model
from index.pdf import summarise
from index.photoz_encoder import PhotozEncoder
from index.temperature import softmax
from survey.extinction import extinction_mag
from survey.manifests import CorruptFolder
from training.fixed import fit_fixed
from training.publish import publish_released


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return tiny_survey(tmp_path_factory.mktemp("surveys") / "tiny")


@pytest.fixture(scope="module")
def plain(survey, tmp_path_factory):
    return fit_fixed("polar48", survey, out=tmp_path_factory.mktemp("models") / "plain", model_id="plain")


@pytest.fixture(scope="module")
def model(plain):
    return add_network(plain, plain.path.with_name("net"))


@pytest.fixture
def copy(model, tmp_path):
    return shutil.copytree(model.path, tmp_path / "net")


def publish(plain, path, photoz, **block):
    changed = plain.card.model_copy(update={"photoz": photoz_card(**block)})
    encoder = (plain.path / "encoder.onnx").read_bytes()
    return publish_model(path, changed, encoder=encoder, golden=plain.golden, photoz=photoz)


def test_the_network_reads_redshifts_off_the_pixels(model, survey):
    fields = np.stack([one.field for one in fields_for(model.contract, survey.read(survey.ids))])
    found = PhotozEncoder(model).run(model.contract.finish(fields))
    z_best = summarise(softmax(found.logits), GRID).z_best
    z_spec = np.array(survey.objects.column("z_spec").to_pylist(), dtype=float)
    known = np.isfinite(z_spec)
    # The blobs are drawn without dust, and lose up to 0.34 mag of u - z in being freed of it.
    assert np.abs(z_best - z_spec)[known].max() < 0.025
    dust = extinction_mag(survey.objects.column("ebv").to_numpy(), survey.info.bands)[:, 2]
    measured = 22.5 - 2.5 * np.log10(survey.objects.column("flux_r").to_numpy()) - dust
    assert found.photometry[:, 2] == pytest.approx(measured, abs=1e-3)


def test_a_batch_gives_what_its_galaxies_give_alone(model):
    inputs = model.contract.finish(np.repeat(model.golden[0], 50, axis=0))
    encoder = PhotozEncoder(model)
    together, alone = encoder.run(inputs), encoder.run(inputs[:1])
    assert len(together.logits) == 400
    assert together.logits[8] == pytest.approx(alone.logits[0], rel=1e-4)
    assert encoder.run(inputs[:0]).photometry.shape == (0, 5)


def test_golden_redshifts_come_out_and_those_of_another_network_do_not(model, plain, tmp_path):
    assert PhotozEncoder(model, check=False).check_golden() < 1e-6
    other = photoz_parts(plain.contract, offset=0.01)
    parts = PhotozParts(other.graph, other.calibration, model.golden_redshifts)
    with pytest.raises(GoldenMismatch, match="differs by"):
        publish(plain, tmp_path / "other", parts)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", ["photoz.onnx", "photoz.npz"])
def test_a_tampered_or_missing_file_is_refused(copy, file):
    whole = bytearray((copy / file).read_bytes())
    whole[len(whole) // 2] ^= 1
    (copy / file).write_bytes(whole)
    with pytest.raises(CorruptFolder, match=f"{file} does not have the hash"):
        Model.open(copy)
    (copy / file).unlink()
    with pytest.raises(CorruptFolder, match=file):
        Model.open(copy)


def test_a_card_and_files_that_disagree_about_a_network_are_refused(copy):
    card = orjson.loads((copy / "card.json").read_bytes())
    (copy / "card.json").write_bytes(orjson.dumps({**card, "photoz": None}))
    with pytest.raises(CorruptFolder, match="disagree about a redshift network"):
        Model.open(copy)
    del card["files"]["photoz.npz"]
    (copy / "card.json").write_bytes(orjson.dumps(card))
    with pytest.raises(CorruptFolder, match="disagree about a redshift network"):
        Model.open(copy)


def test_another_grid_than_the_card_s_is_refused(plain, tmp_path):
    with pytest.raises(CorruptFolder, match="another grid"):
        publish(plain, tmp_path / "other", photoz_parts(plain.contract), n_bins=90)
    assert list(tmp_path.iterdir()) == []


def test_a_graph_with_other_outputs_than_the_calibration_s_is_refused(plain, tmp_path):
    encoder = (plain.path / "encoder.onnx").read_bytes()
    parts = PhotozParts(encoder, photoz_parts(plain.contract).calibration)
    with pytest.raises(CorruptFolder, match=r"photoz\.onnx maps"):
        publish(plain, tmp_path / "other", parts)


def test_a_model_without_a_network_has_none(plain):
    assert plain.golden_redshifts is None
    assert plain.photoz_parts() is None
    with pytest.raises(CorruptFolder, match="no redshift network"):
        PhotozEncoder(plain)


def test_releasing_a_model_keeps_its_network(model, tmp_path):
    # The golden objects must be drawn ones for that; the check stands in another test.
    released = publish_released_with_any_golden(model, tmp_path)
    assert released.card.photoz == model.card.photoz
    assert (released.path / "photoz.onnx").read_bytes() == photoz_graph(model.contract)
    assert np.array_equal(released.golden_redshifts, model.golden_redshifts)


def publish_released_with_any_golden(model, folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.publish.are_drawn", lambda *_: True)
        return publish_released(model, folder)
