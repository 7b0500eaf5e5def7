"""What the verbs that train say before they train."""

import errno

import pytest
from typer.testing import CliRunner

pytest.importorskip("torch", reason="torch is in the extra [train]")

from skylike.cli import main
from skylike.cli.training_runs import next_command, prepared
from survey.manifests import CorruptFolder
from training.config import BadConfig


def refused(*arguments):
    done = CliRunner().invoke(main.app, ["train", *arguments], env={"COLUMNS": "400"})
    assert done.exit_code == 2
    return done.output


def test_a_configuration_that_skylike_brings_finds_what_it_holds_out_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # The file is read before the first survey is missed.
    with pytest.raises(CorruptFolder, match="gz1: no readable"):
        prepared("sdss-rgb", None, tmp_path)


def test_an_unknown_configuration_names_those_there_are(tmp_path):
    with pytest.raises(BadConfig, match=r"no configuration 'sdss': .* demo-ugriz, photoz-ugriz, sdss-rgb"):
        prepared("sdss", None, tmp_path)


@pytest.mark.parametrize("device", ["foo", "meta", "cuda:99"])
def test_a_device_that_is_not_here_is_misuse(device, tmp_path):
    assert device in refused("pretrain", "sdss-rgb", "--device", device, "--data-dir", str(tmp_path))


def test_a_run_stays_in_the_data_folder(tmp_path):
    assert "'../run' is no name" in refused("plot", "../run", "--data-dir", str(tmp_path))


def test_what_comes_next_is_of_the_same_run():
    told = next_command("export", "my config.toml", run="second", seed=2)
    assert told == "skylike train export 'my config.toml' --run second --seed 2"


def test_a_full_disk_ends_a_command_in_one_sentence_without_a_path(monkeypatch, capsys, tmp_path):
    def full():
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "latest.pt"))

    monkeypatch.setattr(main, "app", full)
    with pytest.raises(SystemExit) as ended:
        main.main()
    said = capsys.readouterr().err
    assert (ended.value.code, said.count("\n")) == (1, 1)
    assert said.startswith("latest.pt: No space left on device. Make room")
