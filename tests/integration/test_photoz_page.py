"""The photo-z page: its first line, the figures that are asked for, and what it says where something is not at hand."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

ASKED_FOR = {
    "sigma_mad_image",
    "sigma_mad_fair_rival",
    "coverage68",
    "coverage68_worst_cell",
    "flag_outlier_ratio_low95",
}


@pytest.fixture(scope="module")
def results():
    from photoz_controls import Permuted
    from photoz_curve import KNN
    from photoz_data import Galaxies
    from photoz_results import Results
    from photoz_rivals import neighbours
    from photoz_scores import Judging, judge

    from training.photoz_metrics import Measured

    rng = np.random.default_rng(0)
    n = 2400
    z, r = rng.uniform(0.05, 0.25, n), rng.uniform(15, 17.5, n)
    blue = rng.normal(0, 0.1, n)
    mags = np.stack([r + 2 + blue, r + 0.5 + 2 * z, r, r - 0.3 + blue, r - 0.5], axis=1)
    mags += rng.normal(0, 0.03, mags.shape)
    cuts = np.split(rng.permutation(n), [600, 700, 1500])
    parts = dict(zip(("train", "validation", "calibrate", "test"), cuts, strict=True))
    galaxies = Galaxies(
        "some", [f"g{k}" for k in range(n)], z, mags, np.array([f"p{k // 2}" for k in range(n)]), parts
    )
    judging = Judging.of(galaxies, parts["test"], n_draws=5)
    knn = judge(neighbours(galaxies, mags, name="knn_measured"), judging)
    trees = replace(knn, name="gbm_measured")
    ratio = Measured(1.08, 0.01, 1.06, 1.1)
    return Results(
        survey=galaxies,
        judging=judging,
        models=[replace(knn, name="net", start="pretrained")],
        rivals={"knn_measured": knn, "gbm_measured": trees},
        reference={},
        curves={KNN: {100: (0.016, 0.001), 1000: (0.014, 0.0)}, "image, scratch": {100: (0.05, 0.0)}},
        permutation=[Permuted("net", 1000, 0.0120, 0.01296, ratio)],
        shifts={"net": {"star": (0.95, 100)}},
        real=[],
        command="python benchmarks/photoz.py",
    )


@pytest.fixture(scope="module")
def written(results, tmp_path_factory):
    import figures
    import photoz_plots
    from photoz_page import write

    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(figures, "RESULTS", folder)
        patched.setattr(photoz_plots, "RESULTS", folder)
        write("photoz", results)
    told = {entry["id"]: entry for entry in json.loads((folder / "photoz.json").read_text())["figures"]}
    return (folder / "photoz.md").read_text(), told, folder


def test_the_page_begins_by_saying_what_it_is_and_tells_what_was_asked(written):
    text, told, folder = written
    assert text.splitlines()[0] == "Machinery test: real redshifts and colours, rendered pixels."
    assert set(told) >= ASKED_FOR
    assert told["auroc_star"]["value"] == 0.95
    assert told["sigma_mad_scratch_100_labels"]["against"] == {"knn": 0.016}
    pictures = {path.name for path in folder.glob("*.png")}
    assert pictures == {"photoz_labels.png", "photoz_calibration.png"}
    assert all(f"({name})" in text for name in pictures)


def test_a_gain_that_moves_with_the_shapes_is_called_a_leak(written):
    assert "counts as a leak" in written[0]


def test_a_single_draw_has_no_scatter_and_a_bias_no_better_side(written):
    text, told, _ = written
    assert "| 0.0160 ± 0.0010 | 0.0140 |" in text
    assert "| 0.0500 | – |" in text
    assert told["bias_mean_image"]["better"] == ""


def test_flagged_galaxies_are_those_that_the_page_names(results, written):
    from photoz_scores import FLAGS

    from index.photoz_columns import flag_names

    named = written[0].split("Flagged: ")[1].split(";")[0].replace(" or ", ", ").split(", ")
    assert sorted(named) == sorted(flag_names(int(FLAGS)))
    # A calibration alone knows no neighbours, hence no disagreement.
    assert "disagreement" not in named


def test_what_is_not_at_hand_is_said_so(written):
    assert written[0].count("no file at hand") >= 2
    assert "not at hand" in written[0].split("## A look at the real sky")[1]


def test_no_figure_is_told_twice(written):
    text = written[0].split("## All figures")[1]
    ids = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]
    assert len(ids) == len(set(ids)) == len(written[1])
