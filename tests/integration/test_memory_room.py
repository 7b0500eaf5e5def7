from __future__ import annotations

import pytest

from service.memory import PER_OBJECT, available_bytes, release_bytes

MEMINFO = "MemTotal:  8000000 kB\nMemFree: 100 kB\nMemAvailable:  3000 kB\n"


@pytest.fixture
def machine(tmp_path):
    (tmp_path / "meminfo").write_text(MEMINFO)
    (tmp_path / "cgroup").mkdir()
    return {"meminfo": tmp_path / "meminfo", "cgroup": tmp_path / "cgroup"}


def limit(machine, *, most, used, file):
    for name, text in (("max", most), ("current", used), ("stat", f"anon 1\nfile {file}")):
        (machine["cgroup"] / f"memory.{name}").write_text(f"{text}\n")


def test_without_a_container_the_machine_tells(machine):
    assert available_bytes(**machine) == 3000 * 1024
    limit(machine, most="max", used=5, file=0)
    assert available_bytes(**machine) == 3000 * 1024


def test_a_container_has_its_limit_less_what_is_not_of_files(machine):
    limit(machine, most=1_000_000, used=900_000, file=700_000)
    assert available_bytes(**machine) == 800_000


def test_nothing_is_known_where_nothing_tells(tmp_path):
    assert available_bytes(meminfo=tmp_path / "none", cgroup=tmp_path) is None


def test_objects_count_in_every_release(machine):
    assert release_bytes([1000, 10]) == 1010 * PER_OBJECT
