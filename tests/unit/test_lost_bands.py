"""What training makes of a lost band or a small stamp is what an upload without it becomes."""

import numpy as np
import pytest
from scipy.stats import spearmanr

torch = pytest.importorskip("torch", reason="torch is in the extra [train]")

from index.domain import Domain  # noqa: E402
from survey.bands import BAND_SETS  # noqa: E402
from survey.contract import InputContract  # noqa: E402
from survey.cutout import Cutout  # noqa: E402
from survey.measures import measure  # noqa: E402
from survey.photometry import flux_to_asinh_mag  # noqa: E402
from training.augment.flux import MaskBorder  # noqa: E402
from training.augment.missing import DropBand, UsualBands  # noqa: E402
from training.augment.recipe import build_changes  # noqa: E402
from training.config import BadConfig, ChangeConfig  # noqa: E402

BANDS = BAND_SETS["sdss-ugriz"]
SIDE, N = 84, 200
CONTRACT = InputContract(BANDS, 0.396, SIDE, 64, "asinh", (0.1,) * 5)
# Low enough that the service's grain, the same for every image, hardly counts in the aperture of the faint u band.
NOISE = np.array([0.015, 0.02, 0.03, 0.05, 0.15], dtype=np.float32)


def cutout(flux, mask=None):
    return Cutout(flux=flux.astype(np.float32), bands=BANDS, pixel_scale_arcsec=0.396, ebv=0.0, mask=mask)


@pytest.fixture(scope="module")
def galaxies():
    """Round galaxies whose magnitudes are Gaussian, colours following brightness in straight lines."""
    rng = np.random.default_rng(3)
    r_mag = rng.normal(16.5, 0.5, N)
    slopes, colours = np.array([1.3, 1.1, 1.0, 0.95, 0.9]), np.array([2.4, 0.8, 0.0, -0.4, -0.7])
    magnitudes = 17 + slopes * (r_mag[:, None] - 17) + colours + rng.normal(0, 0.05, (N, 5))
    total = 10 ** (-0.4 * (magnitudes - 22.5))
    axis = np.arange(SIDE) - (SIDE - 1) / 2
    width = rng.uniform(2, 6, N)[:, None, None]
    shape = np.exp(-0.5 * (axis[None, :, None] ** 2 + axis[None, None, :] ** 2) / width**2)
    flux = total[:, :, None, None] * (shape / shape.sum(axis=(1, 2), keepdims=True))[:, None]
    return (flux + rng.normal(0, 1, flux.shape) * NOISE[:, None, None]).astype(np.float32)


@pytest.fixture(scope="module")
def domain(galaxies):
    whole = np.ones(galaxies.shape[1:], dtype=bool)
    return Domain.fitted([measure(field, whole, BANDS, 0.396) for field in galaxies])


def uploaded(domain, flux, lost):
    """Return what the service makes of galaxies that come without some bands."""
    fields = []
    for image in flux:
        mask = np.broadcast_to(np.isin(np.arange(5), lost)[:, None, None], image.shape)
        calibrated = CONTRACT.calibrate(cutout(np.where(mask, np.nan, image), mask))
        assert "band_missing" in calibrated.flags
        measures = domain.measure(calibrated.field, calibrated.known)
        fields.append(domain.fill(measures, calibrated.field, calibrated.known)[0])
    return np.stack(fields)


def trained(flux, lost, sample):
    is_lost = torch.zeros(len(flux), 5, dtype=torch.bool)
    is_lost[:, lost] = True
    change = DropBand(UsualBands.fitted(sample, CONTRACT))
    return change.filled(torch.from_numpy(flux), is_lost, torch.Generator().manual_seed(1)).numpy()


def aperture_magnitudes(planes):
    axis = np.arange(SIDE) - (SIDE - 1) / 2
    disc = np.hypot(axis[:, None], axis) <= 8
    return flux_to_asinh_mag((planes * disc).sum(axis=(-2, -1)), 1e-9)


@pytest.mark.parametrize("lost", [(0,), (2,), (4,), (0, 4)])
def test_a_lost_band_becomes_what_a_service_makes_of_it(galaxies, domain, lost):
    flux = galaxies[:40]
    real, mine = uploaded(domain, flux, lost), trained(flux, lost, galaxies)
    for band in lost:
        apart = aperture_magnitudes(mine[:, band]) - aperture_magnitudes(real[:, band])
        # The local line through 100 noisy neighbours scatters about the line through all; colours scatter by 0.05 mag.
        assert abs(np.median(apart)) < 0.02
        assert 1.4826 * np.median(np.abs(apart)) < 0.04
        # The same noise, from 40 frames of 25 px and more to a side.
        frames = [np.std(planes[:, band, :6]) for planes in (real, mine)]
        assert frames[0] == pytest.approx(frames[1], rel=0.05)
        # The same band lends its shape: where it is bright both have the same bumps.
        middle = (slice(None), band, slice(34, 50), slice(34, 50))
        assert spearmanr(real[middle].ravel(), mine[middle].ravel()).statistic > 0.9


def test_the_bands_that_are_there_stay_as_they_are(galaxies):
    mine = trained(galaxies[:5], (1,), galaxies)
    kept = [0, 2, 3, 4]
    assert np.array_equal(mine[:, kept], galaxies[:5, kept])


def test_what_is_lost_has_no_say_in_what_is_made_of_it(galaxies):
    without = galaxies[:5].copy()
    without[:, 3] = 1e3
    assert np.array_equal(trained(without, (3,), galaxies), trained(galaxies[:5], (3,), galaxies))


def test_up_to_so_many_bands_are_lost_and_never_all(galaxies):
    change = DropBand(UsualBands.fitted(galaxies, CONTRACT), most=3, probability=1.0)
    before = torch.from_numpy(galaxies[:, :, 20:64, 20:64].copy())
    after = change(before.clone(), torch.Generator().manual_seed(0))
    counts = (after != before).any(dim=(2, 3)).sum(dim=1)
    assert sorted(counts.unique().tolist()) == [1, 2, 3]
    # Evenly: four standard deviations of a binomial of 200 and 1/3.
    assert all(abs(int((counts == n).sum()) - 200 / 3) < 27 for n in (1, 2, 3))


@pytest.mark.parametrize("kept", [40, 52, 62])
def test_a_masked_border_is_what_a_small_stamp_becomes(galaxies, kept):
    start = (SIDE - kept) // 2
    stamp = galaxies[0][:, start : start + kept, start : start + kept]
    calibrated = CONTRACT.calibrate(cutout(stamp))
    assert "partial_field" in calibrated.flags
    masked = MaskBorder(kept, kept, 1.0)(torch.from_numpy(galaxies[:1].copy()), torch.Generator())
    assert np.array_equal(masked[0].numpy(), calibrated.field)


def test_a_lost_band_and_a_border_are_what_a_small_stamp_without_a_band_becomes(galaxies, domain):
    # Where the stamp has ended there is no band to lend its shape, and no noise is added.
    kept, start = 52, 16
    stamp = galaxies[0][:, start : start + kept, start : start + kept]
    mask = np.broadcast_to((np.arange(5) == 2)[:, None, None], stamp.shape)
    calibrated = CONTRACT.calibrate(cutout(np.where(mask, np.nan, stamp), mask))
    measures = domain.measure(calibrated.field, calibrated.known)
    real, _ = domain.fill(measures, calibrated.field, calibrated.known)
    mine = MaskBorder(kept, kept, 1.0)(
        torch.from_numpy(trained(galaxies[:1], (2,), galaxies)), torch.Generator()
    ).numpy()[0]
    assert np.array_equal(mine == 0, real == 0)
    assert abs(aperture_magnitudes(mine[2]) - aperture_magnitudes(real[2])) < 0.1


def test_a_configuration_that_drops_bands_needs_galaxies(galaxies):
    config = [ChangeConfig(name="drop-band", probability=0.2)]
    with pytest.raises(BadConfig, match="needs training galaxies"):
        build_changes(config, CONTRACT)
    with pytest.raises(BadConfig, match="too few galaxies"):
        build_changes(config, CONTRACT, lambda: galaxies[:20])
    (change,) = build_changes(config, CONTRACT, lambda: galaxies)
    assert change.probability == 0.2
