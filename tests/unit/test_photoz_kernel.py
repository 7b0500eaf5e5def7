"""Photo-z from neighbours: who counts, and what is learned."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from index.kernel import neighbour_weights
from index.neighbours import build_graph
from index.photoz import KernelPhotoZ, PhotoZUnavailable
from index.photoz_columns import QUANTILE_LEVELS, Flag, flag_names
from index.spectroscopic import Spectroscopic
from index.vectors.exact import ExactStore

N = 400


def arc(n=N, seed=4):
    """Unit vectors along a great circle whose position is the redshift."""
    z = np.random.default_rng(seed).uniform(0.02, 0.35, n)
    angle = z * np.pi
    vectors = np.stack([np.cos(angle), np.sin(angle), np.zeros(n), np.zeros(n)], axis=1).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), z


def fitted(vectors, z, *, parents=None, graph_k=100, is_display=False):
    store = ExactStore(vectors)
    graph = build_graph(store, graph_k)
    return KernelPhotoZ.fitted(store, graph, Spectroscopic(z, parents), is_display=is_display)


@cache
def plain():
    vectors, z = arc()
    return vectors, z, fitted(vectors, z)


def test_where_the_embedding_knows_the_redshift_so_does_the_estimate():
    _, z, photoz = plain()
    found = photoz.estimate_rows(range(N)).columns["z_best"]
    assert np.median(np.abs(found - z) / (1 + z)) < 0.005


def evidence(estimates, n=0):
    return estimates.evidence.of(n)[0].tolist()


def flags(estimates, n=0):
    return flag_names(int(estimates.columns["z_flags"][n]))


def test_the_density_integrates_to_one_and_the_evidence_is_the_nearest_first():
    vectors, _, photoz = plain()
    estimates = photoz.estimate_many(vectors[7:8])
    assert estimates.density().sum() * estimates.grid.width == pytest.approx(1)
    rows, similarity = estimates.evidence.of(0)
    assert rows[0] == 7
    assert similarity[0] == pytest.approx(1, abs=1e-6)
    assert similarity.tolist() == sorted(similarity.tolist(), reverse=True)
    assert len(rows) == photoz.settings.k


def test_a_catalogued_galaxy_never_counts_its_own_spectrum():
    _, _, photoz = plain()
    assert 7 not in evidence(photoz.estimate_rows([7]))


def test_siblings_do_not_count_either():
    vectors, z = arc()
    vectors, z = np.repeat(vectors, 3, axis=0), np.repeat(z, 3)
    parents = np.array([f"P{n // 3}" for n in range(len(z))], dtype=object)
    photoz = fitted(vectors, z, parents=parents)
    for row in (0, 1, 500):
        found = set(evidence(photoz.estimate_rows([row])))
        assert found.isdisjoint(range(row // 3 * 3, row // 3 * 3 + 3))


def test_a_galaxy_without_a_parent_is_no_sibling_of_another():
    spectra = Spectroscopic(np.full(4, 0.1), np.array([None, None, "a", "a"], dtype=object))
    assert len(set(spectra._groups.tolist())) == 3


@pytest.mark.parametrize("share", [0.3, 0.06])
def test_neighbours_with_a_spectrum_are_found_exactly_however_rare_they_are(share):
    rng = np.random.default_rng(8)
    vectors, z = arc(1500)
    z_spec = np.where(rng.random(len(z)) < share, z, np.nan)
    known = np.flatnonzero(np.isfinite(z_spec))
    photoz = fitted(vectors, z_spec, graph_k=20)
    k = photoz.settings.k
    exact = vectors.astype(np.float64) @ vectors[known].astype(np.float64).T
    for row in (3, int(known[0]), 1499):
        order = known[np.argsort(-exact[row], kind="stable")]
        expected = [i for i in order if i != row][:k]
        assert evidence(photoz.estimate_rows([row])) == expected
        assert evidence(photoz.estimate_many(vectors[row : row + 1])) == order[:k].tolist()


def test_blocks_agree_with_single_estimates():
    _, _, photoz = plain()
    ((block, whole),) = photoz.blocks()
    assert block == slice(0, N)
    single = photoz.estimate_rows([5])
    for name, values in single.columns.items():
        assert values[0] == pytest.approx(whole.columns[name][5], nan_ok=True)


def test_a_galaxy_far_from_every_spectrum_is_flagged():
    vectors, _, photoz = plain()
    away = np.array([[0, 0, 0, 1]], np.float32)
    assert "out_of_support" in flags(photoz.estimate_many(away))
    assert "out_of_support" not in flags(photoz.estimate_many(vectors[200:201]))


def test_a_galaxy_with_no_neighbour_but_siblings_gets_the_whole_range():
    vectors, z, photoz = plain()
    parents = np.array(["one"] * N, dtype=object)
    store, spectra = ExactStore(vectors), Spectroscopic(z, parents)
    graph = build_graph(store, 100)
    settings = photoz.settings
    estimates = KernelPhotoZ(store, graph, spectra, settings=settings).estimate_rows([0])
    assert evidence(estimates) == []
    assert "few_spectra" in flags(estimates)
    assert np.isnan(estimates.columns["z_neighbours"][0])
    width = estimates.columns["z_u95"] - estimates.columns["z_l95"]
    assert width[0] == pytest.approx(0.95 * settings.z_max)


def test_display_images_are_refused_with_the_reason():
    vectors, z = arc()
    photoz = fitted(vectors, z, is_display=True)
    with pytest.raises(PhotoZUnavailable, match="display images carry no calibrated colours"):
        photoz.estimate_images(None, vectors[:1])
    with pytest.raises(PhotoZUnavailable, match="display"):
        next(photoz.blocks())


def test_fewer_than_fifty_spectra_are_refused_with_their_number():
    vectors, z = arc()
    z[49:] = np.nan
    with pytest.raises(PhotoZUnavailable, match="49 spectroscopic"):
        fitted(vectors, z).estimate_many(vectors[:1])


def test_failed_redshifts_are_no_spectra_and_slight_blueshifts_are_zero():
    spectra = Spectroscopic(np.array([-9.0, -0.001, np.nan, np.inf, 0.1]))
    assert spectra.rows.tolist() == [1, 4]
    assert spectra.z[1] == 0


def test_weights_fall_with_distance_and_sum_to_one():
    similarity = np.array([[0.99, 0.9, 0.8, 0.8], [1, 1, 1, 1]], np.float32)
    weights = neighbour_weights(similarity, np.array([3, 4]), 1.0)
    assert weights.sum(axis=1) == pytest.approx([1, 1])
    assert weights[0, 3] == 0
    assert weights[0, 0] > weights[0, 1] > weights[0, 2] > 0
    # At the last neighbour's own distance the weight is exp(-1/2) of that at distance 0.
    raw = np.exp(-0.5 * (2 - 2 * similarity[0, :3]) / (2 - 2 * similarity[0, 2]))
    assert weights[0, :3] == pytest.approx(raw / raw.sum(), rel=1e-5)
    assert weights[1] == pytest.approx([0.25] * 4)


@pytest.mark.parametrize("n", [1500, 2500, 3999])
def test_the_galaxies_that_judge_the_kernel_reach_over_all_rows(n, monkeypatch):
    vectors, z = arc(n)
    asked = []
    found = Spectroscopic.nearest_of_rows

    def spy(self, store, graph, rows, k):
        asked.append(rows)
        return found(self, store, graph, rows, k)

    monkeypatch.setattr(Spectroscopic, "nearest_of_rows", spy)
    settings = fitted(vectors, z).settings
    judged, calibrating = asked
    assert np.array_equal(np.unique(calibrating), calibrating)
    assert len(calibrating) == n
    assert settings.n_judged == len(judged) == min(n, 2000)
    assert (judged[0], judged[-1]) == (0, n - 1)
    assert np.diff(judged).max() <= np.ceil(n / 2000)


def test_what_an_upload_shows_is_left_out_with_its_siblings_however_many_they_are():
    vectors, z = arc(120)
    parents = np.array([f"P{n % 2}" for n in range(120)], dtype=object)
    photoz = fitted(vectors, z, parents=parents)
    left_out = photoz._spectra.same_galaxies([4])
    assert left_out.tolist() == list(range(0, 120, 2))
    found = evidence(photoz.estimate_many(vectors[4:5], without=left_out))
    assert found
    assert all(row % 2 for row in found)
    nothing = photoz.estimate_many(vectors[4:5], without=np.arange(120))
    assert evidence(nothing) == []
    assert flags(nothing) == ("out_of_support", "few_spectra", "uncalibrated")


def test_flags_that_the_caller_knows_are_raised():
    vectors, _, photoz = plain()
    found = photoz.estimate_images(None, vectors[:2], flags=np.array([0, int(Flag.MASKED)]))
    assert ["masked" in flags(found, n) for n in (0, 1)] == [False, True]


def test_estimates_end_in_the_calibration_of_the_release_s_own_spectra():
    _, z, photoz = plain()
    found = photoz.estimate_rows(range(N)).columns
    for ends, level in (("68", 0.68), ("90", 0.9), ("95", 0.95)):
        inside = (found[f"z_l{ends}"] <= z) & (z <= found[f"z_u{ends}"])
        # On the calibration galaxies themselves: the order statistic, to one galaxy.
        assert inside.mean() == pytest.approx(level, abs=2 / N)
    assert np.isfinite(found["z_conf"]).all()
    assert (found["support_percentile"] > 99).mean() == pytest.approx(0.01, abs=2 / N)
    assert photoz.calibration.n == N


def test_a_kernel_without_calibration_gives_plain_intervals_and_says_so():
    vectors, z, photoz = plain()
    store = ExactStore(vectors)
    bare = KernelPhotoZ(store, build_graph(store, 100), Spectroscopic(z), settings=photoz.settings)
    found, calibrated = bare.estimate_rows([5, 6]), photoz.estimate_rows([5, 6])
    assert "uncalibrated" in flags(found)
    assert np.isnan(found.columns["z_conf"]).all()
    assert found.columns["z_l68"] == pytest.approx(found.quantiles[:, QUANTILE_LEVELS.index(0.16)])
    assert found.probability == pytest.approx(calibrated.probability)
