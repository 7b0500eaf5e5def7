"""A survey with supplements reads like one folder that holds what is left of each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.tiny_survey import tiny_survey

from survey.archive import UnknownObject
from survey.bands import BandSet
from survey.updated import SupplementDiffers, UpdatedSurvey, check_supplement


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("surveys")
    base = tiny_survey(folder / "mine", n=20)
    first = tiny_survey(folder / "mine-a", n=6, seed=1, first=17)
    second = tiny_survey(folder / "mine-b", n=3, seed=2, first=21)
    return base, first, second


@pytest.fixture(scope="module")
def updated(parts):
    return UpdatedSurvey(parts[0], parts[1:], withdrawn=["J00003", "J00020"])


def test_every_object_is_that_of_the_last_part_that_has_it(updated, parts):
    expected = {i: part for part in parts for i in part.ids if i not in {"J00003", "J00020"}}
    assert sorted(updated.ids) == sorted(expected)
    assert len(updated) == len(expected)
    for object_id, part in expected.items():
        (cutout,), (own,) = updated.read([object_id]), part.read([object_id])
        assert np.array_equal(cutout.flux, own.flux)
        assert np.array_equal(cutout.ivar, own.ivar)
        assert cutout.ra_deg == own.ra_deg
        row = updated.row_of(object_id)
        assert updated.thumbnail(row) == part.thumbnail(part.row_of(object_id))
        assert updated.objects.column("z_spec")[row] == part.objects.column("z_spec")[part.row_of(object_id)]


def test_it_bears_the_name_and_hash_of_its_survey(updated, parts):
    assert updated.info.name == "mine"
    assert updated.sha256 == parts[0].sha256
    assert updated.read(["J00023"])[0].provenance["survey"] == "mine"


def test_withdrawn_objects_are_unknown(updated):
    for object_id in ("J00003", "J00020"):
        with pytest.raises(UnknownObject):
            updated.row_of(object_id)


def test_it_knows_what_of_its_survey_is_superseded(updated):
    assert updated.superseded == {"J00003", "J00017", "J00018", "J00019"}


def test_a_scan_reads_all_rows_in_order(updated):
    scanned = [(first, cutout) for first, cutouts in updated.scan(size=5) for cutout in cutouts]
    assert [cutout.provenance["object_id"] for _, cutout in scanned] == updated.ids


def test_its_version_is_another_for_other_supplements_or_withdrawn_ids(parts):
    made = [
        UpdatedSurvey(parts[0], supplements, withdrawn)
        for supplements, withdrawn in [((), ()), (parts[1:2], ()), (parts[1:], ()), ((), ("J00001",))]
    ]
    assert made[0].version == parts[0].sha256
    assert len({one.version for one in made}) == 4


def test_columns_that_a_part_lacks_are_null(parts, tmp_path):
    bare = tiny_survey(tmp_path / "bare", n=2, first=50, spectra=False)
    objects = UpdatedSurvey(parts[0], [bare]).objects
    assert objects.num_rows == 22
    assert objects.column("z_spec")[20:].null_count == 2


def test_a_survey_of_another_kind_is_no_supplement(parts, tmp_path):
    with pytest.raises(SupplementDiffers, match="has kind display, mine has flux"):
        check_supplement(parts[0], tiny_survey(tmp_path / "rgb", n=3, kind="display"))
    check_supplement(parts[0], parts[1])


def test_other_bands_are_told_by_their_names(parts, tmp_path):
    other = tiny_survey(tmp_path / "other", n=3)
    other.info = replace(other.info, bands=BandSet(other.info.bands.bands[:2]))
    with pytest.raises(
        SupplementDiffers, match="other has bands sdss:u, sdss:g, mine has sdss:u, sdss:g, sdss:r"
    ):
        check_supplement(parts[0], other)
