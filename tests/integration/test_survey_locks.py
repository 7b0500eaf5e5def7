"""Two processes that make one survey."""

from __future__ import annotations

import subprocess
import sys

import pytest

from survey.archive import SurveyInfo
from survey.locks import SurveyBusy, alone, making_survey
from survey.simulate.survey import simulate_survey
from survey.sources.importing import import_survey
from survey.sources.tables import plan

_HOLD = """
import sys
from pathlib import Path
from survey.locks import making_survey

with making_survey(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def held(tmp_path):
    command = [sys.executable, "-c", _HOLD, str(tmp_path / "mine")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        yield other
        other.kill()


def test_a_second_import_or_simulation_of_a_name_is_refused(tmp_path, held):
    table = tmp_path / "t.csv"
    table.write_text("id,ra,dec\na,10,20\n")
    catalogue = plan(table, SurveyInfo("mine", "Mine", "catalogue"))
    with pytest.raises(SurveyBusy, match="'mine' is being imported or simulated by another command"):
        import_survey(catalogue, tmp_path)
    with pytest.raises(SurveyBusy):
        simulate_survey(tmp_path / "mine", n=1, workers=1)
    assert not (tmp_path / "mine").exists()


def test_the_lock_of_a_killed_process_is_free(tmp_path, held):
    held.kill()
    held.wait()
    with making_survey(tmp_path / "mine"):
        pass


def test_names_do_not_block_each_other(tmp_path, held):
    with making_survey(tmp_path / "yours"), alone(tmp_path / "deep" / ".lock"):
        pass
