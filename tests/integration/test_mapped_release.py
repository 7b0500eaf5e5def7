"""Processes on one data folder share the pages of a release: its large files are mapped, and nobody can write to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.release import Release

LARGE = ("vectors.f32", "columns.arrow", "neighbours_rows.npy", "neighbours_similarity.npy")


def mapped(folder: Path) -> dict[str, str]:
    """The rights of this process's mappings of files in a folder, as the kernel tells them."""
    lines = [line.split(maxsplit=5) for line in Path("/proc/self/maps").read_text().splitlines()]
    return {
        Path(parts[5]).name: parts[1]
        for parts in lines
        if len(parts) == 6 and Path(parts[5]).parent == folder
    }


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells")
def test_the_large_files_of_a_release_are_mapped_read_only(tiny_release_path):
    release = Release.open(tiny_release_path)
    assert release.store.n == len(release.graph.rows) == release.columns.n
    rights = mapped(tiny_release_path)
    # Shared or private: of pages that nobody writes to there is one copy.
    assert {name: rights.get(name, "")[:3] for name in LARGE} == dict.fromkeys(LARGE, "r--")
    for array in (release.store.vectors(slice(None)), release.graph.rows, release.graph.similarity):
        assert not array.flags.writeable
    numbers = release.columns._columns["ra_deg"]._values
    assert not numbers.flags.owndata
    assert not numbers.flags.writeable
