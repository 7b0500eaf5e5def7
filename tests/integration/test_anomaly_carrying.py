"""Scores stay what they are while a catalogue grows, unless they are asked to be made anew."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from support.index_command import ask, run
from support.tiny_survey import tiny_survey

from index.catalogue.activation import list_active
from index.columns import COMPUTED_COLUMNS
from index.release import Release

SCORES = [name for name in COMPUTED_COLUMNS if name.startswith("anomaly_p")]


def active(data_dir):
    (row,) = ask(data_dir, list_active)
    return Release.open(data_dir / "releases" / row.id)


def scores(release):
    """Return scores by id and name."""
    columns = {name: release.columns.array(name) for name in SCORES}
    rows = {release.columns.ids[row]: row for row in release.galaxies.tolist()}
    return {object_id: [columns[name][row] for name in SCORES] for object_id, row in rows.items()}


def assert_kept(before, after):
    for object_id, values in before.items():
        assert after[object_id] == pytest.approx(values, abs=1e-6)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A survey, its release, and a supplement of a tenth."""
    from training.fixed import fit_fixed

    data_dir = tmp_path_factory.mktemp("data")
    survey = tiny_survey(data_dir / "surveys" / "tiny", n=60)
    tiny_survey(data_dir / "surveys" / "tiny-b", n=6, seed=7, first=60)
    fit_fixed("pca48", survey, out=data_dir / "models" / "pca48-tiny", model_id="pca48-tiny")
    run(data_dir, "build", "tiny", "--model", "pca48-tiny")
    return data_dir


@pytest.fixture
def data_dir(built, tmp_path):
    return shutil.copytree(built, tmp_path / "data")


def test_a_tenth_more_galaxies_by_an_update_and_then_a_build_change_no_score(data_dir):
    first = active(data_dir)
    before = scores(first)
    run(data_dir, "update", "tiny", "--with", "tiny-b")
    updated = active(data_dir)
    assert_kept(before, scores(updated))
    assert len(scores(updated)) == 66
    run(data_dir, "build", "tiny", "--model", "pca48-tiny")
    merged = active(data_dir)
    assert merged.id != updated.id
    assert merged.info.update.is_merged
    # The new ones too: they were scored by the same model.
    assert_kept(scores(updated), scores(merged))
    assert merged.anomalies.reference_ids == first.anomalies.reference_ids


def test_what_projects_embeddings_is_carried_over_with_the_model(data_dir):
    run(data_dir, "build", "tiny", "--model", "pca48-tiny", "--dimension", "12")
    first = active(data_dir)
    run(data_dir, "update", "tiny", "--with", "tiny-b")
    run(data_dir, "build", "tiny", "--model", "pca48-tiny")
    merged = active(data_dir)
    assert merged.info.dimension == merged.anomalies.dimension == 12
    assert np.array_equal(merged.projection.matrix, first.projection.matrix)
    assert_kept(scores(first), scores(merged))


def test_an_update_keeps_causes_clusters_and_places_and_gives_new_galaxies_theirs(data_dir):
    first = active(data_dir)
    run(data_dir, "update", "tiny", "--with", "tiny-b")
    updated = active(data_dir)
    assert len(updated.causes) == updated.info.n == 66
    for name in ("cause", "defects", "p_data_quality", "p_blend", "cluster", "map_x", "map_y"):
        before, after = first.columns.array(name), updated.columns.array(name)
        assert np.array_equal(after[:60], before)
        assert all(value is not None and value == value for value in after[60:].tolist())  # noqa: PLR0124 - not NaN
    assert updated.causes.of(63) is not None


def test_a_survey_imported_anew_with_more_galaxies_keeps_them_too(data_dir):
    before = scores(active(data_dir))
    one, two = (data_dir / "surveys" / name for name in ("tiny", "tiny-b"))
    grown = _grown(one, two)
    shutil.rmtree(one)
    shutil.copytree(grown, one)
    assert run(data_dir, "build", "tiny", "--model", "pca48-tiny")["n"] == 66
    assert_kept(before, scores(active(data_dir)))


def test_asked_to_it_fits_the_model_to_what_is_there_now(data_dir):
    run(data_dir, "update", "tiny", "--with", "tiny-b")
    before = scores(active(data_dir))
    report = run(data_dir, "build", "tiny", "--model", "pca48-tiny", "--refit-anomalies")
    assert report["is_new"]
    after = scores(active(data_dir))
    assert len(active(data_dir).anomalies.reference_ids) == 66
    assert np.abs(np.array([np.subtract(after[i], before[i]) for i in before])).max() > 1e-3


def test_a_damaged_model_is_said_to_be_left_behind(data_dir):
    run(data_dir, "update", "tiny", "--with", "tiny-b")
    release = active(data_dir)
    # A link to the file of the release before, which stays whole.
    data = bytearray((release.path / "anomalies.skops").read_bytes())
    data[len(data) // 2] ^= 1
    (release.path / "anomalies.skops").unlink()
    (release.path / "anomalies.skops").write_bytes(data)
    report = run(data_dir, "build", "tiny", "--model", "pca48-tiny")
    (said,) = report["left_behind"]
    assert said.startswith("scores are by a new anomaly model")
    assert release.id in said


def _grown(one, two):
    """Publish the objects of two surveys as one, called like the first."""
    from survey.archive import SurveyFolder
    from survey.publish import SurveyPart, publish_survey

    folders = [SurveyFolder(path) for path in (one, two)]
    parts = []
    for folder in folders:
        cutouts = folder.read(folder.ids)
        flux, ivar = (np.stack([getattr(cutout, name) for cutout in cutouts]) for name in ("flux", "ivar"))
        parts.append(SurveyPart(rows=folder.objects, flux=flux, ivar=ivar))
    path = one.parent / "grown" / one.name
    publish_survey(path, folders[0].info, parts, thumbnail=lambda cutout: b"")
    return path
