"""Pictures become a display survey, from one Parquet file or from a folder."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from support.dying import Dying

from survey.archive import SurveyInfo
from survey.sources import batches
from survey.sources.images import plan
from survey.sources.importing import SurveyExists, import_survey
from survey.sources.table_files import UnreadableTable

INFO = SurveyInfo("pics", "Pictures", "display")


def picture(seed: int, size=(24, 24)) -> bytes:
    rng = np.random.default_rng(seed)
    stream = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (size[1], size[0], 3)).astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def counts(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data))).transpose(2, 0, 1)


def parquet(path, n=10, *, spoil=None, sizes=None, **columns):
    images = [picture(i, *([sizes[i]] if sizes else [])) for i in range(n)]
    if spoil is not None:
        images[spoil] = images[spoil][:60]
    table = {
        "id": [f"g{i}" for i in range(n)],
        "image": images,
        "label": ["spiral", "elliptical"] * (n // 2),
        **columns,
    }
    pq.write_table(pa.table(table), path, row_group_size=4)
    return path


def test_pictures_of_a_parquet_file_are_stored_as_they_are(tmp_path):
    made = import_survey(plan(parquet(tmp_path / "p.parquet"), INFO), tmp_path)
    assert len(made) == 10
    assert (made.info.kind, made.info.field_px, made.info.pixel_scale_arcsec) == ("display", 24, None)
    for i in (0, 5, 9):
        assert np.array_equal(made.read([f"g{i}"])[0].flux, counts(picture(i)))
    assert made.objects.column("label").to_pylist()[:2] == ["spiral", "elliptical"]


def test_a_column_of_structs_is_a_column_of_pictures(tmp_path):
    images = pa.array([{"bytes": picture(i), "path": "x"} for i in range(3)])
    pq.write_table(pa.table({"id": ["a", "b", "c"], "photo": images}), tmp_path / "p.parquet")
    made = import_survey(plan(tmp_path / "p.parquet", INFO, image_column="photo"), tmp_path)
    assert np.array_equal(made.read(["b"])[0].flux, counts(picture(1)))


def test_a_damaged_picture_leaves_its_row_out_with_the_reason(tmp_path):
    job = plan(parquet(tmp_path / "p.parquet", spoil=3), INFO)
    made = import_survey(job, tmp_path)
    assert "g3" not in made.ids
    assert [r.what for r in job.rejected] == ["g3"]
    listed = pq.read_table(made.path / "rejected.parquet").to_pylist()
    assert listed[0]["reason"].startswith("display.unreadable")


def test_one_pixel_scale_is_the_surveys(tmp_path):
    job = plan(parquet(tmp_path / "p.parquet", pixscale_arcsec=[0.4] * 10), INFO)
    assert job.info.pixel_scale_arcsec == 0.4
    varied = plan(parquet(tmp_path / "q.parquet", pixscale_arcsec=[0.4] * 9 + [0.5]), INFO)
    assert varied.info.pixel_scale_arcsec is None


def test_pictures_of_several_sizes_need_a_choice(tmp_path):
    source = parquet(tmp_path / "p.parquet", sizes=[(24, 24), (40, 32)] * 5, pixscale_arcsec=[0.4] * 10)
    with pytest.raises(UnreadableTable, match="--field-px 24"):
        plan(source, INFO)
    cropped = import_survey(plan(source, INFO, field_px=24, resize="crop"), tmp_path)
    assert np.array_equal(cropped.read(["g1"])[0].flux, counts(picture(1, (40, 32)))[:, 4:28, 8:32])
    rescaled = import_survey(plan(source, INFO, field_px=16, resize="rescale"), tmp_path, replace=True)
    assert len(rescaled) == 10
    assert rescaled.info.pixel_scale_arcsec is None
    mixed = import_survey(plan(source, INFO, field_px=24), tmp_path, replace=True)
    assert len(mixed) == 5


def test_rescaling_scales_the_pixel_scale(tmp_path):
    source = parquet(tmp_path / "p.parquet", pixscale_arcsec=[0.4] * 10)
    job = plan(source, INFO, field_px=16, resize="rescale")
    assert job.info.pixel_scale_arcsec == pytest.approx(0.4 * 24 / 16)


def test_too_small_to_crop_is_left_out(tmp_path):
    source = parquet(tmp_path / "p.parquet", sizes=[(24, 24), (40, 32)] * 5)
    made = import_survey(plan(source, INFO, field_px=30, resize="crop"), tmp_path)
    assert len(made) == 5


def test_a_folder_without_a_table_labels_by_subfolder(tmp_path):
    for i, name in enumerate(["ring/a.png", "ring/b.png", "c.png"]):
        file = tmp_path / "pictures" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture(i))
    made = import_survey(plan(tmp_path / "pictures", INFO), tmp_path)
    assert dict(zip(made.ids, made.objects.column("label").to_pylist(), strict=True)) == {
        "a": "ring",
        "b": "ring",
        "c": None,
    }


def test_a_folder_meets_its_table_by_id_or_by_file_name(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(3):
        (folder / f"cutout_g{i}_rgb.png").write_bytes(picture(i))
    (tmp_path / "t.csv").write_text("objid,redshift\ng2,0.2\ng0,0.1\ng9,0.3\n")
    job = plan(folder, INFO, table=tmp_path / "t.csv")
    made = import_survey(job, tmp_path)
    assert made.ids == ["g2", "g0"]
    assert np.array_equal(made.read(["g2"])[0].flux, counts(picture(2)))
    assert {(r.what, r.reason) for r in job.rejected} == {
        ("g9", "no picture in the folder"),
        ("cutout_g1_rgb.png", "no row of the table"),
    }
    (tmp_path / "u.csv").write_text("objid,filename\nx,cutout_g1_rgb.png\n")
    named = import_survey(plan(folder, INFO, table=tmp_path / "u.csv"), tmp_path, replace=True)
    assert named.ids == ["x"]
    assert np.array_equal(named.read(["x"])[0].flux, counts(picture(1)))


def test_what_holds_no_pictures_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnreadableTable, match="no JPEG or PNG"):
        plan(tmp_path / "empty", INFO)
    pq.write_table(pa.table({"id": ["a"]}), tmp_path / "p.parquet")
    with pytest.raises(UnreadableTable, match="--image-column"):
        plan(tmp_path / "p.parquet", INFO)
    pq.write_table(pa.table({"id": ["a"], "image": [b"no picture"]}), tmp_path / "q.parquet")
    with pytest.raises(UnreadableTable, match="readable JPEG or PNG"):
        plan(tmp_path / "q.parquet", INFO)


def test_an_empty_cell_leaves_its_row_out(tmp_path):
    images = pa.array([picture(0), None, picture(2)])
    pq.write_table(pa.table({"id": ["a", "b", "c"], "image": images}), tmp_path / "p.parquet")
    assert import_survey(plan(tmp_path / "p.parquet", INFO), tmp_path).ids == ["a", "c"]


def test_the_same_import_does_nothing_and_another_asks(tmp_path):
    first = import_survey(plan(parquet(tmp_path / "p.parquet"), INFO), tmp_path)
    stamp = (first.path / "survey.json").stat().st_mtime_ns
    again = import_survey(plan(tmp_path / "p.parquet", INFO), tmp_path)
    assert (again.path / "survey.json").stat().st_mtime_ns == stamp
    other = plan(parquet(tmp_path / "q.parquet", n=4), INFO)
    with pytest.raises(SurveyExists, match="--replace"):
        import_survey(other, tmp_path)
    assert len(import_survey(other, tmp_path, replace=True)) == 4


def test_an_interrupted_import_continues_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "BATCH", 2)
    monkeypatch.setattr("survey.sources.importing.BATCH", 2)
    source = parquet(tmp_path / "p.parquet", spoil=1)

    def stop_half_way(done, total):
        if done >= 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_survey(plan(source, INFO), tmp_path, progress=stop_half_way)
    job = plan(source, INFO)
    decoded = []
    original = type(job.decoder).__call__
    monkeypatch.setattr(
        type(job.decoder), "__call__", lambda self, row: (decoded.append(row), original(self, row))[1]
    )
    made = import_survey(job, tmp_path)
    assert decoded == [6, 7, 8, 9]
    assert made.ids == [f"g{i}" for i in range(10) if i != 1]
    assert np.array_equal(made.read(["g4"])[0].flux, counts(picture(4)))
    assert [r.what for r in job.rejected] == ["g1"]
    assert not (tmp_path / ".pics.import").exists()


def test_batches_of_another_input_are_not_used(tmp_path):
    store = batches.BatchStore(tmp_path / "scratch", "one")
    store.save(0, batches.Batch([0], {}, np.zeros((1, 3, 2, 2), np.uint8), None))
    assert batches.BatchStore(tmp_path / "scratch", "one").has(0)
    assert not batches.BatchStore(tmp_path / "scratch", "two").has(0)


def test_workers_give_the_same_survey_as_one_process(tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "_WORTH_A_POOL", 1)
    monkeypatch.setattr("survey.sources.importing.BATCH", 4)
    source = parquet(tmp_path / "p.parquet", spoil=3)
    alone = import_survey(plan(source, INFO), tmp_path / "one", workers=1)
    pooled = import_survey(plan(source, INFO), tmp_path / "two", workers=2)
    assert pooled.ids == alone.ids
    for a, b in zip(alone.read(alone.ids), pooled.read(pooled.ids), strict=True):
        assert np.array_equal(a.flux, b.flux)


def test_a_worker_that_dies_is_said(monkeypatch):
    monkeypatch.setattr(batches, "_WORTH_A_POOL", 1)
    with pytest.raises(batches.WorkerDied, match="--workers 1"):
        list(batches.decode(Dying(), [(0, 1), (1, 2)], None, 2))


@pytest.mark.realdata
def test_the_real_gz1_pictures_meet_their_positions(shared_data):
    from survey.sources.joining import Join
    from survey.sources.table_files import read_table

    second = Join(
        "positions", read_table(shared_data / "gz1_positions" / "positions_redshifts.parquet"), "dr7_objid"
    )
    job = plan(shared_data / "gz1_fixed51" / "images.parquet", INFO, join=second)
    assert len(job.rows) == 5466
    assert (job.info.field_px, job.info.pixel_scale_arcsec) == (128, 0.4)
    known = {name: 5466 - job.rows.columns.column(name).null_count for name in ("ra_deg", "z_spec", "label")}
    assert known["label"] == 5466
    assert known["ra_deg"] > known["z_spec"] > 900
    assert job.decoder(5465).flux.shape == (3, 128, 128)


@pytest.mark.realdata
def test_the_real_ring_galaxies_become_a_survey(shared_data, tmp_path):
    made = import_survey(plan(shared_data / "decals_rings" / "images.parquet", INFO), tmp_path)
    assert len(made) == 400
    assert made.objects.column("ra_deg").null_count == 0
    assert made.objects.column("ebv_src").to_pylist() == ["sfd-lowres"] * 400
