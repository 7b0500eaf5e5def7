"""The photo-z network: magnitudes are magnitudes, targets are redshifts, the graph says what the network says."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy.stats import norm

from index.pdf import RedshiftGrid, cde_loss
from survey.bands import BandSet
from survey.contract import InputContract
from training.models.apertures import LIGHT_PX, RADII_PX, Apertures, aperture_names
from training.models.photoz import PhotozHead, PhotozNetwork
from training.models.resnet import ResNet
from training.photoz_config import HeadConfig
from training.photoz_export import OUTPUTS, photoz_graph
from training.photoz_head import fit_head
from training.photoz_targets import cross_entropy, crps, smeared
from training.quantise import run_graph

CONTRACT = InputContract(
    bands=BandSet.from_ids(["sdss:u", "sdss:g", "sdss:r"]),
    pixel_scale_arcsec=0.396,
    field_px=64,
    input_px=64,
    stretch="asinh",
    softening=(0.05, 0.02, 0.03),
)
GRID = RedshiftGrid(0.4, 40)


def point(flux):
    """Inputs of a blurred point of so many nanomaggies in each band."""
    axis = np.arange(64) - 31.5
    image = np.exp(-0.5 * (axis[:, None] ** 2 + axis**2) / 1.5**2)
    image /= image.sum()
    fields = np.asarray(flux, dtype=np.float32)[:, :, None, None] * image.astype(np.float32)
    return torch.from_numpy(CONTRACT.finish(fields))


def network(**settings):
    torch.manual_seed(3)
    made = PhotozNetwork(ResNet(depth=18, bands=3, width=8), Apertures(CONTRACT), GRID, hidden=16, **settings)
    made.standardise(torch.randn(50, len(made.centre)) * 2 + 18)
    return made.eval()


def images(n=3, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(0, 2, (n, 3, 64, 64)).astype(np.float32))


def test_a_bright_source_has_its_magnitude_in_every_wide_aperture_and_in_its_own_light():
    magnitudes = Apertures(CONTRACT)(point([[100.0, 300.0, 1000.0]]))[0].numpy()
    expected = 22.5 - 2.5 * np.log10([100.0, 300.0, 1000.0])
    wide = RADII_PX.index(9.0)
    np.testing.assert_allclose(magnitudes[3 * wide : 3 * wide + 3], expected, atol=0.01)
    # Weighted by itself, blurred: sigma^2 grows from 1.5^2 to twice that, and the sum by the overlap of both.
    overlap = LIGHT_PX / (np.sqrt(4 * np.pi) * 1.5) * 2 * np.sqrt(2) / 3
    np.testing.assert_allclose(magnitudes[-3:], expected - 2.5 * np.log10(overlap), atol=0.05)


def test_colours_are_those_of_the_fluxes_in_every_aperture():
    magnitudes = Apertures(CONTRACT)(point([[200.0, 200.0, 800.0]]))[0].numpy().reshape(-1, 3)
    np.testing.assert_allclose(magnitudes[:, 1] - magnitudes[:, 2], 2.5 * np.log10(4), atol=0.01)


def test_no_light_is_a_finite_magnitude():
    assert torch.isfinite(Apertures(CONTRACT)(torch.zeros(1, 3, 64, 64))).all()


def test_magnitudes_do_not_turn_with_the_image():
    apertures, seen = Apertures(CONTRACT), images(2)
    np.testing.assert_allclose(apertures(seen), apertures(seen.rot90(1, (2, 3))), atol=1e-3)


def test_magnitudes_stay_exact_where_the_trunk_is_run_in_half_precision():
    some, seen = network(), point(np.random.default_rng(0).uniform(50, 500, (8, 3)))
    with torch.no_grad():
        exact = some.standardised(some.raw(seen))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            mixed = some.standardised(some.raw(seen))
    p = some.n_photometry
    torch.testing.assert_close(mixed[:, :p], exact[:, :p])


def test_every_magnitude_has_a_name():
    assert len(aperture_names(CONTRACT)) == Apertures(CONTRACT).n
    assert aperture_names(CONTRACT)[0] == "u_1.5px"
    assert aperture_names(CONTRACT)[-1] == "r_light"


def test_display_images_have_no_magnitudes():
    display = dataclasses.replace(CONTRACT, stretch="unit", softening=())
    with pytest.raises(ValueError, match="no flux"):
        Apertures(display)


def test_a_target_is_a_gaussian_over_the_bins():
    grid = RedshiftGrid(0.4, 180)
    target = smeared(np.array([0.1]), grid)[0].numpy()
    sigma = 0.005 * 1.1
    np.testing.assert_allclose(target, np.diff(norm.cdf(grid.edges, 0.1, sigma)), atol=1e-5)


def test_a_redshift_beyond_the_grid_lies_in_its_last_bin():
    assert smeared(np.array([3.0]), GRID, 1e-4)[0].argmax() == GRID.n_bins - 1


def test_crps_of_a_certain_answer_is_its_distance():
    # The CRPS of a point forecast is the absolute error.
    z, off = np.array([0.1]), 8
    logits = torch.full((1, GRID.n_bins), -50.0)
    logits[0, int(0.105 / GRID.width) + off] = 50.0
    found = crps(logits, smeared(z + 0.005, GRID, 1e-5), GRID)
    assert found.item() == pytest.approx(off * GRID.width, rel=1e-4)


def test_cross_entropy_is_least_at_the_target_itself():
    target = smeared(np.array([0.1, 0.2]), GRID, 0.01)
    at_best = cross_entropy(torch.log(target + 1e-12), target)
    assert at_best < cross_entropy(torch.log(smeared(np.array([0.11, 0.21]), GRID, 0.01) + 1e-12), target)


@pytest.mark.parametrize("kind", ["bins", "mixture"])
@pytest.mark.parametrize("views", [1, 8])
def test_the_graph_says_what_the_network_says(kind, views):
    made, seen = network(kind=kind), images()
    graph = photoz_graph(made, bands=3, input_px=64, n_bins=GRID.n_bins, views=views)
    logits, photometry, features = run_graph(graph, seen.numpy(), OUTPUTS)
    with torch.no_grad():
        raw = made.raw(seen)
        shares = [torch.softmax(made(view), dim=1) for view in ([seen] if views == 1 else orbit_of(seen))]
    expected = torch.stack(shares).mean(dim=0).numpy()
    found = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(found / found.sum(axis=1, keepdims=True), expected, atol=2e-5)
    np.testing.assert_allclose(photometry, raw[:, : made.apertures.n], atol=2e-4)
    np.testing.assert_allclose(features, made.standardised(raw), atol=2e-3)


def orbit_of(seen):
    turned = [seen.rot90(n, (2, 3)) for n in range(4)]
    return turned + [view.flip(3) for view in turned]


@pytest.mark.parametrize("settings", [{"ebv": True}])
def test_what_calibration_cannot_use_is_no_graph(settings):
    with pytest.raises(ValueError, match="cannot be exported"):
        photoz_graph(network(**settings), bands=3, input_px=64, n_bins=GRID.n_bins)


def test_a_mixture_is_a_distribution_over_the_bins():
    head = PhotozHead(4, GRID, hidden=8, kind="mixture")
    probability = torch.softmax(head(torch.randn(5, 4)), dim=1)
    torch.testing.assert_close(torch.exp(head(torch.randn(5, 4))).sum(dim=1), torch.ones(5), atol=0.2, rtol=0)
    assert probability.shape == (5, GRID.n_bins)


@pytest.mark.parametrize("kind", ["bins", "mixture"])
def test_a_head_learns_a_law_and_keeps_its_best_epoch(kind):
    rng = np.random.default_rng(1)
    features = torch.from_numpy(rng.normal(size=(600, 2)).astype(np.float32))
    z = 0.2 + 0.05 * features[:, 0].numpy()
    head = PhotozHead(2, GRID, hidden=16, kind=kind)

    def judge(head):
        with torch.no_grad():
            probability = torch.softmax(head(features).double(), dim=1).numpy()
        return cde_loss(probability, GRID, z)

    begun = judge(head)
    best = fit_head(
        head,
        HeadConfig(epochs=20, batch=64, learning_rate=5e-3),
        GRID,
        features=features,
        targets=smeared(z, GRID, 0.01),
        judge=judge,
        seed=0,
    )
    assert best == judge(head)
    # A Gaussian of width 0.011 has a CDE loss near -1 / (2 sqrt(pi) 0.011) = -25.6; the flat one -2.5.
    assert best < -15 < begun
