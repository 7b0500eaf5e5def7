"""Our figures of merit against those of qp-prob, on distributions of bins."""

import warnings

import numpy as np
import pytest

from index.pdf import RedshiftGrid
from training.pdf_metrics import cde_terms, pit_cvm, pit_ks, pit_values
from training.photoz_metrics import point_metrics

GRID = RedshiftGrid(0.4, 40)
N = 300


@pytest.fixture(scope="module")
def qp():
    # It imports what it may need, and some of that warns.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import qp
    return qp


@pytest.fixture(scope="module")
def bins():
    rng = np.random.default_rng(8)
    z = rng.uniform(0.03, 0.35, N)
    middle = z + rng.normal(0, 0.02, N)
    p = np.exp(-0.5 * ((GRID.centres[None] - middle[:, None]) / 0.02) ** 2) + 0.003
    return p / p.sum(axis=1, keepdims=True), z


@pytest.fixture(scope="module")
def ensemble(qp, bins):
    return qp.Ensemble(qp.hist, data={"bins": GRID.edges, "pdfs": bins[0] / GRID.width})


def test_pit_values_and_their_distances(qp, ensemble, bins):
    from qp.metrics.pit import PIT

    theirs = PIT(ensemble, bins[1])
    ours = pit_values(bins[0], GRID, bins[1])
    assert ours == pytest.approx(theirs.pit_samps, abs=1e-9)
    assert pit_ks(ours) == pytest.approx(theirs.evaluate_PIT_KS().statistic, abs=1e-9)
    assert pit_cvm(ours) == pytest.approx(theirs.evaluate_PIT_CvM().statistic / N, abs=1e-9)


def test_cde_loss(qp, ensemble, bins):
    from qp.metrics.concrete_metric_classes import CDELossMetric

    # It integrates by trapezia and takes the density at the nearest grid point: 32 points a bin, up to 1 % of one lost.
    fine = np.linspace(0, GRID.z_max, 40 * 32 + 1)[:-1] + GRID.width / 64
    theirs = CDELossMetric(eval_grid=fine).evaluate(ensemble, bins[1])
    assert cde_terms(*bins[:1], GRID, bins[1]).mean() == pytest.approx(float(np.squeeze(theirs)), rel=0.01)


def test_point_figures(qp, bins):
    from qp.metrics.point_estimate_metric_classes import (
        PointBias,
        PointOutlierRate,
        PointSigmaIQR,
        PointSigmaMAD,
    )

    rng = np.random.default_rng(3)
    z_phot = bins[1] + rng.standard_t(2, N) * 0.02
    ours = point_metrics(z_phot, bins[1])
    assert ours["bias_median"] == pytest.approx(PointBias().evaluate(z_phot, bins[1]))
    assert ours["sigma_iqr"] == pytest.approx(PointSigmaIQR().evaluate(z_phot, bins[1]))
    assert ours["outliers_rail"] == pytest.approx(PointOutlierRate().evaluate(z_phot, bins[1]))
    assert ours["sigma_mad"] == pytest.approx(PointSigmaMAD().evaluate(z_phot, bins[1]), rel=1e-3)
