"""What a parsing child can no longer do, whoever took it over: the kernel says no, whatever is read."""

import ctypes
import json
import os
import subprocess
import sys

import pytest
from support.leading_votables import leading_votables

_TRIES = """
import json, os, socket, subprocess, sys, urllib.request
sys.path[:] = json.loads(sys.argv[1])
from service import sandbox_child, table_files, table_reader
from service.sandbox_preload import preload
preload()
folder = sys.argv[2]
server = os.getppid()
descriptor = os.open(f"{folder}/open", os.O_RDWR)
# The reader without its own check: what is left is the kernel.
table_files.check_votable = lambda data: None
sandbox_child._restrict(5)
def can(act):
    try:
        act()
    except Exception as error:
        return False
    return True
def reads(data):
    try:
        return table_reader.read_rows(bytes.fromhex(data), max_rows=50).rows.column(0).to_pylist()
    except Exception as error:
        return str(error)
# First: what follows would remove the file.
tables = {name: reads(data) for name, data in json.loads(sys.argv[3]).items()}
could = {
    "read": can(lambda: os.open(f"{folder}/secret", os.O_RDONLY)),
    "list": can(lambda: os.listdir(folder)),
    "truncate by open": can(lambda: os.open(f"{folder}/secret", os.O_WRONLY | os.O_TRUNC)),
    "truncate": can(lambda: os.truncate(f"{folder}/secret", 0)),
    "remove": can(lambda: os.unlink(f"{folder}/secret")),
    "rename": can(lambda: os.rename(f"{folder}/secret", f"{folder}/moved")),
    "make a folder": can(lambda: os.mkdir(f"{folder}/made")),
    "make a link": can(lambda: os.symlink("/", f"{folder}/link")),
    "open a socket": can(lambda: socket.socket()),
    "duplicate": can(lambda: os.dup(descriptor)),
    "start a program": can(lambda: subprocess.run(["/bin/true"])),
    "import": can(lambda: __import__("wave")),
    "fetch": can(lambda: urllib.request.urlopen(f"file://{folder}/secret")),
    "signal its parent": can(lambda: os.kill(server, 0)),
}
# What was open before is its job.
print(json.dumps({"could": could, "tables": tables, "open": os.read(descriptor, 4).decode()}))
"""
# Only Landlock forbids these; which version of it does, by the kernel's documentation.
_NEEDS = {
    "truncate": 3,
    "remove": 1,
    "rename": 1,
    "make a folder": 1,
    "make a link": 1,
    "signal its parent": 6,
}


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    (folder / "secret").write_text("sixteen letters!" * 20)
    (folder / "open").write_text("job!")
    tables = {name: data.hex() for name, data in leading_votables(f"file://{folder}/secret").items()}
    done = subprocess.run(
        [sys.executable, "-c", _TRIES, json.dumps(sys.path), str(folder), json.dumps(tables)],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": os.defpath, "OPENBLAS_NUM_THREADS": "1"},
    )
    return json.loads(done.stdout)


def test_a_child_opens_nothing_and_starts_nothing_any_more(tried):
    version = ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1) if sys.platform == "linux" else 0
    able = {name for name, could in tried["could"].items() if could and version >= _NEEDS.get(name, 0)}
    assert able == set()


def test_what_was_open_stays_so(tried):
    assert tried["open"] == "job!"


@pytest.mark.parametrize("spelling", leading_votables("x"))
def test_even_a_reader_that_follows_reads_no_file(tried, spelling):
    assert "letters" not in json.dumps(tried["tables"][spelling])
    assert "damaged" in tried["tables"][spelling]
