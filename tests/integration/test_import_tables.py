"""A catalogue without images becomes a survey."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from survey.archive import SurveyInfo
from survey.names import iau_name
from survey.sources.importing import import_survey
from survey.sources.tables import plan

INFO = SurveyInfo("cat", "Catalogue", "catalogue")


def test_a_catalogue_keeps_order_and_tells_progress(tmp_path):
    (tmp_path / "t.csv").write_text("ra,dec,redshift\n30,1,0.1\n10,2,-999\n20,3,0.3\n")
    told = []
    made = import_survey(plan(tmp_path / "t.csv", INFO), tmp_path, progress=lambda *at: told.append(at))
    assert made.ids == [iau_name(30, 1), iau_name(10, 2), iau_name(20, 3)]
    assert made.objects.column("z_spec").to_pylist() == [0.1, None, 0.3]
    assert not made.has_cutouts
    assert told == [(3, 3)]


def test_the_prefix_of_made_names_is_the_users(tmp_path):
    (tmp_path / "t.csv").write_text("ra,dec\n30,1\n")
    assert (
        plan(tmp_path / "t.csv", INFO, prefix="KiDS")
        .rows.columns.column("object_id")[0]
        .as_py()
        .startswith("KiDS J02")
    )


@pytest.mark.realdata
def test_the_real_dr7_catalogue_becomes_120362_named_galaxies(shared_data, tmp_path):
    source = shared_data / "sdss_dr7_volume_limited_120k" / "catalog.parquet"
    made = import_survey(plan(source, INFO), tmp_path)
    assert len(made) == len(set(made.ids)) == 120_362
    assert made.ids[0] == "SDSS J112622.11-010315.9"
    given = pq.read_table(source)
    assert np.allclose(made.objects.column("ra_deg").to_numpy(), given.column("ra").to_numpy())
    assert all(made.objects.column(name).null_count == 0 for name in ("hpx29", "ebv", "z_spec"))
