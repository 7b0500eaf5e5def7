"""Fixtures shared by all tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.databases import fresh_database, postgres_server

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


@pytest.fixture(scope="session")
def postgres_stack() -> Iterator[dict[str, object]]:
    """Holds the session's PostgreSQL server, started by the first test that needs one."""
    with ExitStack() as stack:
        yield {"stack": stack}


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_stack: dict[str, object]
) -> Iterator[str]:
    """An empty database, once of each kind that Skylike supports."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'catalogue.db'}"
        return
    if "url" not in postgres_stack:
        postgres_stack["url"] = postgres_stack["stack"].enter_context(postgres_server())
    with fresh_database(postgres_stack["url"]) as url:
        yield url


@pytest.fixture(scope="session")
def served_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that can be served; see ``build_data_dir``. Never written to: tests copy it."""
    from support.serving import build_data_dir

    return build_data_dir(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="session")
def client(served_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """A client of the service on a copy of ``served_data``.

    Jobs are written to its database. Were it the original, every test that copies that within this process would take SQLite's
    locks from it: they are a process's, and go when it closes any handle of the file.
    """
    from support.serving import client_of, copied

    with client_of(copied(served_data, tmp_path_factory.mktemp("client") / "data")) as client:
        yield client


@pytest.fixture(scope="session")
def doorstep(served_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """The service on a copy of ``served_data`` in a process of its own, on loopback, for those who mean it ill."""
    from support.serving import copied
    from support.strangers import doorstep

    folder = tmp_path_factory.mktemp("doorstep")
    with doorstep(copied(served_data, folder / "data"), folder) as running:
        yield running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Name the tests of real data in the JUnit report, where `.ci/run` looks for skipped ones."""
    for item in items:
        if item.get_closest_marker("realdata") or "shared_data" in getattr(item, "fixturenames", ()):
            item.user_properties.append(("realdata", "yes"))
