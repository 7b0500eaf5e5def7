"""`skylike index build --map`, `index map` and `index clusters`."""

import csv
import json

import pytest
from support.index_command import run
from support.serving import copied
from support.tiny_survey import tiny_survey
from typer.testing import CliRunner

from index.maps import writing
from index.release import Release
from skylike import building
from skylike.cli.index import app


@pytest.fixture
def data(served_data, tmp_path):
    return copied(served_data, tmp_path / "data")


def _said(data_dir, *arguments):
    return CliRunner().invoke(app, [*arguments, "--data-dir", str(data_dir)], catch_exceptions=False)


def _released(data_dir, report):
    return Release.open(data_dir / "releases" / report["release"])


def test_a_map_that_is_asked_for_is_built_and_one_that_is_there_stays(data):
    first = run(data, "build", "tiny", "--map", "none")
    assert first["is_new"]
    assert _released(data, first).places is None
    assert "without one. Build it anew" in run(data, "map", "tiny", status=1)
    again = run(data, "build", "tiny", "--map", "none")
    assert (again["is_new"], again["release"]) == (False, first["release"])
    unasked = run(data, "build", "tiny")
    assert (unasked["is_new"], unasked["release"]) == (False, first["release"])
    last = run(data, "build", "tiny", "--map", "tsne")
    assert last["is_new"]
    # So few galaxies have no neighbourhoods to keep.
    assert _released(data, last).map["method"] == "pca"


def test_a_build_that_lacks_umap_says_so_and_what_to_do(data, monkeypatch):
    monkeypatch.setattr(writing, "has_umap", lambda: False)
    monkeypatch.setattr(writing, "_SMALL", 50)
    run(data, "build", "tiny", "--map", "none")
    said = _said(data, "build", "tiny", "--map", "umap")
    assert said.exit_code == 0
    assert "skylike[map]" in said.stderr
    assert "--map tsne" in said.stderr
    refused = run(data, "map", "tiny", status=1)
    assert "skylike[map]" in refused


def test_a_map_that_was_left_out_is_made_once_umap_is_there(data, monkeypatch):
    run(data, "build", "tiny", "--map", "none")
    with monkeypatch.context() as without:
        without.setattr(writing, "_SMALL", 50)
        for module in (writing, building):
            without.setattr(module, "has_umap", lambda: False)
        left_out = run(data, "build", "tiny", "--map", "umap")
        assert not run(data, "build", "tiny")["is_new"]
    monkeypatch.setattr(building, "has_umap", lambda: True)
    made = run(data, "build", "tiny")
    assert made["is_new"]
    assert made["left_behind"] == []
    assert left_out["left_behind"] != []
    assert _released(data, made).places is not None


def test_the_map_is_described_drawn_and_written(data, tmp_path):
    plot, points = tmp_path / "map.png", tmp_path / "points.csv"
    said = run(data, "map", "tiny", "--plot", str(plot), "--colour-by", "label", "--out", str(points))
    release = _released(data, said)
    assert (said["method"], said["n"]) == ("pca", release.info.n)
    assert plot.read_bytes().startswith(b"\x89PNG")
    rows = list(csv.DictReader(points.read_text().splitlines()))
    assert [row["object_id"] for row in rows] == release.columns.ids
    assert float(rows[3]["map_x"]) == pytest.approx(release.columns.array("map_x")[3], rel=1e-5)
    for column in ("z_spec", "cluster"):
        assert _said(data, "map", "tiny", "--plot", str(plot), "--colour-by", column).exit_code == 0


def test_a_column_that_is_not_there_and_a_file_of_no_format_are_refused(data, tmp_path):
    plot = ("--plot", str(tmp_path / "map.png"))
    assert "no column 'nonsense'" in run(data, "map", "tiny", *plot, "--colour-by", "nonsense", status=1)
    assert ".parquet" in run(data, "map", "tiny", "--out", str(tmp_path / "points.doc"), status=1)
    assert "tiny" in run(data, "map", status=1)
    assert "index build nowhere" in run(data, "clusters", "nowhere", status=1)


def test_clusters_are_listed_and_every_galaxy_is_written_with_its_own(data, tmp_path):
    out = tmp_path / "clusters.csv"
    said = run(data, "clusters", "tiny", "--out", str(out))
    release = _released(data, said)
    assert sum(one["size"] for one in said["clusters"]) == release.info.n
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [int(row["cluster"]) for row in rows] == release.columns.array("cluster").tolist()
    filtered = run(data, "clusters", "tiny", "--where", "z_spec:0.1..")
    assert filtered["n_total"] == (release.columns.array("z_spec") >= 0.1).sum()
    assert said["clusters"][0]["exemplars"][0] in _said(data, "clusters", "tiny").stdout


def test_a_release_without_clusters_says_why(tmp_path):
    tiny_survey(tmp_path / "surveys" / "few", n=6)
    run(tmp_path, "build", "few")
    said = _said(tmp_path, "clusters", "few")
    assert said.exit_code == 0
    assert "fewer than 20 galaxies" in said.stdout


def test_dense_groups_and_repeats_are_listed(data, tmp_path):
    dense = run(data, "clusters", "tiny", "--method", "hdbscan", "--out", str(tmp_path / "dense.parquet"))
    assert dense["n_in_none"] + sum(one["size"] for one in dense["clusters"]) == dense["n_total"]
    said = run(data, "clusters", "tiny", "--repeats")
    parents = _released(data, said).columns.array("parent_id")
    of = dict(zip(_released(data, said).columns.ids, parents, strict=True))
    # Objects 3k and 3k+1 are renderings of one galaxy.
    assert said["n_groups"] == 40
    for one in said["groups"]:
        assert "parent" in one["found_by"]
        assert len({of[name] for name in one["object_ids"]}) == 1
    assert json.loads(json.dumps(said)) == said
