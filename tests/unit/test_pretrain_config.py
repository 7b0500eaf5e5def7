"""A configuration says everything, and says what is wrong with it."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra [train]")

from training.augment.recipe import Views, build_changes  # noqa: E402
from training.config import BadConfig, read_config  # noqa: E402
from training.photoz_config import read_photoz_config  # noqa: E402

CONFIGS = sorted((Path(__file__).parents[2] / "training" / "configs").glob("*.toml"))

LEAST = """
model_id = "m"
augment = [{name = "rotate"}]
[data]
surveys = ["demo"]
[contract]
bands = ["sdss:g", "sdss:r"]
field_px = 32
input_px = 24
stretch = "asinh"
softening = [0.1, 0.1]
"""


def written(tmp_path, text):
    path = tmp_path / "run.toml"
    path.write_text(text)
    return path


def _galaxies(contract):
    """Draw what a band that is lost may be learnt from."""
    rng = np.random.default_rng(0)
    off = np.arange(contract.field_px) - (contract.field_px - 1) / 2
    light = np.exp(-0.5 * (off[:, None] ** 2 + off[None] ** 2) / 16)
    size = (40, len(contract.bands), contract.field_px, contract.field_px)
    return rng.uniform(1, 3, size[:2])[..., None, None] * light + rng.normal(0, 0.02, size)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_shipped_configuration_can_be_followed_and_its_header_says_how(path):
    is_photoz = path.stem.startswith("photoz")
    config = read_photoz_config(path) if is_photoz else read_config(path)
    contract = config.contract.contract()
    views = Views(contract, build_changes(config.augment, contract, lambda: _galaxies(contract)))
    fields = torch.zeros(2, len(contract.bands), contract.field_px, contract.field_px, dtype=torch.uint8)
    assert views(fields, torch.Generator()).shape[-1] == contract.input_px
    header = path.read_text().split("\n[", 1)[0]
    verb = "photoz" if is_photoz else "pretrain"
    assert f"skylike train {verb} {path.stem}" in header
    assert "Hardware" in header


def test_the_least_configuration_takes_the_defaults(tmp_path):
    config = read_config(written(tmp_path, LEAST))
    assert config.network.depth == 18
    assert config.moco.temperature == 0.2


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (("model_id", "model_idd"), "model_idd"),
        (('stretch = "asinh"', 'stretch = "log"'), "contract.stretch"),
        (("field_px = 32", "field_px = 'wide'"), "contract.field_px"),
        (('surveys = ["demo"]', "surveys = []"), "data.surveys"),
        (("[data]", "[data"), "no TOML"),
    ],
)
def test_a_wrong_field_is_named(tmp_path, change, word):
    with pytest.raises(BadConfig, match=word):
        read_config(written(tmp_path, LEAST.replace(*change)))


def test_a_missing_file_is_named_without_its_folder(tmp_path):
    with pytest.raises(BadConfig, match=r"no configuration none\.toml") as refusal:
        read_config(tmp_path / "none.toml")
    assert str(tmp_path) not in str(refusal.value)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ('[{name = "hue"}]', "'hue' is unknown"),
        ('[{name = "tint"}]', "does not suit linear flux"),
        ('[{name = "shift", pixel = 3}]', "no number pixel"),
        ('[{name = "shift"}]', "lacks a number"),
    ],
)
def test_a_wrong_augmentation_is_named(tmp_path, changes, word):
    text = LEAST.replace('[{name = "rotate"}]', changes)
    assert tomllib.loads(text)
    config = read_config(written(tmp_path, text))
    with pytest.raises(BadConfig, match=word):
        build_changes(config.augment, config.contract.contract())
