"""What the service refuses to start with, and the command that it names."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys

import orjson
import pytest
from sqlalchemy import text
from support.serving import client_of, copied
from typer.testing import CliRunner

from index.catalogue.session import default_url, make_engine
from index.model import Model
from service.opening import NotServable, open_resources
from service.settings import Settings


@pytest.fixture
def spoilt(served_data, tmp_path):
    return copied(served_data, tmp_path / "data")


def refusal(data_dir, **settings) -> NotServable:
    with pytest.raises(NotServable) as caught:
        open_resources(Settings(data_dir=data_dir, **settings)).close()
    assert caught.value.command in str(caught.value)
    return caught.value


def touch_manifest(path) -> None:
    """Another manifest over the same files, as a rebuild would leave it."""
    manifest = orjson.loads(path.read_bytes())
    path.write_bytes(orjson.dumps(manifest | {"title": "another title"}))


def execute(data_dir, statement: str) -> None:
    engine = make_engine(default_url(data_dir))
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_importing_the_service_reads_no_environment_and_loads_no_engine():
    code = "import sys, service.main; sys.exit(bool({'faiss', 'onnxruntime', 'torch'} & set(sys.modules)))"
    environment = {**os.environ, "SKYLIKE_PORT": "not a number"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_an_empty_folder_names_the_demo(tmp_path):
    assert refusal(tmp_path).command == "skylike demo --no-serve"
    assert not list(tmp_path.iterdir())


def test_an_old_schema_names_the_migration(spoilt):
    execute(spoilt, "UPDATE alembic_version SET version_num = 'older'")
    assert refusal(spoilt).command == "skylike index migrate"


def test_a_catalogue_without_active_release_names_the_build(spoilt):
    execute(spoilt, "DELETE FROM active_releases")
    assert refusal(spoilt).command.startswith("skylike index build")


def test_another_survey_under_the_same_name_is_refused_with_both_hashes(spoilt):
    path = spoilt / "surveys" / "tiny" / "survey.json"
    touch_manifest(path)
    error = refusal(spoilt)
    assert "the catalogue's survey row" in str(error)
    assert "survey tiny" in str(error)
    assert error.command == "skylike index build tiny"
    # Even when the catalogue has been told of it: the release is of the other one.
    execute(
        spoilt,
        f"UPDATE surveys SET sha256 = '{hashlib.sha256(path.read_bytes()).hexdigest()}' WHERE name = 'tiny'",
    )
    error = refusal(spoilt)
    assert "release tiny--" in str(error)
    assert error.command == "skylike index build tiny --model pca48-tiny"


def test_another_model_under_the_same_name_is_refused(spoilt):
    touch_manifest(spoilt / "models" / "pca48-tiny" / "card.json")
    error = refusal(spoilt)
    assert "model pca48-tiny" in str(error)
    assert error.command == "skylike index build tiny --model pca48-tiny"


def test_embeddings_of_another_model_are_refused_but_need_not_be_there(spoilt):
    manifest = spoilt / "embeddings" / "tiny--pca48-tiny" / "manifest.json"
    own = Model.open(spoilt / "models" / "pca48-tiny").sha256.encode()
    assert own in manifest.read_bytes()
    manifest.write_bytes(manifest.read_bytes().replace(own, b"0" * 64))
    assert "embeddings tiny--pca48-tiny" in str(refusal(spoilt))
    shutil.rmtree(spoilt / "embeddings")
    open_resources(Settings(data_dir=spoilt)).close()


def test_a_release_row_of_another_manifest_is_refused(spoilt):
    execute(spoilt, "UPDATE releases SET manifest_sha256 = 'f00' WHERE survey = 'tiny'")
    assert "the active release row says f00" in str(refusal(spoilt))


@pytest.mark.parametrize("part", ["vectors.f32", "columns.arrow", "anomalies.skops", "neighbours_rows.npy"])
def test_a_flipped_bit_in_a_release_is_refused(spoilt, part):
    path = next((spoilt / "releases").glob("tiny--*")) / part
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    error = refusal(spoilt)
    assert part in str(error)
    assert error.command == "skylike index build tiny --model pca48-tiny"


def test_a_damaged_model_is_refused(spoilt):
    path = spoilt / "models" / "pca48-tiny" / "encoder.onnx"
    path.write_bytes(path.read_bytes()[:-1])
    assert "encoder.onnx" in str(refusal(spoilt))


def test_a_default_survey_that_is_not_served_is_refused(served_data):
    assert "nothing" in str(refusal(served_data, default_survey="nothing"))


def test_the_operator_chooses_the_default_survey(served_data):
    with client_of(served_data, default_survey="rgb") as client:
        assert client.get("/api/v1/objects/J00000/neighbours").json()["release"]["survey"] == "rgb"


def test_a_release_that_is_not_whole_is_not_ready(served_data):
    with client_of(served_data) as client:
        served = next(iter(client.app.state.resources.releases.values()))
        vectors = served.release.store._vectors
        served.release.store._vectors = -vectors
        served.release.store.vector = lambda row: vectors[row]
        refused = client.get("/readyz")
        assert (refused.status_code, refused.json()["code"]) == (503, "service.not_ready")


def run_serve(*arguments: str):
    from skylike.cli.serve import app

    return CliRunner().invoke(app, list(arguments))


def test_serve_says_in_one_line_why_it_does_not_start(tmp_path):
    done = run_serve("--data-dir", str(tmp_path), "--port", "0")
    assert done.exit_code == 1
    assert done.stderr.strip().splitlines() == [
        "There is no catalogue yet. To mend it: skylike demo --no-serve"
    ]


def test_serve_names_another_port_when_its_own_is_taken(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run_serve("--data-dir", str(tmp_path), "--port", str(port))
    assert done.exit_code == 1
    assert f"SKYLIKE_PORT={port + 1}" in done.stderr


def test_serve_says_which_setting_cannot_be(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYLIKE_PORT", "many")
    done = run_serve("--data-dir", str(tmp_path))
    assert done.exit_code == 1
    assert "SKYLIKE_PORT" in done.stderr
