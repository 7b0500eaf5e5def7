"""Releases: built whole or not at all, checked before use."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import numpy as np
import orjson
import pytest
from support.tiny_survey import FakeEncoder, tiny_release, tiny_survey

from index.embed import embed_survey
from index.embeddings import EmbeddingMismatch, EmbeddingStore
from index.photoz import PhotoZUnavailable
from index.release import Release, hash_of_ids, verify_release
from index.releases import build_release, find_release, list_releases
from survey.archive import SurveyFolder
from survey.manifests import CorruptFolder, sha256_of
from survey.naming import BadName

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def parts(tiny_release_path):
    """The pieces that the shared release was built from."""
    data = tiny_release_path.parents[1]
    survey = SurveyFolder(data / "surveys" / "tiny")
    return survey, FakeEncoder(), EmbeddingStore.open(data / "embeddings" / "tiny--fake16")


@pytest.fixture
def copy(tiny_release_path, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(tiny_release_path, tmp_path / tiny_release_path.name)


def build(parts, folder, **options):
    survey, model, embeddings = parts
    return build_release(survey=survey, model=model, embeddings=embeddings, releases_dir=folder, **options)


def test_the_name_says_survey_model_and_time(parts, tmp_path):
    info = build(parts, tmp_path, now=NOW)
    assert info.id.startswith("tiny--fake16--20260102t030405-")
    assert info.created == "2026-01-02T03:04:05+00:00"


def test_of_two_releases_of_one_second_it_is_known_which_is_older(parts, tmp_path):
    times = [NOW.replace(microsecond=n) for n in (900_000, 20)]
    built = [build(parts, tmp_path / str(n), now=time).created for n, time in enumerate(times)]
    assert [datetime.fromisoformat(created) for created in built] == times
    assert sorted(built) == [built[1], built[0]]


def test_a_long_name_is_cut_to_64_characters(parts, tmp_path):
    survey, _model, _ = parts
    long = FakeEncoder(model_id="m" * 60)
    embed_survey(survey, long, tmp_path / "e", encoder=long)
    info = build((survey, long, EmbeddingStore.open(tmp_path / "e")), tmp_path, now=NOW)
    assert len(info.id) == 64
    assert Release.open(tmp_path / info.id).info.model_id == "m" * 60


def test_a_name_that_could_be_a_path_is_refused(parts, tmp_path):
    survey, _, _ = parts
    model = FakeEncoder(model_id="../up")
    embed_survey(survey, model, tmp_path / "e", encoder=model)
    with pytest.raises(BadName, match="is no name"):
        build((survey, model, EmbeddingStore.open(tmp_path / "e")), tmp_path / "releases")


def test_it_holds_every_embedded_object_once_and_counts_the_rejected(tiny, parts):
    survey, _, _embeddings = parts
    assert tiny.info.n == 118
    assert tiny.info.n_rejected == 2
    assert sorted(tiny.columns.ids) == sorted(survey.ids[:118])


def test_rows_follow_the_sky(tiny):
    assert np.all(np.diff(tiny.columns.array("hpx29")) >= 0)


def test_columns_and_vectors_speak_of_the_same_galaxy(tiny, parts):
    survey, _, embeddings = parts
    ids, vectors = embeddings.load()
    for row in (0, 50, 117):
        object_id = tiny.columns.ids[row]
        assert np.allclose(tiny.store.vector(row), vectors[ids.index(object_id)], atol=1e-6)
        expected = survey.objects.column("z_spec").to_pylist()[survey.row_of(object_id)]
        assert tiny.columns.take([row], ["z_spec"])["z_spec"] == [expected]


def test_each_vector_finds_itself_first(tiny):
    verify_release(tiny)
    hits = tiny.store.search(tiny.store.vectors(slice(None)), 1)
    assert hits.rows[:, 0].tolist() == list(range(tiny.info.n))


def test_the_graph_answers_like_a_search_without_the_galaxy_itself(tiny):
    hits = tiny.store.search(tiny.store.vectors(slice(None)), 11)
    others = hits.rows[:, 1:]
    assert np.array_equal(tiny.graph.rows[:, :10], others)
    rows, similarity = tiny.graph.of(3, 10)
    assert np.array_equal(similarity, hits.similarity[3, 1:])
    assert np.array_equal(rows, others[3])


def test_frozen_percentiles_and_redshifts_are_those_of_the_release(tiny):
    p = tiny.anomalies.score(tiny.store.vectors(slice(None))).p["density"]
    assert tiny.columns.array("anomaly_p") == pytest.approx(p, rel=1e-9)
    assert tiny.columns.array("anomaly_percentile") == pytest.approx(100 * (1 - p), rel=1e-6)
    found = tiny.photoz.estimate_rows([10]).columns["z_best"]
    assert tiny.columns.array("z_phot")[10] == pytest.approx(found[0], rel=1e-6)


def test_the_kernel_comes_back_from_the_manifest(tiny, parts, tmp_path):
    again = Release.open(tmp_path / build(parts, tmp_path).id)
    assert again.photoz.settings == tiny.photoz.settings
    asked = tiny.store.vector(4)[None]
    assert (
        again.photoz.estimate_many(asked).columns["z_best"]
        == (tiny.photoz.estimate_many(asked).columns["z_best"])
    )


def test_building_twice_gives_the_same_files(parts, tmp_path):
    first, second = build(parts, tmp_path / "a", now=NOW), build(parts, tmp_path / "b", now=NOW)
    manifests = [
        (tmp_path / f / i.id / "manifest.json").read_bytes() for f, i in (("a", first), ("b", second))
    ]
    assert manifests[0] == manifests[1]


def test_a_display_release_refuses_redshifts_with_the_reason(tmp_path):
    release = Release.open(tiny_release(tmp_path, name="rgb", kind="display", n=60))
    assert release.info.is_display
    assert np.isnan(release.columns.array("z_phot")).all()
    with pytest.raises(PhotoZUnavailable, match="display images carry no calibrated colours"):
        release.photoz.estimate_many(release.store.vector(0)[None])


def test_a_display_model_on_a_flux_survey_refuses_redshifts_too(tmp_path):
    release = Release.open(tiny_release(tmp_path, encoder=FakeEncoder(kind="display"), n=60))
    with pytest.raises(PhotoZUnavailable, match="display"):
        release.photoz.estimate_many(release.store.vector(0)[None])


def test_a_survey_without_spectra_refuses_redshifts(tmp_path):
    release = Release.open(tiny_release(tmp_path, n=30, spectra=False))
    with pytest.raises(PhotoZUnavailable, match="0 spectroscopic redshifts; at least 50"):
        release.photoz.estimate_many(release.store.vector(0)[None])


def test_a_survey_of_two_objects_can_be_searched(tmp_path):
    release = Release.open(tiny_release(tmp_path, n=2), verify="full")
    assert release.graph.rows.tolist() == [[1], [0]]
    assert np.isfinite(release.columns.array("anomaly_p")).all()


def test_embeddings_of_another_model_build_nothing(parts, tmp_path):
    survey, _, embeddings = parts
    with pytest.raises(EmbeddingMismatch):
        build((survey, FakeEncoder(seed=9), embeddings), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_verification_publishes_nothing(parts, tmp_path, monkeypatch):
    def fail(_release):
        raise CorruptFolder("does not find itself")

    monkeypatch.setattr("index.release.verify_release", fail)
    with pytest.raises(CorruptFolder):
        build(parts, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_newest_release_of_exactly_this_survey_and_model_is_found(parts, tmp_path):
    survey, model, _ = parts
    assert find_release(tmp_path, survey, model) is None
    build(parts, tmp_path, now=NOW)
    newer = build(parts, tmp_path, now=NOW.replace(year=2027))
    assert find_release(tmp_path, survey, model) == newer
    assert find_release(tmp_path, survey, FakeEncoder(seed=9)) is None
    other = tiny_survey(tmp_path / "other" / "tiny", n=10)
    assert find_release(tmp_path, other, model) is None


def test_unreadable_and_unfinished_folders_are_not_listed(parts, tmp_path):
    info = build(parts, tmp_path)
    shutil.copytree(tmp_path / info.id, tmp_path / ".left.staged")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "manifest.json").write_text('{"files": {}}')
    (tmp_path / "worse").mkdir()
    (tmp_path / "worse" / "manifest.json").write_text("{")
    assert list_releases(tmp_path) == [info]


@pytest.mark.parametrize(
    "name",
    [
        "vectors.f32",
        "columns.arrow",
        "anomalies.skops",
        "clusters.npz",
        "photoz.f16",
        "photoz_columns.arrow",
        "photoz_evidence.npy",
        "photoz_similarity.npy",
        "photoz_calibration.npz",
        "neighbours_rows.npy",
        "neighbours_similarity.npy",
    ],
)
def test_a_flipped_bit_in_any_file_is_refused(copy, name):
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 3] ^= 4
    (copy / name).write_bytes(data)
    with pytest.raises(CorruptFolder, match=name):
        Release.open(copy)


@pytest.mark.parametrize("name", ["vectors.f32", "columns.arrow"])
def test_a_truncated_or_missing_file_is_refused(copy, name):
    (copy / name).write_bytes((copy / name).read_bytes()[:-1])
    with pytest.raises(CorruptFolder, match=name):
        Release.open(copy)
    (copy / name).unlink()
    with pytest.raises(CorruptFolder, match=name):
        Release.open(copy)


def test_a_large_file_is_hashed_by_the_full_check(copy, monkeypatch):
    monkeypatch.setattr("index.release._QUICK_BYTES", 10)
    data = bytearray((copy / "vectors.f32").read_bytes())
    data[1000] ^= 1
    (copy / "vectors.f32").write_bytes(data)
    Release.open(copy)
    with pytest.raises(CorruptFolder, match=r"vectors\.f32"):
        Release.open(copy, verify="full")


def _forge(folder, **changes):
    """Rewrite manifest entries, as a careless script would."""
    path = folder / "manifest.json"
    path.write_bytes(orjson.dumps({**orjson.loads(path.read_bytes()), **changes}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n": 117}, "for 117 galaxies"),
        ({"ids_sha256": "0" * 64}, "ids of the columns"),
        ({"id": "tiny--other"}, "another release"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(copy, changes, message):
    _forge(copy, **changes)
    with pytest.raises(CorruptFolder, match=message):
        Release.open(copy)


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: {"mean": arrays["mean"][:5], "axes": arrays["axes"][:5]},
        lambda arrays: {"exemplars": arrays["exemplars"] + 10_000},
        lambda arrays: {"weights": arrays["weights"][:1]},
    ],
    ids=["dimension", "rows", "components"],
)
def test_clusters_of_another_release_are_refused(copy, change):
    path = copy / "clusters.npz"
    with np.load(path) as read:
        arrays = dict(read)
    np.savez(path, **{**arrays, **change(arrays)})
    manifest = orjson.loads((copy / "manifest.json").read_bytes())
    manifest["files"]["clusters.npz"] = sha256_of(path.read_bytes())
    manifest["sizes"]["clusters.npz"] = path.stat().st_size
    (copy / "manifest.json").write_bytes(orjson.dumps(manifest))
    with pytest.raises(CorruptFolder, match=r"clusters\.npz"):
        Release.open(copy)


def test_a_manifest_without_an_entry_is_refused(copy):
    manifest = orjson.loads((copy / "manifest.json").read_bytes())
    del manifest["metric"]
    (copy / "manifest.json").write_bytes(orjson.dumps(manifest))
    with pytest.raises(CorruptFolder, match="lacks 'metric'"):
        Release.open(copy)


def test_vectors_that_are_not_of_unit_norm_do_not_verify(tiny, monkeypatch):
    monkeypatch.setattr(tiny.store, "_vectors", tiny.store.vectors(slice(None)) * np.float32(1.001))
    with pytest.raises(CorruptFolder, match="does not find itself first"):
        verify_release(tiny)


def test_ids_hash_by_order_and_boundary():
    assert hash_of_ids(["a", "b"]) != hash_of_ids(["b", "a"])
    assert hash_of_ids(["ab"]) != hash_of_ids(["a", "b"])


def test_several_surveys_live_side_by_side(tiny_release_path, tmp_path):
    data = tmp_path / "data"
    first = tiny_release(data, name="one", n=30)
    second = tiny_release(data, name="two", n=40, seed=1)
    assert [info.survey for info in list_releases(data / "releases")] == ["one", "two"]
    assert (Release.open(first).info.n, Release.open(second).info.n) == (30, 40)
