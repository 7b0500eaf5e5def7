"""What `skylike index compare` says of two releases."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import orjson
import pytest
from support.clustered import clustered
from support.vector_release import vector_parts
from typer.testing import CliRunner

from index.overlap import compare_releases
from index.release import Release
from index.releases import build_release
from skylike.cli.index import app

N, D = 300, 12


def built(folder, vectors, n):
    parts = vector_parts(folder / f"part-{n}", vectors)
    day = datetime(2026, 1, 1 + n, tzinfo=UTC)
    info = build_release(**parts, releases_dir=folder / "releases", now=day)
    return Release.open(folder / "releases" / info.id)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Three releases of one model: of some vectors, of these with ten turned round, of the first 280 alone."""
    folder = tmp_path_factory.mktemp("data")
    vectors = clustered(N, D, seed=2)
    turned = vectors.copy()
    turned[:10] *= -1
    made = [built(folder, one, n) for n, one in enumerate((vectors, turned, vectors[:280]))]
    return folder, made


def brute_force(release, k):
    """The ids of the k nearest others of every id."""
    vectors, ids = release.store.vectors(slice(None)).astype(np.float64), release.columns.ids
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    return {i: {ids[n] for n in row} for i, row in zip(ids, order, strict=True)}


def test_a_release_agrees_with_itself(data):
    _, (first, *_) = data
    found = compare_releases(first, first)
    assert (found.mean, found.interval) == (1, (1, 1))
    assert (found.n_added, found.n_withdrawn, found.n_changed) == (0, 0, 0)
    assert found.most_changed() == []


@pytest.mark.parametrize("k", [1, 10, 150])
def test_shares_are_those_of_brute_force(data, k):
    _, (first, second, _) = data
    found = compare_releases(first, second, k=k)
    ours, theirs = brute_force(first, k), brute_force(second, k)
    expected = [len(ours[i] & theirs[i]) / k for i in found.ids]
    assert len(found.ids) == N
    assert found.shares == pytest.approx(expected)
    assert found.n_changed == 10


def test_what_one_of_them_lacks_is_counted_and_not_compared(data):
    _, (first, _, third) = data
    found = compare_releases(first, third)
    assert (found.n_both, found.n_added, found.n_withdrawn, found.n_changed) == (280, 0, 20, 0)
    assert set(found.ids) == set(third.columns.ids)


def test_a_sample_is_spread_over_the_ids_and_is_always_the_same(data):
    _, (first, second, _) = data
    found, again = (compare_releases(first, second, sample=30) for _ in range(2))
    assert len(found.ids) == 30
    assert found.ids == again.ids
    assert found.ids[0] == min(first.columns.ids)
    assert found.ids[-1] == max(first.columns.ids)


def test_the_command_tells_all_and_draws(data, tmp_path):
    folder, (first, second, _) = data
    plot = tmp_path / "overlap.png"
    arguments = ["compare", first.id, second.id, "--plot", str(plot), "--data-dir", str(folder)]
    result = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    told = orjson.loads(result.stdout)
    assert told["overlap"] == pytest.approx(compare_releases(first, second).mean)
    assert told["interval"][0] < told["overlap"] < told["interval"][1]
    assert told["most_changed"][0]["overlap"] == min(compare_releases(first, second).shares)
    assert plot.read_bytes()[:4] == b"\x89PNG"
    shown = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert "keeps 0.00" in shown.stdout


def test_releases_that_share_nothing_or_are_not_there_are_refused(data):
    folder, (first, *_) = data
    arguments = ["compare", first.id, "nothing", "--data-dir", str(folder)]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 1
    with pytest.raises(ValueError, match="at least 1"):
        compare_releases(first, first, k=0)
