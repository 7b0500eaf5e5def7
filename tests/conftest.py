"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real galaxies beside the checkout; tests that need it skip where it is absent."""
    path = REPOSITORY.parent / "shared" / "data"
    if not path.is_dir():
        pytest.skip("real data (../shared/data) is not here")
    return path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Name the tests of real data in the JUnit report, where `.ci/run` looks for skipped ones."""
    for item in items:
        if item.get_closest_marker("realdata") or "shared_data" in getattr(item, "fixturenames", ()):
            item.user_properties.append(("realdata", "yes"))
