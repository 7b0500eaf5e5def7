"""One small demo survey for all end-to-end tests."""

import os
import subprocess
import sys

import pytest

N_GALAXIES = 40


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """The environment of a newcomer: nothing set but where the data lies and how small the demo is."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SKYLIKE_")}
    data = tmp_path_factory.mktemp("demo") / "data"
    return {**kept, "SKYLIKE_DATA_DIR": str(data), "SKYLIKE_DEMO_N": str(N_GALAXIES)}


@pytest.fixture(scope="session")
def skylike(environment):
    """Run the command and wait for it."""

    def call(*arguments, **extra):
        command = [sys.executable, "-m", "skylike", *arguments]
        return subprocess.run(
            command, env={**environment, **extra}, check=False, capture_output=True, text=True, timeout=280
        )

    return call


@pytest.fixture(scope="session")
def demo(skylike):
    """The demo survey, made, indexed and ingested into SQLite; what the command said."""
    done = skylike("demo", "--no-serve")
    assert done.returncode == 0, done.stderr
    return done
