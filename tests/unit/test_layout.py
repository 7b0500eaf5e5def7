"""The tree keeps to the layout of docs/architecture.md."""

import re
import subprocess
from collections import Counter

import pytest

PACKAGES = ("skylike", "survey", "training", "index", "service")

MACHINE_PATHS = re.compile(r"(?<![\w./~<-])/(?:work|home|root|Users)/\w")
REGISTRIES = re.compile(
    r"pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|deb\.debian\.org|ghcr\.io|docker\.io"
)
TEXT = {
    ".py",
    ".md",
    ".toml",
    ".txt",
    ".yaml",
    ".yml",
    ".json",
    ".ini",
    ".cff",
    ".html",
    ".css",
    ".js",
    ".sh",
    "",
}


@pytest.fixture(scope="module")
def tracked(repository):
    """Every file that git knows or would take, without what it ignores."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(
        command, cwd=repository, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    return [path for path in listed if (repository / path).is_file()]


def test_no_init_file_where_it_breaks_imports(tracked):
    assert [
        p for p in tracked if p.startswith(("alembic/", "docker/", "tests/")) and p.endswith("__init__.py")
    ] == []


def test_every_package_folder_has_an_init_file(tracked, repository):
    folders = {p.rpartition("/")[0] for p in tracked if p.split("/")[0] in PACKAGES and p.endswith(".py")}
    assert [f for f in sorted(folders) if not (repository / f / "__init__.py").is_file()] == []


def test_every_package_is_typed(repository):
    assert [p for p in PACKAGES if not (repository / p / "py.typed").is_file()] == []


def test_no_module_outgrows_350_lines(tracked, repository):
    lengths = {p: len((repository / p).read_text().splitlines()) for p in tracked if p.endswith(".py")}
    assert {p: n for p, n in lengths.items() if n > 350} == {}


def test_test_files_have_unique_names(tracked):
    names = Counter(p.rpartition("/")[2] for p in tracked if p.startswith("tests/") and p.endswith(".py"))
    assert [name for name, n in names.items() if n > 1 and name != "conftest.py"] == []


@pytest.mark.parametrize("pattern", [MACHINE_PATHS, REGISTRIES], ids=["machine paths", "registry hosts"])
def test_nothing_of_one_machine_stands_in_the_repository(tracked, repository, pattern):
    found = {
        f"{path}:{number}": line.strip()[:120]
        for path in tracked
        if path != "tests/unit/test_layout.py"
        if "." + path.rpartition(".")[2] in TEXT or "." not in path.rpartition("/")[2]
        for number, line in enumerate((repository / path).read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    }
    assert found == {}


def test_every_extra_but_the_dev_one_is_explained(repository):
    project = (repository / "pyproject.toml").read_text()
    readme = (repository / "README.md").read_text()
    extras = re.search(r"\[project\.optional-dependencies\](.*?)\n\[", project, re.DOTALL).group(1)
    for name in re.findall(r"^(\w+) = \[", extras, re.MULTILINE):
        assert f"[{name}]" in readme or f"`{name}`" in readme, name


def test_every_dependency_has_a_tested_version(repository):
    from importlib.metadata import requires

    pinned = {
        re.sub(r"[-_.]+", "-", line.split("==")[0]).lower()
        for line in (repository / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    wanted = {re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", r).group()).lower() for r in requires("skylike")}
    assert sorted(wanted - pinned - {"skylike"}) == []
