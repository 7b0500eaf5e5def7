"""A run of pretraining: killed and resumed, stopped and refused."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.tiny_survey import tiny_survey

torch = pytest.importorskip("torch", reason="torch is in the extra [train]")

from support.small_run import small_config, train  # noqa: E402

from survey.manifests import CorruptFolder  # noqa: E402
from training.config import BadConfig, ChangeConfig  # noqa: E402
from training.preparation import prepare  # noqa: E402
from training.pretrain import pretrain  # noqa: E402
from training.runs import RunFolder, RunMismatch  # noqa: E402
from training.stored_fields import store_fields  # noqa: E402

TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pretraining")
    tiny_survey(folder / "surveys" / "tiny", n=60)
    tiny_survey(folder / "surveys" / "other", n=45, seed=5)
    return folder


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """A run that nothing happened to."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    train(data, run, small_config(["tiny"]))
    return run


def in_a_process(data, run, *arguments):
    command = [sys.executable, "-m", "support.small_run", str(data), str(run), *map(str, arguments)]
    environment = {"PYTHONPATH": f"{TESTS}:{TESTS.parent}", "PATH": "", "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def latest(run):
    return torch.load(run / "latest.pt", weights_only=True)


def logged(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


# What a clock says is another each time.
CLOCKED = ("images_per_s", "loader_share")


def told(run):
    return [{name: value for name, value in line.items() if name not in CLOCKED} for line in logged(run)]


def same(first, second):
    """Compare nested states bit by bit."""
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second


@pytest.mark.parametrize("when", ["working", "writing"])
def test_a_run_killed_in_an_epoch_goes_on_to_the_same_bits(data, tmp_path, whole, when):
    run = tmp_path / "killed"
    killed = in_a_process(data, run, 7, when)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    # Five batches an epoch: the seventh lies within the second, and was lost.
    assert (latest(run)["epoch"], latest(run)["batch"]) == (1, 1)
    assert (run / ".latest.pt.new").is_file() == (when == "writing")
    train(data, run, small_config(["tiny"]))
    assert same(latest(whole), latest(run))
    assert told(whole) == told(run)


def test_the_log_tells_each_epoch_once_with_its_losses_speed_and_validation(whole):
    lines = logged(whole)
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    names = (
        "info_nce",
        "auxiliary",
        "gradient_norm",
        "learning_rate",
        "images_per_s",
        "loader_share",
        "purity10",
    )
    assert all(np.isfinite([line[name] for name in names]).all() for line in lines)
    assert (whole / "best.pt").is_file()


def test_a_finished_run_does_nothing_more(data, tmp_path):
    config = small_config(["tiny"], epochs=1)
    train(data, tmp_path / "run", config)
    before = latest(tmp_path / "run")
    train(data, tmp_path / "run", config, at=6, then=lambda: pytest.fail("there was a sixth batch"))
    assert same(before, latest(tmp_path / "run"))


def test_a_run_of_another_configuration_is_refused(data, tmp_path):
    train(data, tmp_path / "run", small_config(["tiny"], epochs=1))
    with pytest.raises(RunMismatch, match="another configuration"):
        train(data, tmp_path / "run", small_config(["tiny"], epochs=2))


def test_each_source_has_its_queue(data, tmp_path):
    train(data, tmp_path / "run", small_config(["tiny", "other"], epochs=1))
    state = latest(tmp_path / "run")["method"]["moco"]
    assert state["queue"].shape == (2, 8, 16)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_run_out_of_time_stops_cleanly_and_goes_on(data, tmp_path, accumulate):
    # With two batches a step, five batches an epoch are three steps: it stops between them alone.
    config = small_config(["tiny"], accumulate=accumulate, epochs=2)
    prepared = prepare(config, data, root=data)
    device = torch.device("cpu")
    calls = 0
    while True:
        finished = pretrain(config, prepared, tmp_path / "run", device=device, most_seconds=0)
        calls += 1
        if finished.is_complete:
            break
    assert calls == {1: 11, 2: 7}[accumulate]
    train(data, tmp_path / "whole", config)
    assert same(latest(tmp_path / "run"), latest(tmp_path / "whole"))


def test_fields_that_do_not_fit_into_memory_give_the_same_run(data, tmp_path, whole, monkeypatch):
    monkeypatch.setattr("training.pretrain._CPU_RESIDENT_BYTES", 0)
    train(data, tmp_path / "run", small_config(["tiny"]))
    assert same(latest(whole), latest(tmp_path / "run"))


def test_bands_may_be_lost_and_borders_masked_while_training(data, tmp_path):
    config = small_config(["tiny"], epochs=1)
    changes = [{"name": "drop-band", "probability": 0.5}, {"name": "mask-border", "least_px": 20}]
    augment = [*config.augment, *(ChangeConfig(**change) for change in changes)]
    train(data, tmp_path / "run", config.model_copy(update={"augment": augment}))
    assert np.isfinite(logged(tmp_path / "run")[0]["info_nce"])


def test_a_queue_beyond_a_quarter_of_the_galaxies_is_refused(data, tmp_path):
    config = small_config(["tiny"])
    config = config.model_copy(update={"moco": config.moco.model_copy(update={"queue_size": 16})})
    with pytest.raises(BadConfig, match="quarter"):
        train(data, tmp_path / "run", config)


def test_a_hold_out_file_that_is_not_there_is_refused(data):
    config = small_config(["tiny"])
    config = config.model_copy(
        update={"data": config.data.model_copy(update={"hold_out": [Path("none.json")]})}
    )
    with pytest.raises(BadConfig, match=r"no none\.json"):
        prepare(config, data, root=data)


def test_held_out_galaxies_are_in_no_part(data, tmp_path):
    hidden = [f"J{n:05d}" for n in range(20)]
    (tmp_path / "split.json").write_text(json.dumps({"evaluation": [hidden]}))
    config = small_config(["tiny"])
    config = config.model_copy(
        update={"data": config.data.model_copy(update={"hold_out": [Path("split.json")]})}
    )
    prepared = prepare(config, data, root=tmp_path)
    source, split = prepared.sources[0], prepared.splits[0]
    seen = {
        source.survey.ids[source.rows[place]] for part in (split.train, split.validation) for place in part
    }
    assert len(seen) == 40
    assert not seen & set(hidden)


def test_stored_fields_are_the_contracts_and_are_made_once(data, tmp_path):
    survey = prepare(small_config(["tiny"]), data, root=data).sources[0].survey
    contract = small_config(["tiny"]).contract.contract()
    stored = store_fields(survey, contract, tmp_path)
    ((_, cutouts),) = survey.scan(3, 4)
    expected = contract.calibrate(cutouts[0]).field
    # Half precision keeps eleven bits.
    assert np.allclose(stored.fields[3], expected, rtol=2**-11, atol=1e-6)
    told = []
    store_fields(survey, contract, tmp_path, progress=lambda done, total: told.append((done, total)))
    assert not told


def test_a_shortened_file_of_fields_is_refused(data, tmp_path):
    survey = prepare(small_config(["tiny"]), data, root=data).sources[0].survey
    contract = small_config(["tiny"]).contract.contract()
    store_fields(survey, contract, tmp_path)
    (path,) = tmp_path.glob("*/fields.bin")
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(CorruptFolder, match="not as long"):
        store_fields(survey, contract, tmp_path)


def test_a_damaged_state_is_refused_with_the_remedy(tmp_path):
    run = RunFolder(tmp_path, {})
    (tmp_path / "latest.pt").write_bytes(b"nonsense")
    with pytest.raises(CorruptFolder, match="remove it to begin again"):
        run.load()


def test_an_exported_run_is_a_model_that_embeds_as_the_network_does(data, tmp_path):
    from index.model import OnnxEncoder
    from training.release import export_run
    from training.tricks import POWERS

    config = small_config(["tiny", "other"], epochs=1)
    train(data, tmp_path / "run", config)
    prepared = prepare(config, data, root=data)
    run = RunFolder.opened(tmp_path / "run")
    model = export_run(config, prepared, run, tmp_path)
    # Opening an encoder compares the golden objects, which the network embedded.
    assert OnnxEncoder(model).check_golden() > 0.9999
    assert model.card.views == 8
    # None: axes did not pay on the validation part.
    assert model.card.training["power"] in (*POWERS, None)
    assert model.card.training["n"] == sum(len(split.train) for split in prepared.splits)
