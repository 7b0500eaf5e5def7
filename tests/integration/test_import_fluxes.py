"""Whose fluxes a survey holds: the table's in a known unit, else those measured on the pixels."""

import pytest
from astropy import units
from astropy.table import Table
from support.fits_files import cube

from survey.archive import SurveyInfo
from survey.sources import tables
from survey.sources.fits_folder import Choices, plan
from survey.sources.table_files import UnreadableTable

INFO = SurveyInfo("mine", "Mine", "flux")
BANDS = "grz"


@pytest.fixture
def planned(tmp_path):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "a.fits").write_bytes(cube())

    def make(unit=None, flux_unit=None, **columns):
        table = Table({"id": ["a"], **{name: [value] for name, value in columns.items()}})
        for name in columns:
            table[name].unit = unit
        table.write(tmp_path / "t.ecsv", overwrite=True)
        return plan([tmp_path / "c"], INFO, table=tmp_path / "t.ecsv", choices=Choices(flux_unit=flux_unit))

    return make


def measures(job) -> bool:
    return job.decoder.aperture_arcsec is not None


def test_a_flux_radius_is_no_flux(planned):
    job = planned(flux_radius=3.5, flux_auto=1.0)
    assert measures(job)
    assert job.rows.columns.column("flux_radius").to_pylist() == [3.5]


def test_fluxes_without_a_unit_are_set_aside_and_measured(planned):
    job = planned(**{f"flux_{b}": 7.0 for b in BANDS})
    assert measures(job)
    assert job.rows.columns.column("flux_r_user").to_pylist() == [7.0]
    assert "flux_r" not in job.rows.columns.column_names
    assert any("their unit is unknown (give `--flux-unit`)" in note for note in job.rows.notes)


def test_fluxes_of_some_bands_are_set_aside_and_measured(planned):
    job = planned(flux_unit="nanomaggy", flux_g=7.0, flux_ivar_g=1.0)
    assert measures(job)
    assert {"flux_g_user", "flux_ivar_g_user"} <= set(job.rows.columns.column_names)
    assert any("flux_r is not there" in note for note in job.rows.notes)


@pytest.mark.parametrize("told", [True, False])
def test_fluxes_of_all_bands_in_a_known_unit_are_kept_in_nanomaggies(planned, told):
    unit = {"flux_unit": "uJy"} if told else {"unit": units.uJy}
    job = planned(**unit, **{f"flux_{b}": 3.631 for b in BANDS}, flux_ivar_r=4.0)
    assert not measures(job)
    # 3.631 microjansky is one nanomaggy.
    assert job.rows.columns.column("flux_r").to_pylist() == pytest.approx([1.0])
    assert job.rows.columns.column("flux_ivar_r").to_pylist() == pytest.approx([4.0 * 3.631**2])


def test_a_flux_unit_that_is_none_is_refused(planned):
    with pytest.raises(UnreadableTable, match="--flux-unit 'counts' is unknown"):
        planned(flux_unit="counts", flux_r=1.0)


def test_a_catalogues_flux_without_a_unit_is_no_nanomaggy(tmp_path):
    (tmp_path / "t.csv").write_text("id,ra,dec,flux_r\na,10,20,5\n")
    job = tables.plan(tmp_path / "t.csv", SurveyInfo("c", "C", "catalogue"))
    assert job.rows.columns.column("flux_r_user").to_pylist() == [5]
