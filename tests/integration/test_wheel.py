"""The wheel, built and installed outside the tree, is whole."""

import json
import os
import subprocess
import sys
import zipfile

import pytest

PACKAGES = ("skylike", "survey", "training", "index", "service")


def run(*command, cwd, env=None):
    return subprocess.run(command, cwd=cwd, env=env, check=False, capture_output=True, text=True, timeout=240)


@pytest.fixture(scope="module")
def wheel(repository, tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    # Without isolation the build reads no network: hatchling is installed for the tests.
    built = run(
        sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), ".", cwd=repository
    )
    assert built.returncode == 0, built.stderr
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder outside the tree with the wheel's files; dependencies come from the running environment."""
    site = tmp_path_factory.mktemp("site")
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps")
    done = run(sys.executable, *pip, "--target", str(site), str(wheel), cwd=site)
    assert done.returncode == 0, done.stderr
    return site


@pytest.fixture
def skylike(installed, tmp_path):
    environment = {
        **os.environ,
        "PYTHONPATH": str(installed),
        "SKYLIKE_DATA_DIR": str(tmp_path / "data"),
        "SKYLIKE_PORT": "0",
    }

    def call(*arguments):
        script = [sys.executable, str(installed / "bin" / "skylike")]
        return run(*script, *arguments, cwd=tmp_path, env=environment)

    return call


def test_the_wheel_holds_every_file_of_the_packages_the_migrations_and_the_models(wheel, repository):
    listed = run("git", "ls-files", *PACKAGES, "alembic", "models", cwd=repository).stdout.splitlines()
    inside = {"alembic/": "service/migrations/", "models/": "index/released/"}
    wanted = {
        next((p.replace(top, place, 1) for top, place in inside.items() if p.startswith(top)), p)
        for p in listed
        if (repository / p).is_file()
    }
    wanted.add("training/configs/benchmarks/splits/held_out_rgb.json")  # what sdss-rgb.toml holds out
    wanted.add("training/configs/benchmarks/splits/photoz_parents.json")  # training.photoz_split
    assert wanted - set(zipfile.ZipFile(wheel).namelist()) == set()


def test_the_wheel_brings_nothing_else(wheel):
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == {*PACKAGES, "skylike-0.1.0.dist-info"}


def test_the_packages_are_imported_from_the_wheel(installed, tmp_path):
    code = (
        f"import {', '.join(PACKAGES)}; print(*({', '.join(p + '.__file__' for p in PACKAGES)}), sep='\\n')"
    )
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    files = run(sys.executable, "-c", code, cwd=tmp_path, env=environment).stdout.split()
    assert [f.startswith(str(installed)) for f in files] == [True] * len(PACKAGES)


def test_released_models_are_found_in_the_wheel(installed, tmp_path):
    code = "from index.shipped import released_folder; print(released_folder())"
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    found = run(sys.executable, "-c", code, cwd=tmp_path, env=environment).stdout.strip()
    assert found == str(installed / "index" / "released")


def test_the_command_lists_its_verbs(skylike):
    done = skylike("--help")
    assert done.returncode == 0, done.stderr
    assert all(
        verb in done.stdout for verb in ("survey", "train", "index", "serve", "demo", "doctor", "check")
    )


def test_doctor_reports_as_json(skylike):
    report = json.loads(skylike("doctor", "--json").stdout)
    assert {f["name"] for f in report["findings"]} >= {
        "python",
        "faiss",
        "simd",
        "disk",
        "data_dir",
        "port",
        "torch",
    }


def test_the_installed_migrations_build_a_database(installed, tmp_path):
    url = f"sqlite:///{tmp_path / 'catalogue.db'}"
    code = f"from index.catalogue.migrate import upgrade; upgrade({url!r})"
    done = run(sys.executable, "-c", code, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(installed)})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "catalogue.db").stat().st_size > 0
