"""The libraries report to nobody."""

import os
import re
import subprocess
import sys

PACKAGES = ("skylike", "survey", "training", "index", "service", "tests", "benchmarks")


def test_onnx_runtime_keeps_quiet(repository, tmp_path):
    # Its telemetry names this machine in a file of the temporary folder as soon as it is imported.
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run(
        [sys.executable, "-c", "import index.model"],
        env={**environment, "TMPDIR": str(tmp_path)},
        cwd=repository,
        check=True,
    )
    assert list(tmp_path.iterdir()) == []


def test_nobody_imports_onnx_runtime_past_the_switch(repository):
    files = [file for package in PACKAGES for file in (repository / package).rglob("*.py")]
    importing = re.compile(r"^\s*(?:import|from) onnxruntime|import_module\(.onnxruntime", re.MULTILINE)
    assert [file.name for file in files if importing.search(file.read_text())] == ["runtime.py"]
