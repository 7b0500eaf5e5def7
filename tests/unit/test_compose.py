"""The compose file keeps to the compose specification and to the house's rules for containers."""

import json
import re
import tomllib
from importlib.resources import files

import jsonschema
import pytest
import yaml


@pytest.fixture(scope="module")
def compose(repository):
    return yaml.safe_load((repository / "docker" / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def dockerfile(repository):
    return (repository / "docker" / "service.Dockerfile").read_text()


def test_compose_file_satisfies_the_compose_specification(compose):
    schema = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    jsonschema.validate(compose, json.loads(schema.read_text()))


def test_every_container_is_hardened(compose):
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert {"mem_limit", "pids_limit"} <= service.keys(), name


def test_the_database_is_not_published_and_has_no_way_out(compose):
    database = compose["services"]["database"]
    assert "ports" not in database
    assert [compose["networks"][n]["internal"] for n in database["networks"]] == [True]


def test_the_service_is_published_on_loopback_only(compose):
    assert compose["services"]["service"]["ports"] == ["127.0.0.1:${SKYLIKE_PORT:-8000}:8000"]


def test_the_service_writes_to_nothing_but_kept_uploads_and_jobs(compose, dockerfile):
    service = compose["services"]["service"]
    assert service["volumes"] == ["data:/data:ro", "uploads:/uploads", "jobs:/jobs"]
    assert service["environment"]["SKYLIKE_UPLOADS_DIR"] == "/uploads"
    assert service["environment"]["SKYLIKE_JOBS_DIR"] == "/jobs"
    # A new volume takes over the owner of the image's folder, and the service is not root.
    assert re.search(r"install -d -o skylike .*/jobs /uploads", dockerfile)


def test_jobs_are_answered_by_a_container_of_their_own_on_the_service_s_folder(compose):
    service, worker = (compose["services"][name] for name in ("service", "worker"))
    assert worker["command"] == ["skylike", "worker"]
    assert worker["volumes"] == ["data:/data:ro", "jobs:/jobs"]
    assert worker["networks"] == ["inside"]
    assert service["environment"]["SKYLIKE_WORKERS"] == "0"
    names = ("SKYLIKE_JOBS_DIR", "SKYLIKE_DATABASE_URL")
    assert [worker["environment"][n] for n in names] == [service["environment"][n] for n in names]


def test_strangers_may_not_upload_unless_that_is_switched_on(compose, dockerfile):
    environment = compose["services"]["service"]["environment"]
    assert environment["SKYLIKE_UPLOAD_ANONYMOUS"] == "${SKYLIKE_UPLOAD_ANONYMOUS:-false}"
    assert "SKYLIKE_HOST=0.0.0.0" in dockerfile


def test_the_service_starts_after_the_seed_and_is_healthy_when_ready(compose):
    service = compose["services"]["service"]
    assert service["depends_on"]["seed"]["condition"] == "service_completed_successfully"
    assert "/readyz" in " ".join(service["healthcheck"]["test"])


def test_no_password_stands_in_the_compose_file(compose):
    for name, service in compose["services"].items():
        for key, value in service["environment"].items():
            assert "password" not in key.lower() or key.endswith("_FILE"), (name, key)
            assert not re.search(r"://[^/@]*:[^/@]*@", value), (name, key)


def test_every_named_volume_network_secret_and_target_exists(compose, dockerfile):
    for service in compose["services"].values():
        assert set(service["networks"]) <= compose["networks"].keys()
        assert set(service["secrets"]) <= compose["secrets"].keys()
        assert {v.split(":")[0] for v in service["volumes"]} <= compose["volumes"].keys()
        assert set(service.get("depends_on", ())) <= compose["services"].keys()
        if "build" in service:
            assert f"AS {service['build']['target']}\n" in dockerfile


def test_the_settings_in_the_compose_file_exist(compose):
    from service.settings import Settings

    known = {f"SKYLIKE_{name.upper()}" for name in Settings.model_fields} | {"SKYLIKE_DATABASE_PASSWORD_FILE"}
    for service in compose["services"].values():
        used = {key for key in service["environment"] if key.startswith("SKYLIKE_")}
        assert used <= known


def test_images_run_as_nobody_special_and_without_torch(dockerfile):
    assert re.search(r"^USER 10001:10001$", dockerfile, re.MULTILINE)
    assert not re.search(r"\[.*train.*\]|torch", dockerfile.split("FROM", 1)[1])


def test_what_the_recipe_copies_exists_and_reaches_the_builder(repository, dockerfile):
    ignore = (repository / "docker" / "service.Dockerfile.dockerignore").read_text().split()
    for line in re.findall(r"^COPY (?!--from)(.*)$", dockerfile, re.MULTILINE):
        *sources, _ = [word for word in line.split() if not word.startswith("--")]
        for source in sources:
            assert (repository / source).exists(), source
            assert f"!{source}" in ignore, source


def test_what_the_wheel_is_made_of_reaches_the_builder(repository, dockerfile):
    """The build ends at the first folder or file that pyproject.toml names and the recipe does not copy."""
    wheel = tomllib.loads((repository / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"][
        "wheel"
    ]
    copied = " ".join(re.findall(r"^COPY (?!--from)(.*)$", dockerfile, re.MULTILINE)).split()
    assert {*wheel["packages"], *wheel["force-include"]} - set(copied) == set()
