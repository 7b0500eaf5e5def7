"""`skylike worker`, and the workers that `skylike serve` keeps running beside itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from support.jobs import OWNER, job_store, made
from support.running import free_port, running
from support.serving import copied

from index.catalogue.migrate import downgrade
from index.catalogue.session import default_url
from service.records.jobs import Phase
from service.settings import Settings
from skylike.supervision import WorkerProcesses


def wait_for(condition, seconds=40.0):
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)
    return found


def skylike(*arguments):
    return [sys.executable, "-m", "skylike", *arguments]


@pytest.fixture
def data_dir(served_data, tmp_path):
    return copied(served_data, tmp_path / "data")


def children_with(pid, word):
    """Those children of a process, alive, whose command line holds a word."""
    alive = [child for child in psutil.Process(pid).children() if child.status() != psutil.STATUS_ZOMBIE]
    return [child.pid for child in alive if word in " ".join(child.cmdline())]


def test_a_worker_with_nothing_left_to_do_ends_if_asked_to(data_dir, repository):
    with job_store(default_url(data_dir), data_dir / "jobs") as store:
        job_id = made(store, kind="nonsense").row.id
        done = subprocess.run(
            skylike("worker", "--once", "--data-dir", str(data_dir)),
            env={**os.environ, "PYTHONPATH": str(repository)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        row = store.view(job_id, OWNER).row
        assert (row.phase, "knows no jobs of kind 'nonsense'" in row.error) == (Phase.ERROR, True)


def test_a_worker_on_an_old_schema_names_the_command_that_mends_it(tmp_path, repository):
    url = f"sqlite:///{tmp_path / 'catalogue.db'}"
    with job_store(url, tmp_path):
        downgrade(url, "0002")
    done = subprocess.run(
        skylike("worker", "--once", "--database-url", url),
        env={**os.environ, "PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, "skylike index migrate" in done.stderr) == (1, True), done.stderr


def test_a_worker_that_dies_is_started_again_and_ends_with_its_service(data_dir):
    settings = Settings(data_dir=data_dir, workers=1)
    with job_store(default_url(data_dir), data_dir / "jobs") as store:
        with WorkerProcesses(settings) as processes:
            (first,) = wait_for(lambda: processes.pids)
            os.kill(first, signal.SIGKILL)
            (second,) = wait_for(lambda: [pid for pid in processes.pids if pid != first])
            job_id = made(store, kind="nonsense").row.id
            wait_for(lambda: store.view(job_id, OWNER).row.phase is Phase.ERROR)
        assert not psutil.pid_exists(second)


@pytest.mark.parametrize("way", ["its service is killed", "it is told to"])
def test_a_worker_ends_cleanly_when(way, data_dir, repository):
    with job_store(default_url(data_dir), data_dir / "jobs") as store:
        job_id = made(store, kind="nonsense").row.id
        worker = subprocess.Popen(
            skylike("worker", "--while-stdin-open", "--data-dir", str(data_dir)),
            env={**os.environ, "PYTHONPATH": str(repository)},
            stdin=subprocess.PIPE,
        )
        wait_for(lambda: store.view(job_id, OWNER).row.phase is Phase.ERROR)
        if way == "it is told to":
            worker.terminate()
        else:
            # As the system does with the pipes of a process that is killed.
            worker.stdin.close()
        assert worker.wait(20) == 0
        worker.stdin.close()


def test_a_service_starts_its_worker_and_takes_it_along(data_dir, repository, tmp_path):
    port = free_port()
    environment = {**os.environ, "PYTHONPATH": str(repository), "SKYLIKE_PORT": str(port)}
    command = skylike("serve", "--data-dir", str(data_dir))
    with running(command, environment, log=tmp_path / "log", port=port):
        (service,) = children_with(os.getpid(), str(data_dir))
        (worker,) = wait_for(lambda: children_with(service, "--while-stdin-open"))
    assert not psutil.pid_exists(worker)
