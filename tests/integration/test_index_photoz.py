"""`skylike index photoz`: redshifts of a whole survey, by a network or from spectra, resumable, into one file."""

from __future__ import annotations

import shutil

import numpy as np
import orjson
import pyarrow.parquet as pq
import pytest
from support.tiny_photoz import GRID, network_model
from support.tiny_survey import tiny_survey
from typer.testing import CliRunner

from index.estimates import ARRAYS
from index.fields import fields_for
from index.photoz import PhotoZUnavailable
from index.photoz_columns import COLUMNS, Flag
from index.photoz_encoder import PhotozEncoder
from index.photoz_job import estimate_survey
from index.photoz_network import NetworkPhotoZ
from index.photoz_shards import PhotozShards, ShardsMismatch
from index.release import Release
from skylike.check import DataCheck
from skylike.cli.index import app
from survey.archive import SurveyFolder
from survey.manifests import CorruptFolder

N = 80


def run(data_dir, *arguments, status=0):
    result = CliRunner().invoke(
        app, ["photoz", *arguments, "--data-dir", str(data_dir), "--json"], catch_exceptions=False
    )
    assert result.exit_code == status, result.output
    return orjson.loads(result.stdout) if status == 0 else result.stderr


def spoil(flux):
    flux[3, 1] = np.nan
    flux[4, 2, 30, 24] = np.nan


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A data folder with a survey, a model with a network, and the release that they give."""
    data_dir = tmp_path_factory.mktemp("data")
    survey = tiny_survey(data_dir / "surveys" / "tiny", n=N, spoilt=1, edit=spoil)
    model = network_model(data_dir, survey)
    return (
        data_dir,
        survey,
        model,
        run(data_dir, "tiny", "--model", "polar48-net", "--out", str(data_dir / "z.parquet")),
    )


@pytest.fixture
def release(built):
    return Release.open(built[0] / "releases" / built[3]["release"])


def test_it_tells_how_many_have_a_redshift_and_which_flags_are_raised(built):
    report = built[3]
    assert (report["n"], list(report["rejected"])) == (N - 1, ["J00079"])
    assert {"band_missing", "masked"} <= set(report["flags"])


def test_estimates_are_those_of_the_network(built, release):
    _, survey, model, _ = built
    encoder = PhotozEncoder(model)
    rows = np.array([5, 50, 20])
    ids = [release.columns.ids[row] for row in rows]
    fields = np.stack([one.field for one in fields_for(model.contract, survey.read(ids))])
    found = encoder.run(model.contract.finish(fields))
    probability, columns, _ = encoder.calibration.apply(found.logits, found.photometry, found.features)
    stored = release.photoz.estimate_rows(rows)
    assert isinstance(release.photoz, NetworkPhotoZ)
    assert stored.probability == pytest.approx(probability, rel=2e-3, abs=1e-6)
    assert stored.columns["z_l90"] == pytest.approx(columns["z_l90"], abs=1e-5)
    assert stored.columns["z_conf"] == pytest.approx(columns["z_conf"], abs=1e-5)
    assert (stored.model_id, stored.train_set) == ("polar48-net", "tiny spectra")


def test_the_evidence_is_of_others_spectra_and_contradictions_are_flagged(release):
    stored = release.photoz.estimate_rows(range(release.info.n))
    z_spec, parents = release.spectroscopic.z, release.columns.array("parent_id")
    for row in range(release.info.n):
        rows, _ = stored.evidence.of(row)
        assert np.isfinite(z_spec[rows]).all()
        assert parents[row] not in parents[rows]
    near, best = stored.columns["z_neighbours"], stored.columns["z_best"]
    low, high = stored.columns["z_l95"], stored.columns["z_u95"]
    raised = stored.columns["z_flags"] & Flag.DISAGREEMENT > 0
    assert raised.any()
    assert (((near < low) | (near > high)) & (np.abs(near - best) > 0.03 * (1 + best)))[raised].all()
    # Most of them lie elsewhere.
    for row in np.flatnonzero(raised):
        rows, _ = stored.evidence.of(row)
        inside = (z_spec[rows] >= low[row]) & (z_spec[rows] <= high[row])
        assert inside.mean() < 0.5


def test_an_image_is_estimated_once_the_network_is_lent(built, release):
    _, survey, model, _ = built
    inputs = model.contract.finish(
        np.stack([one.field for one in fields_for(model.contract, survey.read(release.columns.ids[:2]))])
    )
    vectors = release.store.vectors(np.array([0, 1]))
    with pytest.raises(PhotoZUnavailable, match="not open"):
        release.photoz.estimate_images(inputs, vectors)
    release.lend_network(PhotozEncoder(model))
    with pytest.raises(PhotoZUnavailable, match="an embedding alone"):
        release.photoz.estimate_many(vectors)
    own = [release.spectroscopic.same_galaxies([row]) for row in (0, 1)]
    found = release.photoz.estimate_images(
        inputs, vectors, without=own, flags=np.array([0, int(Flag.MASKED)])
    )
    stored = release.photoz.estimate_rows([0, 1])
    for name in ARRAYS:
        if name != "z_flags":
            assert found.columns[name] == pytest.approx(
                stored.columns[name], rel=1e-3, abs=1e-4, nan_ok=True
            ), name
    assert found.columns["z_flags"][1] & Flag.MASKED


def test_cutouts_that_were_damaged_are_flagged(release):
    flags = dict(zip(release.columns.ids, release.photoz_columns()["z_flags"].tolist(), strict=True))
    assert flags["J00003"] & Flag.BAND_MISSING
    assert flags["J00004"] & Flag.MASKED
    assert not flags["J00005"] & (Flag.BAND_MISSING | Flag.MASKED)


def test_the_file_holds_every_column_with_ucd_and_unit(built, release):
    table = pq.read_table(built[0] / "z.parquet")
    assert table.num_rows == release.info.n
    assert {column.name for column in COLUMNS} | {"object_id", "ra_deg", "dec_deg", "z_spec", "pdf"} == set(
        table.column_names
    )
    for column in COLUMNS:
        metadata = table.schema.field(column.name).metadata
        assert metadata.get(b"ucd", b"").decode() == column.ucd
        assert metadata[b"description"].decode() == column.description
    assert table.schema.field("ra_deg").metadata[b"unit"] == b"deg"
    assert float(table.schema.metadata[b"z_max"]) == GRID.z_max
    assert table.column("z_best").to_numpy() == pytest.approx(release.columns.array("z_phot"), nan_ok=True)
    assert not np.isnan(table.column("z_mode2").drop_null().to_numpy()).any()
    assert np.array(table.column("pdf").to_pylist(), float).sum(axis=1) == pytest.approx(
        np.ones(N - 1), abs=0.01
    )


def test_running_again_does_nothing(built):
    data_dir, _, _, first = built
    before = (data_dir / "photoz" / "tiny.polar48-net" / "manifest.json").stat().st_mtime_ns
    assert run(data_dir, "tiny", "--model", "polar48-net") == first
    assert (data_dir / "photoz" / "tiny.polar48-net" / "manifest.json").stat().st_mtime_ns == before


class Interrupted(Exception):
    pass


def test_an_interrupted_job_continues_and_gives_the_same(built, tmp_path):
    _, survey, model, _ = built

    def stop(done, total):
        if done > 45:
            raise Interrupted

    options = {"shard_size": 20, "batch": 7}
    with pytest.raises(Interrupted):
        estimate_survey(survey, model, tmp_path / "z", progress=stop, **options)
    shards = PhotozShards.open(tmp_path / "z")
    assert [shards.has(n) for n in range(4)] == [True, True, False, False]
    with pytest.raises(CorruptFolder, match="shard 2 of 4 is missing"):
        list(shards.read())
    report = estimate_survey(survey, model, tmp_path / "z", **options)
    assert (report.n_shards_done, report.n_estimated, list(report.rejected)) == (2, N - 1, ["J00079"])
    estimate_survey(survey, model, tmp_path / "whole", **options)
    pairs = zip(
        PhotozShards.open(tmp_path / "z").read(), PhotozShards.open(tmp_path / "whole").read(), strict=True
    )
    for (ids, ours), (others, theirs) in pairs:
        assert ids == others
        assert np.array_equal(ours[0], theirs[0])


def test_redshifts_of_another_model_are_not_continued(built, tmp_path):
    _, survey, model, _ = built
    estimate_survey(survey, model, tmp_path / "z")
    other = network_model(tmp_path, survey, name="another")
    with pytest.raises(ShardsMismatch, match="another model_id"):
        estimate_survey(survey, other, tmp_path / "z")


def test_check_reads_every_shard(built, tmp_path):
    data_dir = shutil.copytree(built[0], tmp_path / "data")
    (shard,) = (data_dir / "photoz" / "tiny.polar48-net").glob("*.parquet")
    whole = bytearray(shard.read_bytes())
    whole[len(whole) // 2] ^= 1
    shard.write_bytes(whole)
    found = [one for one in DataCheck(data_dir).run() if one.name == "redshifts tiny.polar48-net"]
    assert [one.state for one in found] == ["complaint"]


def test_display_images_are_refused_with_the_reason(tmp_path):
    tiny_survey(tmp_path / "surveys" / "rgb", n=60, kind="display")
    assert "display images carry no calibrated colours" in run(tmp_path, "rgb", status=1)


def test_a_survey_without_a_network_is_estimated_from_its_spectra(tmp_path):
    tiny_survey(tmp_path / "surveys" / "tiny", n=70)
    report = run(tmp_path, "tiny", "--out", str(tmp_path / "z.parquet"))
    assert report["n"] == 70
    assert pq.read_table(tmp_path / "z.parquet").column("model_id")[0].as_py() == "polar48-tiny"
    assert not (tmp_path / "photoz").exists()


def test_a_folder_that_is_not_there_is_told_before_any_work(tmp_path):
    tiny_survey(tmp_path / "surveys" / "tiny", n=5)
    assert "no folder" in run(tmp_path, "tiny", "--out", str(tmp_path / "no" / "z.parquet"), status=1)
    assert not (tmp_path / "models").exists()


def test_a_survey_of_which_the_network_knows_nothing_gets_nulls(built, tmp_path, monkeypatch):
    from index.embeddings import EmbeddingStore
    from index.releases import build_release

    data_dir, _, model, _ = built
    survey = SurveyFolder(data_dir / "surveys" / "tiny")
    shards = PhotozShards.open(data_dir / "photoz" / "tiny.polar48-net")
    whole = list(shards.read())
    ids, (probability, columns, quantiles) = whole[0]
    short = (ids[1:], (probability[1:], {k: v[1:] for k, v in columns.items()}, quantiles[1:]))
    monkeypatch.setattr(shards, "read", lambda: iter([short]))
    info = build_release(
        survey=survey,
        model=model,
        embeddings=EmbeddingStore.open(data_dir / "embeddings" / "tiny--polar48-net"),
        releases_dir=tmp_path,
        photoz=shards,
    )
    release = Release.open(tmp_path / info.id)
    found = release.photoz.estimate_rows([release.columns.row_of(ids[0])])
    assert np.isnan(found.columns["z_best"][0])
    assert found.columns["z_flags"][0] & Flag.OUT_OF_SUPPORT
    assert release.columns.take([release.columns.row_of(ids[0])], ["z_phot"])["z_phot"] == [None]
