"""The fork server may hang or be stopped: the service does not wait for it longer than once."""

import os
import signal
import time

import pytest

from service.operations.refusals import Busy
from service.sandbox import Sandbox


def test_a_server_that_no_longer_answers_is_started_again(monkeypatch):
    monkeypatch.setattr("service.sandbox_process._BIRTH_SECONDS", 0.5)
    with Sandbox(wall_seconds=60) as box:
        box.probe()
        stopped = box.server_pid
        os.kill(stopped, signal.SIGSTOP)
        begun = time.monotonic()
        with pytest.raises(Busy):
            box.probe()
        assert time.monotonic() - begun < 5
        assert box.probe()["nice"] > 0
        assert box.server_pid != stopped
    with pytest.raises(ProcessLookupError):
        os.kill(stopped, 0)


@pytest.mark.parametrize("kept", [True, False])
def test_the_log_says_once_if_children_keep_the_network(monkeypatch, kept):
    launch = (
        "import json, sys; sys.path[:] = json.loads(sys.argv[1]); import service.sandbox_rights as rights;"
        f"rights.leave_the_network = lambda: {not kept};"
        "from service.sandbox_server import main; main(int(sys.argv[2]))"
    )
    monkeypatch.setattr("service.sandbox_process._LAUNCH", launch)
    told = []
    # Not through the log: what other tests configured decides what reaches it.
    monkeypatch.setattr("service.sandbox_process.logger.warning", lambda message, **_: told.append(message))
    with Sandbox(wall_seconds=60) as box:
        box.probe()
        box.probe()
    assert [message for message in told if "keep the network" in message] == told
    assert len(told) == kept
