"""The commands of docker/compose.yaml, run natively with its entry point against a real PostgreSQL."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.running import free_port, running


@pytest.fixture(scope="module")
def compose(repository):
    return yaml.safe_load((repository / "docker" / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def postgresql_url(postgres_stack):
    from support.databases import fresh_database, postgres_server

    if "url" not in postgres_stack:
        postgres_stack["url"] = postgres_stack["stack"].enter_context(postgres_server())
    with fresh_database(postgres_stack["url"]) as url:
        yield url


@pytest.fixture(scope="module")
def contained(repository, environment, demo, postgresql_url, tmp_path_factory):
    """The environment that the containers get, with the database and the data of this machine."""
    secret = tmp_path_factory.mktemp("secrets") / "database_password"
    secret.write_text("not-needed-over-the-socket\n")
    data = tmp_path_factory.mktemp("volume") / "data"
    shutil.copytree(environment["SKYLIKE_DATA_DIR"], data)
    return {
        **environment,
        "SKYLIKE_DATA_DIR": str(data),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SKYLIKE_DATABASE_URL": postgresql_url,
        "SKYLIKE_DATABASE_PASSWORD_FILE": str(secret),
        "SKYLIKE_LOG_FORMAT": "json",
    }


@pytest.fixture(scope="module")
def entrypoint(repository):
    return str(repository / "docker" / "entrypoint.sh")


@pytest.fixture(scope="module")
def seeded(compose, contained, entrypoint):
    command = [entrypoint, *compose["services"]["seed"]["command"]]
    return subprocess.run(command, env=contained, check=False, capture_output=True, text=True, timeout=280)


def test_the_seed_migrates_fills_and_ends(seeded):
    assert seeded.returncode == 0, seeded.stderr


def test_the_service_answers_from_postgresql(seeded, compose, contained, entrypoint, tmp_path):
    port = free_port()
    command = [entrypoint, *compose["services"]["service"]["command"]]
    environment = {**contained, "SKYLIKE_PORT": str(port)}
    with running(command, environment, log=tmp_path / "serve.log", port=port) as client:
        objects = client.get("/api/v1/anomalies", params={"limit": 1}).json()["objects"]
        assert client.get(f"/api/v1/objects/{objects[0]['object_id']}/neighbours").status_code == 200


def test_check_agrees_on_postgresql(seeded, contained, entrypoint):
    done = subprocess.run(
        [entrypoint, "skylike", "check"],
        env=contained,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout


def test_a_secret_that_cannot_be_read_stops_the_container(contained, entrypoint, tmp_path):
    environment = {**contained, "SKYLIKE_DATABASE_PASSWORD_FILE": str(tmp_path / "absent")}
    done = subprocess.run([entrypoint, "true"], env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "password file" in done.stderr
