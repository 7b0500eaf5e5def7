"""Requests made up from the OpenAPI document: a short run of what benchmarks/api_fuzz.py does at length."""

import os
import sys

from support.api_fuzz import fuzz
from support.running import free_port, running
from support.serving import copied


def test_the_service_keeps_to_its_openapi_document(served_data, tmp_path):
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "skylike",
        "serve",
        "--data-dir",
        str(copied(served_data, tmp_path / "data")),
        "--port",
        str(port),
    ]
    environment = {**os.environ, "SKYLIKE_LOG_LEVEL": "ERROR"}
    with running(command, environment, log=tmp_path / "service.log", port=port) as client:
        url = str(client.base_url).rstrip("/")
        ids = [f"J{n:05d}" for n in range(119)]
        run = fuzz(url, tmp_path, ids=ids, seed=1, max_examples=3, phases="examples,coverage,fuzzing")
    assert run.cases >= 300
    assert run.server_errors == 0
    assert run.failures == {}, run.text[-6000:]
    # Not only refusals were seen.
    answered = {operation for operation, status in run.answers if status == 200}
    assert answered >= {
        "GET /api/v1/objects/{object_id}/neighbours",
        "POST /api/v1/photoz/batch",
        "GET /readyz",
    }
    assert "POST /api/v1/neighbours/upload" in answered
