"""The galaxies behind the demo survey are the real ones, cleaned as said."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from survey.extinction import SDSS_DR12_COEFFICIENTS
from survey.names import parse_iau_name
from survey.simulate import parents as parents_module
from survey.simulate.parents import MissingTable, read_parents, select_parents, table_path
from survey.simulate.population import draw_population
from survey.simulate.templates import sdss_templates
from survey.simulate.truth import fit_truth, move, shrink


@pytest.fixture(scope="module")
def parents():
    return read_parents()


@pytest.fixture(scope="module")
def few(parents):
    return parents.take(np.arange(0, len(parents), 100))


def test_the_table_is_cleaned_to_the_main_sample(parents):
    r = 22.5 - 2.5 * np.log10(parents.flux[:, 2])
    assert 9000 < len(parents) < 10000
    assert r.min() > 14.5
    assert r.max() < 17.77
    assert (parents.flux > 0).all()


def test_names_are_unique_and_stand_for_the_positions(parents):
    assert len(set(parents.names)) == len(parents)
    for row in range(0, len(parents), 500):
        box = parse_iau_name(parents.names[row])
        assert box.ra_min_deg <= parents.ra_deg[row] <= box.ra_max_deg
        assert box.dec_min_deg <= parents.dec_deg[row] <= box.dec_max_deg


def test_extinction_is_read_on_the_old_coefficients(parents):
    table = fits.getdata(table_path(), 1)
    assert table["EXTINCTION"][:, 2] / SDSS_DR12_COEFFICIENTS[2] == pytest.approx(
        table["EXTINCTION"][:, 0] / SDSS_DR12_COEFFICIENTS[0], rel=1e-4
    )
    assert parents.ebv.max() < 0.35


def test_rows_without_flux_or_error_are_dropped():
    flux, ivar = np.full((4, 5), 100.0), np.ones((4, 5))
    flux[1, 0], ivar[2, 3], flux[3, 2] = -1, 0, 10 ** (0.4 * (22.5 - 14.0))
    assert select_parents(flux, ivar).tolist() == [0]


def test_without_kcorrect_the_message_names_it(monkeypatch):
    monkeypatch.setattr(parents_module, "find_spec", lambda name: None)
    with pytest.raises(MissingTable, match="kcorrect"):
        table_path()


def test_shrinking_keeps_all_of_a_perfect_measurement_and_only_the_offset_of_a_useless_one():
    residual = np.random.default_rng(0).normal(0.1, 0.05, (50, 5))
    sigma = np.full(5, 0.03)
    assert shrink(residual, np.zeros((50, 5)), sigma) == pytest.approx(residual)
    assert shrink(residual, np.full((50, 5), 1e9), sigma) == pytest.approx(
        np.broadcast_to(np.median(residual, axis=0), (50, 5))
    )


def test_true_fluxes_differ_from_the_catalogue_by_its_noise(few):
    truth = fit_truth(few, sdss_templates())
    pull = (few.flux - truth.flux) * np.sqrt(few.ivar)
    assert np.all(np.median(np.abs(pull), axis=0) < 1.5)
    # Colour and luminosity of real galaxies: u - r from 1 to 3, M_r from -17 to -24.5.
    assert np.all((truth.rest_u_r > 0.8) & (truth.rest_u_r < 3.2))
    assert np.all((truth.abs_mag_r > -25) & (truth.abs_mag_r < -15))


def test_moving_to_the_same_place_changes_nothing_and_a_magnitude_is_a_factor_of_2_512(few):
    templates, rows = sdss_templates(), np.arange(len(few))
    truth = fit_truth(few, templates)
    assert move(truth, rows, z=truth.z, dmag=np.zeros(len(rows)), templates=templates).flux == pytest.approx(
        truth.flux
    )
    fainter = move(truth, rows, z=truth.z, dmag=np.ones(len(rows)), templates=templates)
    assert truth.flux / fainter.flux == pytest.approx(10**0.4)
    assert fainter.abs_mag_r - truth.abs_mag_r == pytest.approx(1.0)


def test_a_small_survey_takes_each_galaxy_once_and_as_it_is(few):
    drawn = draw_population(few, 60, seed=1, templates=sdss_templates())
    assert len({galaxy.object_id for galaxy in drawn}) == 60
    assert all(galaxy.object_id == galaxy.parent_id for galaxy in drawn)
    z_of = dict(zip(few.names, few.z_spec, strict=True))
    assert [galaxy.z for galaxy in drawn] == pytest.approx([z_of[galaxy.object_id] for galaxy in drawn])


def test_observed_flux_is_reddened_by_the_galaxy_s_own_dust(few):
    galaxy = max(draw_population(few, 60, seed=1, templates=sdss_templates()), key=lambda g: g.ebv)
    row = few.names.index(galaxy.object_id)
    # Schlafly & Finkbeiner 2011: A_u - A_r = (4.239 - 2.285) E(B-V).
    reddening = -2.5 * np.log10(galaxy.flux[0] / galaxy.flux[2])
    intrinsic = fit_truth(few, sdss_templates()).flux[row]
    assert reddening + 2.5 * np.log10(intrinsic[0] / intrinsic[2]) == pytest.approx(
        (4.239 - 2.285) * galaxy.ebv
    )


def test_a_large_survey_moves_copies_and_keeps_their_parent(few):
    drawn = draw_population(few, 3000, seed=2, templates=sdss_templates())
    z_of = dict(zip(few.names, few.z_spec, strict=True))
    shift = np.array([(g.z - z_of[g.parent_id]) / (1 + z_of[g.parent_id]) for g in drawn if g.z > 0.03])
    # N(0, 0.01), of which a little is cut off at z = 0.01.
    assert shift.std() == pytest.approx(0.01, rel=0.06)
    assert len({galaxy.object_id for galaxy in drawn}) == 3000
    assert not any(galaxy.object_id == galaxy.parent_id for galaxy in drawn)


def test_the_same_seed_draws_the_same_galaxies(few):
    ids = [
        [g.object_id for g in draw_population(few, 20, seed=s, templates=sdss_templates())] for s in (1, 1, 2)
    ]
    assert ids[0] == ids[1] != ids[2]


def test_an_empty_survey_is_refused(few):
    with pytest.raises(ValueError, match="at least one"):
        draw_population(few, 0, seed=1, templates=sdss_templates())
