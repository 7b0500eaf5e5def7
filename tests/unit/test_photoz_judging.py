"""The judging of photo-z: what is read is what was written, scores are what they are called."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from photoz_curve import KNN, curves
from photoz_data import Galaxies, prediction_path, read_predictions
from photoz_redeal import redeal
from photoz_scores import Judged, Judging, auroc, judge, judge_points, outlier_ratio, ratio_of

from index.pdf import RedshiftGrid
from training.photoz_metrics import sigma_mad

GRID = RedshiftGrid(0.4, 80)
N = 4000


@pytest.fixture(scope="module")
def galaxies():
    rng = np.random.default_rng(0)
    z = rng.uniform(0.05, 0.25, N)
    r = rng.uniform(15, 17.5, N)
    mags = np.stack([r + 2, r + 0.5 + 2 * z + rng.normal(0, 0.03, N), r, r - 0.3, r - 0.5], axis=1)
    order = rng.permutation(N)
    cuts = dict(
        zip(("train", "validation", "calibrate", "test"), np.split(order, [1000, 1200, 2600]), strict=True)
    )
    parents = np.array([f"p{n // 2}" for n in range(N)])
    return Galaxies("some", [f"g{n}" for n in range(N)], z, mags, parents, cuts)


@pytest.fixture(scope="module")
def predicted(galaxies, tmp_path_factory):
    """Gaussian p(z) that claims half its real error."""
    rng = np.random.default_rng(1)
    folder = tmp_path_factory.mktemp("predictions")
    middle = galaxies.z + rng.normal(0, 0.02, N)
    places = np.concatenate([galaxies.parts[part] for part in ("test", "train", "calibrate")])
    logits = -0.5 * ((GRID.centres[None] - middle[places, None]) / 0.01) ** 2
    path = prediction_path(folder, "net-s0")
    path.parent.mkdir()
    whole = {
        "object_id": np.array([galaxies.ids[place] for place in places]),
        "part": np.repeat(
            ["test", "train", "calibrate"], [len(galaxies.parts[p]) for p in ("test", "train", "calibrate")]
        ),
        "logits": logits.astype(np.float32),
        "z_max": 0.4,
        "photometry": galaxies.mags[places][:, 1:3],
        "photometry_names": np.array(["g", "r"]),
        "features": galaxies.mags[places],
        "n_labels": 1000,
        "start": "pretrained",
    }
    np.savez(path, **whole)
    np.savez(prediction_path(folder, "net-s0-n100-scratch"), **{**whole, "n_labels": 100, "start": "scratch"})
    np.savez(prediction_path(folder, "network-s0"), **whole)
    np.savez(prediction_path(folder, "net-s0", "elsewhere"), **whole)
    return folder


@pytest.fixture(scope="module")
def judged(galaxies, predicted):
    judging = Judging.of(galaxies, galaxies.parts["test"], n_draws=40)
    return judge(read_predictions(prediction_path(predicted, "net-s0"), galaxies), judging)


def test_predictions_are_read_by_part_and_place(galaxies, predicted):
    told = read_predictions(prediction_path(predicted, "net-s0"), galaxies)
    assert told.places["test"].tolist() == galaxies.parts["test"].tolist()
    assert told.photometry["calibrate"] == pytest.approx(galaxies.mags[galaxies.parts["calibrate"]][:, 1:3])
    assert told.features["reference"] == pytest.approx(galaxies.mags[galaxies.parts["train"]])
    assert (told.n_labels, told.start, told.grid.n_bins) == (1000, "pretrained", 80)


def test_predictions_of_strangers_are_refused(galaxies, tmp_path):
    path = tmp_path / "other.npz"
    np.savez(path, object_id=["stranger"], part=["test"], logits=np.zeros((1, 80)), z_max=0.4)
    with pytest.raises(SystemExit, match="stranger"):
        read_predictions(path, galaxies)


def test_a_network_twice_too_sure_is_cooled_to_honest_intervals(judged):
    assert judged.calibration.temperature == pytest.approx(4, rel=0.15)
    # 1,400 to calibrate on and as many to judge: two standard deviations are 3.5, 2.3 and 1.6 %.
    for level, margin in ((68, 0.035), (90, 0.023), (95, 0.016)):
        assert judged.coverage(level).value == pytest.approx(level / 100, abs=margin)
    assert judged.metrics["sigma_mad"].value == pytest.approx(0.02 / 1.15, rel=0.08)
    assert judged.metrics["pit_ks"].value < 0.05
    # Of a Gaussian of sigma 0.02 the middle 68 % are 0.0398 wide.
    assert judged.width(68) == pytest.approx(0.0398, rel=0.08)


def test_predictions_of_fewer_galaxies_are_refused(galaxies, predicted):
    told = read_predictions(prediction_path(predicted, "net-s0"), galaxies)
    more = Judging.of(galaxies, np.append(galaxies.parts["test"], galaxies.parts["train"][0]), n_draws=2)
    with pytest.raises(SystemExit, match="nothing of 1 of 1401"):
        judge(told, more)


def test_a_model_is_once_as_bad_as_itself(judged):
    found = ratio_of(sigma_mad, judged, judged)
    assert (found.value, found.low, found.high) == (1, 1, 1)


def test_outliers_among_the_flagged_are_compared_with_the_others(galaxies):
    judging = Judging.of(galaxies, galaxies.parts["test"][:100], n_draws=30)
    dz = np.zeros(100)
    dz[:4] = dz[10:13] = 0.2
    point = judging.z + dz * (1 + judging.z)
    judged = judge_points("some", point, judging)
    flagged = np.arange(100) < 10
    # 4 of 10 flagged, 3 of 90 others.
    assert outlier_ratio(judged, flagged).value == pytest.approx(0.4 / (3 / 90))
    assert isinstance(judged, Judged)


def test_auroc_counts_ties_half_and_what_has_no_distance_as_farthest():
    assert auroc([1, 2], [3, 4]) == 1
    assert auroc([1, 2], [1, 2]) == 0.5
    assert auroc([1, 3], [2, np.nan]) == 0.75


def test_a_label_curve_takes_the_runs_of_its_own_model_only(galaxies, predicted, judged):
    found = curves(predicted, galaxies, judged.judging, [judged])
    assert set(found) == {KNN, "image, pretrained", "image, scratch"}
    assert list(found["image, pretrained"]) == [1000]
    assert list(found["image, scratch"]) == [100]
    assert found["image, scratch"][100] == (pytest.approx(judged.metrics["sigma_mad"].value, rel=0.03), 0)
    assert list(found[KNN]) == [100, 300, 1000]


def test_the_released_graph_of_a_run_is_no_second_draw_of_it(galaxies, predicted, judged, tmp_path):
    folder = prediction_path(tmp_path, "net").parent
    folder.mkdir()
    run = dict(np.load(prediction_path(predicted, "net-s0")))
    np.savez(folder / "net-s0.npz", **run)
    alone = curves(tmp_path, galaxies, judged.judging, [judged])["image, pretrained"]
    np.savez(folder / "net.npz", **{**run, "logits": np.zeros_like(run["logits"])})
    assert curves(tmp_path, galaxies, judged.judging, [judged])["image, pretrained"] == alone


def test_nearly_all_spectra_are_all_and_half_of_them_are_half(galaxies, predicted, judged, tmp_path):
    folder = prediction_path(tmp_path, "net").parent
    folder.mkdir()
    run = dict(np.load(prediction_path(predicted, "net-s0")))
    np.savez(folder / "net-s0.npz", **{**run, "n_labels": 995})
    np.savez(folder / "net-s0-n500.npz", **{**run, "n_labels": 500})
    assert list(curves(tmp_path, galaxies, judged.judging, [judged])["image, pretrained"]) == [500, 1000]


def test_dealing_anew_finds_the_nominal_coverage_and_the_scatter_of_parents():
    rng = np.random.default_rng(7)
    # 600 parents of eight renderings that err alike, in cells by parent: what one parent does counts once.
    scores, cells = np.repeat(rng.uniform(0, 0.5, 600), 8), np.repeat(rng.integers(0, 10, 600), 8)
    found = redeal(scores, cells, np.repeat(np.arange(600), 8))
    # A quantile of thirty different values lies up to 1/31 off.
    assert found.overall == pytest.approx([0.68, 0.90, 0.95], abs=1 / 31)
    assert found.in_cells.mean(axis=0) == pytest.approx([0.68, 0.90, 0.95], abs=1 / 31)
    # Thirty parents learn and thirty count in a cell: sqrt(0.68 0.32 (1/30 + 1/30)) = 0.12.
    assert found.in_cells_sd[:, 0].mean() == pytest.approx(0.12, rel=0.2)
    assert found.passed[0] < 0.05
