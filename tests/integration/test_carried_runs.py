"""A run that is carried in pieces from one machine to the next."""

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest
from support.run_config import CONFIG
from support.tiny_survey import tiny_survey

torch = pytest.importorskip("torch", reason="torch is in the extra [train]")

GPU = Path(__file__).parents[2] / "benchmarks" / "gpu"


@pytest.fixture(scope="module")
def script():
    """The script as a module, under a name of its own."""
    sys.path.insert(0, str(GPU))
    spec = importlib.util.spec_from_file_location("gpu_pretrain", GPU / "pretrain.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    torch.set_num_threads(1)
    return module


@pytest.fixture
def machine(tmp_path):
    """Return a maker of data folders: the first has everything, later ones what is carried."""
    first = tmp_path / "first"
    tiny_survey(first / "surveys" / "tiny", n=60, kind="display")
    (tmp_path / "small.toml").write_text(CONFIG)

    def make(name):
        other = tmp_path / name
        if not other.exists():
            shutil.copytree(first / "fields", other / "fields")
            tables = other / "surveys" / "tiny"
            tables.mkdir(parents=True)
            for file in ("survey.json", "objects.parquet"):
                shutil.copy(first / "surveys" / "tiny" / file, tables)
        return other

    return make


def run(script, monkeypatch, data, *arguments):
    config = data.parent / "small.toml"
    monkeypatch.setattr(
        sys,
        "argv",
        ["pretrain.py", str(config), "--data-dir", str(data), "--device", "cpu", *map(str, arguments)],
    )
    return script.main()


def weights(data):
    return torch.load(data / "runs" / "small" / "latest.pt", weights_only=True)["method"]["moco"]


def test_a_run_carried_in_pieces_between_machines_ends_at_the_same_bits(
    script, machine, monkeypatch, tmp_path
):
    first = tmp_path / "first"
    # No time at all is one step; the state is cut into pieces of 100 kB.
    assert run(script, monkeypatch, first, "--minutes", 0, "--out", tmp_path / "a", "--most-mib", 0.1) == 0
    assert len(list((tmp_path / "a").glob("piece-*"))) > 3
    for source, target in ("ab", "bc"):
        arguments = ("--minutes", 0, "--resume", tmp_path / source, "--out", tmp_path / target)
        assert run(script, monkeypatch, machine(f"machine-{target}"), *arguments) == 0
    last, whole = machine("last"), machine("whole")
    assert run(script, monkeypatch, last, "--minutes", 9, "--resume", tmp_path / "c") == 0
    assert run(script, monkeypatch, whole, "--minutes", 9) == 0
    carried, expected = weights(last), weights(whole)
    assert all(torch.equal(carried[name], expected[name]) for name in expected)


def test_the_best_backbone_alone_comes_back_in_half_the_bytes(script, machine, monkeypatch, tmp_path):
    from training.models.resnet import ResNet
    from training.release import backbone_of

    first = tmp_path / "first"
    assert run(script, monkeypatch, first, "--minutes", 9, "--out", tmp_path / "a", "--weights-only") == 0
    del machine
    script.join_files(tmp_path / "a", tmp_path / "back")
    state = torch.load(tmp_path / "back" / "best.pt", weights_only=True)
    network = ResNet(depth=18, bands=3, stem="imagenet", width=8)
    n_weights = sum(value.numel() for value in network.state_dict().values())
    assert sum(value.numel() for value in state["moco"].values()) == n_weights
    assert (tmp_path / "back" / "best.pt").stat().st_size < 3 * n_weights + 60_000
    config = script.read_config(tmp_path / "small.toml")
    prepared = script.prepare(config, first, root=first)
    whole = backbone_of(config, prepared, torch.load(first / "runs" / "small" / "best.pt", weights_only=True))
    half = backbone_of(config, prepared, state)
    for one, other in zip(whole.parameters(), half.parameters(), strict=True):
        # Eleven bits.
        assert torch.allclose(one, other, rtol=2**-10, atol=1e-6)


def test_a_larger_machine_may_take_a_larger_network(script, machine, tmp_path):
    del machine
    given = script.argparse.Namespace(depth=50, width=None, batch=12, epochs=7, seed=3)
    config = script.overridden(script.read_config(tmp_path / "small.toml"), given)
    assert (config.network.depth, config.network.width) == (50, 8)
    assert (config.optimiser.batch, config.optimiser.epochs, config.seed) == (12, 7, 3)
    assert config.moco.queue_size == 12
