"""Fixtures for tests with real files."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.tiny_survey import tiny_release

from index.release import Release


@pytest.fixture(scope="session")
def tiny_release_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of 120 blobs, two of them without pixels, by a fake model; never written to."""
    return tiny_release(tmp_path_factory.mktemp("tiny_data"), n=120, spoilt=2)


@pytest.fixture
def tiny(tiny_release_path: Path) -> Release:
    return Release.open(tiny_release_path)


@pytest.fixture(scope="session")
def simulated_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with 150 rendered galaxies and ``polar48`` fitted on them; never written to."""
    from support.simulated_service import build_simulated

    return build_simulated(tmp_path_factory.mktemp("simulated"))
