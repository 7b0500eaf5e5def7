"""An updated release answers like one that was built from what is left, at the cost of the difference."""

from __future__ import annotations

import numpy as np
import pytest
from support.tiny_survey import FakeEncoder, tiny_release, tiny_survey

from index.anomalies.model import AnomalyModel
from index.columns import COMPUTED_COLUMNS
from index.embed import embed_survey
from index.embeddings import EmbeddingStore
from index.estimates import INTEGERS
from index.release import Release, verify_release
from index.release_anomalies import carried_from
from index.releases import build_release, list_releases
from index.updates.columns import SupplementMismatch
from index.updates.release import NothingToUpdate, Supplement, update_release
from survey.archive import SurveyFolder, UnknownObject
from survey.manifests import CorruptFolder
from survey.updated import UpdatedSurvey

SCORES = [name for name in COMPUTED_COLUMNS if name.startswith("anomaly_p")]
WITHDRAWN = ["J00005", "J00060", "J00114"]


def supplement_of(data, survey):
    path = data / "embeddings" / f"{survey.info.name}--fake16"
    encoder = FakeEncoder()
    rejected = embed_survey(survey, encoder, path, encoder=encoder).rejected
    embeddings = EmbeddingStore.open(path)
    ids, vectors = embeddings.load()
    rows = [survey.row_of(i) for i in ids]
    return Supplement(
        survey.info.name, survey.sha256, ids, vectors, survey.objects.take(rows), embeddings.flags(), rejected
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    tiny_release(folder, n=160)
    return folder


@pytest.fixture(scope="module")
def base(data):
    (info,) = [info for info in list_releases(data / "releases") if info.update is None]
    return Release.open(data / "releases" / info.id)


@pytest.fixture(scope="module")
def supplement(data):
    # J00150 to J00159 are changed, the last of them without an image; J00160 to J00179 are new.
    def edit(flux):
        flux[9] = np.nan

    return supplement_of(data, tiny_survey(data / "surveys" / "tiny-b", n=30, seed=4, first=150, edit=edit))


@pytest.fixture(scope="module")
def updated(data, base, supplement):
    info = update_release(base, supplement, data / "releases", withdraw=WITHDRAWN)
    return Release.open(data / "releases" / info.id, verify="full")


@pytest.fixture(scope="module")
def rebuilt(data, base, updated, supplement, tmp_path_factory):
    """What a build of the same objects gives: the oracle."""
    surveys = [SurveyFolder(data / "surveys" / name) for name in ("tiny", "tiny-b")]
    whole = UpdatedSurvey(surveys[0], surveys[1:], WITHDRAWN)
    encoder, folder = FakeEncoder(), tmp_path_factory.mktemp("oracle")
    embed_survey(whole, encoder, folder / "embeddings", encoder=encoder)
    store = EmbeddingStore.open(folder / "embeddings")
    info = build_release(
        survey=whole,
        model=encoder,
        embeddings=store,
        releases_dir=folder,
        carried=carried_from(base.path, base.info),
    )
    return Release.open(folder / info.id)


def nearest(release, object_id, k):
    rows, similarity = release.graph.of(release.columns.row_of(object_id), k)
    return [release.columns.ids[row] for row in rows], similarity


def living(release):
    return [i for i, alive in zip(release.columns.ids, release.alive, strict=True) if alive]


def test_the_living_are_what_a_build_indexes(updated, rebuilt):
    assert sorted(living(updated)) == sorted(rebuilt.columns.ids)
    assert updated.info.n_galaxies == rebuilt.info.n == 176
    counts = updated.info.update
    assert (counts.added, counts.changed, counts.withdrawn, counts.n_withdrawn_rows) == (20, 10, 3, 13)


def test_neighbours_by_id_are_those_of_a_build(updated, rebuilt):
    for object_id in rebuilt.columns.ids:
        found, similarity = nearest(updated, object_id, 100)
        expected, theirs = nearest(rebuilt, object_id, 100)
        assert len(found) >= 50
        assert found == expected[: len(found)]
        assert np.array_equal(similarity, theirs[: len(found)])


def test_neighbours_by_vector_are_those_of_a_build(updated, rebuilt):
    queries = np.random.default_rng(2).normal(size=(40, 16)).astype(np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    found, expected = (release.engine.search(queries, 20).hits for release in (updated, rebuilt))
    ids, theirs = (
        [[r.columns.ids[n] for n in row] for row in hits.rows]
        for r, hits in ((updated, found), (rebuilt, expected))
    )
    assert ids == theirs
    assert np.array_equal(found.similarity, expected.similarity)


@pytest.mark.parametrize("name", SCORES)
def test_scores_are_those_of_a_build_and_old_ones_stay_to_the_last_bit(base, updated, rebuilt, name):
    # A fifth has been added, changed or withdrawn: the build keeps the model as the update does.
    rows = [updated.columns.row_of(i) for i in rebuilt.columns.ids]
    ours, theirs, before = (release.columns.array(name) for release in (updated, rebuilt, base))
    assert ours[rows] == pytest.approx(theirs, abs=1e-6)
    old = np.flatnonzero(updated.alive[: base.info.n])
    assert np.array_equal(ours[old], before[old])
    assert np.isnan(ours[~updated.alive]).all()


def test_a_build_without_the_model_before_fits_another(base, updated, rebuilt):
    assert rebuilt.anomalies.reference_ids == updated.anomalies.reference_ids == base.anomalies.reference_ids
    alone = AnomalyModel.fitted(rebuilt.columns.ids, rebuilt.store.vectors(slice(None)), seed=0)
    scores = alone.score(rebuilt.store.vectors(slice(None))).p["density"]
    assert np.abs(scores - rebuilt.columns.array("anomaly_p")).max() > 1e-3


def test_evidence_of_redshifts_is_that_of_a_build(updated, rebuilt):
    # The kernel stays the base's; whom it asks is what a build would ask.
    k = updated.photoz.settings.k
    for object_id in rebuilt.columns.ids:
        (ours, mine), (theirs, other) = (
            (release, release.photoz.estimate_rows([release.columns.row_of(object_id)]).evidence.of(0)[0])
            for release in (updated, rebuilt)
        )
        n = min(k, len(other))
        assert [ours.columns.ids[row] for row in mine[:n]] == [theirs.columns.ids[row] for row in other[:n]]


def test_redshifts_where_no_neighbour_changed_are_kept_bit_for_bit(updated, base):
    for name, values in updated.photoz_columns().items():
        assert len(values) == updated.info.n
        before = base.photoz_columns()[name]
        gone = ~updated.alive[: base.info.n]
        assert name in INTEGERS or np.isnan(values[: base.info.n][gone]).all()
        same = [
            row
            for row in np.flatnonzero(~gone)
            if list(_evidence(updated, row)) == list(_evidence(base, row))
        ]
        assert same
        assert np.array_equal(values[same], before[same], equal_nan=True)


def _evidence(release, row):
    return release.photoz.estimate_rows([row]).evidence.of(0)[0]


def test_a_withdrawn_row_holds_its_id_and_nothing_else(updated):
    gone = np.flatnonzero(~updated.alive)
    assert len(gone) == 13
    for name, values in updated.columns.take(gone, updated.columns.names).items():
        assert all((value is None) == (name != "object_id") for value in values), name


def test_ids_lead_to_the_new_rows(updated, base, supplement):
    for n, object_id in enumerate(supplement.ids):
        row = updated.columns.row_of(object_id)
        assert row == base.info.n + n
        assert np.allclose(updated.store.vector(row), supplement.vectors[n], atol=1e-6)
    for object_id in (*WITHDRAWN, "J00159"):
        with pytest.raises(UnknownObject):
            updated.columns.row_of(object_id)


def test_what_does_not_change_is_linked_with_the_hashes_of_the_base(updated, base):
    linked = [p.name for p in base.path.iterdir() if (updated.path / p.name).stat().st_ino == p.stat().st_ino]
    assert "photoz_calibration.npz" in linked
    assert "vectors.f32" not in linked


def test_the_base_is_left_as_it_was(base, updated):
    assert Release.open(base.path, verify="full").sha256 == base.sha256
    assert updated.info.update.base_sha256 == base.sha256
    verify_release(updated)


def test_an_update_of_an_update_follows_from_both(data, updated):
    survey = tiny_survey(data / "surveys" / "tiny-c", n=6, seed=9, first=176)
    # One comes back that was withdrawn before, if a later supplement has it.
    back = tiny_survey(data / "surveys" / "tiny-d", n=1, seed=10, first=60)
    first = update_release(updated, supplement_of(data, survey), data / "releases")
    second = update_release(
        Release.open(data / "releases" / first.id), supplement_of(data, back), data / "releases"
    )
    release = Release.open(data / "releases" / second.id)
    assert [one["survey"] for one in second.update.supplements] == ["tiny-b", "tiny-c", "tiny-d"]
    assert (first.update.added, first.update.changed, second.update.added) == (2, 4, 1)
    assert release.columns.row_of("J00060") == release.info.n - 1
    alive = np.flatnonzero(release.alive)
    hits = release.store.search(release.store.vectors(alive), 51, allowed=release.alive)
    for row, rows in zip(alive, hits.rows, strict=True):
        assert np.array_equal(release.graph.of(row, 50)[0], rows[rows != row])


def test_withdrawing_alone_needs_no_supplement(data, base):
    info = update_release(base, None, data / "releases", withdraw=["J00001"])
    release = Release.open(data / "releases" / info.id)
    assert info.n == base.info.n
    assert "J00001" not in living(release)
    assert info.update.supplements == []


def test_what_cannot_be_is_refused_and_leaves_nothing(data, base, supplement):
    before = sorted(p.name for p in (data / "releases").iterdir())
    with pytest.raises(UnknownObject, match="no object 'nobody' to withdraw"):
        update_release(base, None, data / "releases", withdraw=["nobody"])
    with pytest.raises(NothingToUpdate, match="nothing is added"):
        update_release(base, None, data / "releases")
    with pytest.raises(NothingToUpdate, match="'J00155' is in the supplement and to be withdrawn"):
        update_release(base, supplement, data / "releases", withdraw=["J00155"])
    with pytest.raises(NothingToUpdate, match="1 galaxies would remain"):
        update_release(base, None, data / "releases", withdraw=base.columns.ids[1:])
    spoilt = supplement.objects.set_column(
        supplement.objects.column_names.index("z_spec"), "z_spec", [["unknown"] * len(supplement.ids)]
    )
    with pytest.raises((SupplementMismatch, ValueError)):
        update_release(
            base,
            Supplement("s", "0" * 64, supplement.ids, supplement.vectors, spoilt, supplement.flags),
            data / "releases",
        )
    assert sorted(p.name for p in (data / "releases").iterdir()) == before


def test_a_damaged_list_of_withdrawn_rows_is_found(updated, tmp_path):
    import shutil

    copy = shutil.copytree(updated.path, tmp_path / updated.path.name)
    np.save(copy / "withdrawn.npy", np.array([0]))
    with pytest.raises(CorruptFolder, match=r"withdrawn\.npy"):
        Release.open(copy)
