"""The embedding job: resumed by shard, bound to survey and model, honest about what it rejects."""

from __future__ import annotations

import numpy as np
import pytest
from support.tiny_survey import FakeEncoder, tiny_survey

from index.embed import NothingToEmbed, describe_embeddings, embed_survey
from index.embeddings import BadEmbedding, EmbeddingMismatch, EmbeddingStore
from index.photoz_columns import Flag
from survey.archive import SurveyFolder, SurveyInfo
from survey.manifests import CorruptFolder
from survey.publish import SurveyPart, publish_survey


@pytest.fixture(scope="module")
def survey(tmp_path_factory) -> SurveyFolder:
    return tiny_survey(tmp_path_factory.mktemp("surveys") / "tiny", n=50, spoilt=2)


@pytest.fixture
def run(survey, tmp_path):
    def embed(encoder, *, survey=survey, path=tmp_path / "embeddings", **options):
        return embed_survey(survey, encoder, path, encoder=encoder, shard_size=20, batch=7, **options)

    return embed


class Interrupted(Exception):
    pass


def test_embeddings_come_back_in_survey_order_with_unit_norm(run, survey, tmp_path):
    encoder = FakeEncoder()
    run(encoder)
    ids, vectors = EmbeddingStore.open(tmp_path / "embeddings").load()
    assert ids == survey.ids[:48]
    assert np.allclose(np.linalg.norm(vectors.astype(np.float64), axis=1), 1, atol=1e-6)
    fields = np.stack([encoder.contract.calibrate(c).field for c in survey.read(ids[:5])])
    # Stored as float16: 11 significant bits of each component.
    assert np.allclose(vectors[:5], encoder.embed_fields(fields), atol=2**-10)


def test_rejected_objects_are_named_with_the_reason(run):
    report = run(FakeEncoder())
    assert report.n_embedded == 48
    assert set(report.rejected) == {"J00048", "J00049"}
    assert all("fits.masked" in reason for reason in report.rejected.values())


def test_a_second_run_does_nothing_and_still_names_the_rejected(run):
    run(FakeEncoder())
    encoder = FakeEncoder()
    report = run(encoder)
    assert (report.n_shards_done, report.n_embedded, encoder.calls) == (0, 48, 0)
    assert set(report.rejected) == {"J00048", "J00049"}


def test_an_interrupted_run_continues_with_the_shard_it_was_in(run, tmp_path):
    def stop(done, total):
        if done > 25:
            raise Interrupted

    with pytest.raises(Interrupted):
        run(FakeEncoder(), progress=stop)
    store = EmbeddingStore.open(tmp_path / "embeddings")
    assert [store.has_shard(n) for n in range(3)] == [True, False, False]
    assert not store.is_complete
    with pytest.raises(CorruptFolder, match="shard 1 of 3 is missing"):
        store.load()
    assert run(FakeEncoder()).n_shards_done == 2
    assert EmbeddingStore.open(tmp_path / "embeddings").is_complete


def test_progress_counts_up_to_all_objects_also_when_resumed(run, tmp_path):
    run(FakeEncoder())
    (tmp_path / "embeddings" / "shard-00001.parquet").unlink()
    seen = []
    run(FakeEncoder(), progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (37, 50)
    assert seen[-1] == (50, 50)


def test_a_damaged_shard_is_noticed_and_made_again(run, tmp_path):
    run(FakeEncoder())
    path = tmp_path / "embeddings" / "shard-00000.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptFolder, match="shard 0 of 3"):
        EmbeddingStore.open(tmp_path / "embeddings").load()
    assert run(FakeEncoder()).n_shards_done == 1


def test_embeddings_of_another_model_are_refused(run):
    run(FakeEncoder())
    with pytest.raises(EmbeddingMismatch, match="model_sha256"):
        run(FakeEncoder(seed=2))


def test_embeddings_of_another_survey_are_refused(run, tmp_path):
    run(FakeEncoder())
    other = tiny_survey(tmp_path / "other" / "tiny", n=50, seed=3)
    with pytest.raises(EmbeddingMismatch, match="survey_sha256"):
        run(FakeEncoder(), survey=other)


def test_an_unreadable_manifest_is_corrupt(run, tmp_path):
    run(FakeEncoder())
    (tmp_path / "embeddings" / "manifest.json").write_text("{")
    with pytest.raises(CorruptFolder, match="embed the survey again"):
        EmbeddingStore.open(tmp_path / "embeddings")


def test_an_encoder_without_a_direction_rejects_the_object(run):
    class Blind(FakeEncoder):
        def embed_fields(self, fields):
            vectors = super().embed_fields(fields)
            vectors[0] = np.nan
            return vectors

    report = run(Blind())
    assert "J00000" in report.rejected
    assert report.rejected["J00000"].startswith("model.no_embedding")


def test_a_survey_of_which_nothing_fits_is_refused(run, tmp_path):
    blank = tiny_survey(tmp_path / "blank", n=6, spoilt=6)
    with pytest.raises(NothingToEmbed, match="no object of survey blank fits"):
        run(FakeEncoder(), survey=blank)


def test_a_catalogue_cannot_be_embedded(run, tmp_path, survey):
    info = SurveyInfo(name="table", title="Table", kind="catalogue")
    table = publish_survey(tmp_path / "table", info, [SurveyPart(survey.objects)])
    with pytest.raises(NothingToEmbed, match="without images"):
        run(FakeEncoder(), survey=table)


@pytest.mark.parametrize(
    ("ids", "vectors", "message"),
    [
        (["a"], [[np.nan, 0.0]], "'a' is not a finite unit vector"),
        (["a", "b"], [[1.0, 0.0], [0.0, 0.5]], "'b' is not a finite unit vector"),
        (["a\x00b"], [[1.0, 0.0]], "NUL"),
        (["a"], [[1.0, 0.0, 0.0]], "shape"),
    ],
)
def test_what_cannot_be_searched_is_not_stored(survey, tmp_path, ids, vectors, message):
    info = describe_embeddings(survey, FakeEncoder(dimension=2))
    store = EmbeddingStore.create(tmp_path / "store", info)
    with pytest.raises(BadEmbedding, match=message):
        store.write_shard(0, ids, [None] * len(ids), np.array(vectors, np.float32))
    assert not store.has_shard(0)


def test_ids_of_any_script_survive(survey, tmp_path):
    info = describe_embeddings(survey, FakeEncoder(dimension=2))
    store = EmbeddingStore.create(tmp_path / "store", info)
    store.write_shard(0, ["Ünïcode ☆", "銀河"], [None, 5], np.array([[1, 0], [0, 1]], np.float32))
    assert EmbeddingStore.open(tmp_path / "store").load()[0] == ["Ünïcode ☆", "銀河"]


def test_what_was_wrong_with_a_cutout_is_kept_beside_its_embedding(run, tmp_path):
    spoilt = tiny_survey(tmp_path / "surveys" / "spoilt", n=30, edit=_spoil)
    run(FakeEncoder(), survey=spoilt)
    store = EmbeddingStore.open(tmp_path / "embeddings")
    ids, _ = store.load()
    flags = dict(zip(ids, store.flags().tolist(), strict=True))
    assert flags["J00003"] == Flag.BAND_MISSING
    assert flags["J00004"] == Flag.MASKED
    assert flags["J00005"] == Flag.PARTIAL_FIELD
    assert sum(map(bool, flags.values())) == 3


def _spoil(flux):
    flux[3, 1] = np.nan
    flux[4, 2, 30, 24] = np.nan
    flux[5, :, :6, :6] = np.nan


def test_embeddings_of_before_flags_were_kept_have_none(run, tmp_path):
    run(FakeEncoder())
    store = EmbeddingStore.open(tmp_path / "embeddings")
    read = store._shards.read
    store._shards.read = lambda shard, of: read(shard, of=of).drop_columns("flags")
    assert store.flags().tolist() == [0] * 48
