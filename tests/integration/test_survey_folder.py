"""A survey folder, written and read on a real disk."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits

from survey.archive import SurveyFolder, SurveyInfo, SurveyReplaced, UnknownObject
from survey.bands import BAND_SETS
from survey.fits.writer import write_fits
from survey.manifests import CorruptFolder, read_manifest
from survey.publish import SHARD, SurveyPart, publish_survey

FIELD = 4
INFO = SurveyInfo("tiny", "Tiny", "flux", BAND_SETS["sdss-ugriz"], 0.396, FIELD, realism="Random numbers.")


def rows(ids):
    n = len(ids)
    return pa.table(
        {
            "object_id": pa.array(ids, pa.string()),
            "ra_deg": pa.array([10.0 + i for i in range(n)], pa.float64()),
            "dec_deg": pa.array([None, *range(1, n)], pa.float64()),
            "hpx29": pa.nulls(n, pa.int64()),
            "ebv": pa.array([0.1] * n, pa.float64()),
            "z_spec": pa.nulls(n, pa.float64()),
        }
    )


def pixels(n, seed=0):
    return np.random.default_rng(seed).normal(0, 1, (n, 5, FIELD, FIELD)).astype(np.float32)


def parts(n, size, *, ivar=True):
    flux = pixels(n)
    for start in range(0, n, size):
        stop = min(start + size, n)
        block = flux[start:stop]
        yield SurveyPart(
            rows([f"o{i}" for i in range(start, stop)]),
            block,
            np.abs(block) + 1 if ivar else None,
        )


def describe(cutout):
    return f"{cutout.flux[0, 0, 0]:.4f}".encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("surveys") / "tiny"
    return publish_survey(path, INFO, parts(SHARD + 88, 250), thumbnail=describe)


def test_cutouts_come_back_in_the_order_asked_for(folder):
    asked = ["o599", "o0", "o511", "o512", "o0"]
    flux = pixels(600)
    for object_id, cutout in zip(asked, folder.read(asked), strict=True):
        assert cutout.provenance["object_id"] == object_id
        # float16 keeps 11 bits.
        np.testing.assert_allclose(cutout.flux, flux[int(object_id[1:])], rtol=2**-11, atol=1e-7)
        np.testing.assert_array_equal(cutout.ivar, np.abs(flux[int(object_id[1:])]) + 1)


def test_scan_yields_every_object_once_in_order(folder):
    seen = [c.provenance["object_id"] for _, cutouts in folder.scan(size=100) for c in cutouts]
    assert seen == folder.ids


def test_scan_of_a_range_tells_its_first_row(folder):
    blocks = [(first, len(cutouts)) for first, cutouts in folder.scan(590, 10_000, size=8)]
    assert blocks == [(590, 8), (598, 2)]


def test_unknown_positions_stay_unknown(folder):
    first = folder.read(["o0"])[0]
    assert first.dec_deg is None
    assert first.ra_deg == 10.0


def test_a_field_imported_turned_is_written_turned(tmp_path):
    table = rows(["a", "b"]).append_column("north_angle_deg", pa.array([40.0, None]))
    table = table.set_column(2, "dec_deg", pa.array([5.0, 6.0]))
    folder = publish_survey(tmp_path / "tiny", INFO, [SurveyPart(table, pixels(2))], thumbnail=describe)
    angles = []
    for cutout in folder.read(["a", "b"]):
        header = fits.Header.fromstring(write_fits(cutout))
        angles.append(np.rad2deg(np.arctan2(-header["CD2_1"], header["CD2_2"])))
    assert angles == pytest.approx([40.0, 0.0], abs=1e-3)


def test_thumbnails_belong_to_their_rows(folder):
    flux = pixels(600)
    for row in (0, 1, 599):
        assert folder.thumbnail(row) == f"{flux[row, 0, 0, 0]:.4f}".encode()


def test_a_warm_folder_opens_no_file_for_a_thumbnail(tmp_path):
    folder = publish_survey(tmp_path / "s", INFO, parts(3, 3), thumbnail=describe)
    expected = folder.thumbnail(2)
    warm = SurveyFolder(tmp_path / "s")
    warm.warm()
    for name in ("thumbnails.bin", "thumbnails.npy", "objects.parquet"):
        (tmp_path / "s" / name).unlink()
    assert warm.thumbnail(warm.row_of("o2")) == expected


def test_unknown_id_is_named(folder):
    with pytest.raises(UnknownObject, match="'o600' in survey tiny"):
        folder.read(["o600"])


def test_every_shard_is_written_once(tmp_path, monkeypatch):
    from zarr.storage import LocalStore

    written: Counter[str] = Counter()
    original = LocalStore.set

    async def counting(self, key, value):
        written[key] += 1
        await original(self, key, value)

    monkeypatch.setattr(LocalStore, "set", counting)
    publish_survey(tmp_path / "s", INFO, parts(2 * SHARD + 10, 300), thumbnail=describe)
    shards = {key: n for key, n in written.items() if "/c/" in key}
    assert len(shards) == 6  # three of flux, three of ivar
    assert set(shards.values()) == {1}


def test_all_hashes_agree_after_publishing(folder):
    manifest = read_manifest(folder.path, "survey.json", verify=None)
    assert manifest["n_objects"] == len(folder) == SHARD + 88
    assert manifest["counts"] == {"ra_deg": 600, "ebv": 600, "z_spec": 0}


def test_altered_object_table_is_refused(tmp_path):
    publish_survey(tmp_path / "s", INFO, parts(3, 3), thumbnail=describe)
    with (tmp_path / "s" / "objects.parquet").open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(CorruptFolder, match="hash"):
        SurveyFolder(tmp_path / "s")


def test_display_survey_stores_whole_counts(tmp_path):
    info = SurveyInfo("rgb", "RGB", "display", BAND_SETS["display-rgb"], None, FIELD)
    counts = np.random.default_rng(1).integers(0, 256, (2, 3, FIELD, FIELD), dtype=np.uint8)
    folder = publish_survey(
        tmp_path / "rgb", info, [SurveyPart(rows(["a", "b"]), counts)], thumbnail=describe
    )
    cutout = folder.read(["b"])[0]
    assert not cutout.is_calibrated
    assert cutout.ivar is None
    np.testing.assert_array_equal(cutout.flux, counts[1])


def test_bright_cores_do_not_overflow_to_infinity(tmp_path):
    flux = np.full((1, 5, FIELD, FIELD), 1e6, np.float32)
    flux[0, 0, 0, 0] = np.nan
    folder = publish_survey(tmp_path / "s", INFO, [SurveyPart(rows(["a"]), flux)], thumbnail=describe)
    stored = folder.read(["a"])[0].flux
    assert np.isnan(stored[0, 0, 0])
    assert np.nanmax(stored) < np.inf


def test_catalogue_survey_has_no_images(tmp_path):
    info = SurveyInfo("dr7", "DR7", "catalogue")
    side = {"truth.parquet": pa.table({"x": [1]})}
    folder = publish_survey(tmp_path / "dr7", info, [SurveyPart(rows(["a", "b"]))], side_tables=side)
    assert not folder.has_cutouts
    assert (folder.path / "truth.parquet").exists()
    with pytest.raises(CorruptFolder, match="without images"):
        folder.read(["a"])
    with pytest.raises(CorruptFolder, match="without images"):
        folder.thumbnail(0)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([], "at least one object"),
        ([SurveyPart(rows(["a", "a"]), pixels(2))], "'a' occurs twice"),
        ([SurveyPart(rows(["a"]).drop_columns(["ebv"]), pixels(1))], "lacks column 'ebv'"),
        ([SurveyPart(rows(["a", "b"]), pixels(1))], "2 rows need as many cutouts, not 1"),
        ([SurveyPart(rows(["a"]))], "not 0"),
        ([SurveyPart(rows(["a"]), pixels(1)[:, :, :3])], "the survey stores"),
        (
            [SurveyPart(rows(["a"]), pixels(1), pixels(1)), SurveyPart(rows(["b"]), pixels(1))],
            "for all or none",
        ),
    ],
)
def test_refused_survey_leaves_nothing_behind(tmp_path, bad, message):
    with pytest.raises(ValueError, match=message):
        publish_survey(tmp_path / "s", INFO, bad, thumbnail=describe)
    assert list(tmp_path.iterdir()) == []


def test_cutouts_need_a_renderer(tmp_path):
    with pytest.raises(ValueError, match="thumbnail renderer"):
        publish_survey(tmp_path / "s", INFO, parts(2, 2))


def test_publishing_again_replaces_the_folder(tmp_path):
    first = publish_survey(tmp_path / "s", INFO, parts(3, 3), thumbnail=describe)
    second = publish_survey(tmp_path / "s", INFO, parts(2, 2), thumbnail=describe)
    assert len(second) == 2
    assert first.sha256 != second.sha256
    assert [p.name for p in tmp_path.iterdir()] == ["s"]


@pytest.mark.parametrize(
    "read",
    [lambda f: f.read(["o1"]), lambda f: f.thumbnail(1), lambda f: list(f.scan()), lambda f: f.objects],
)
def test_folder_opened_before_a_republication_serves_nothing_more(tmp_path, read):
    folder = publish_survey(tmp_path / "s", INFO, parts(3, 3), thumbnail=describe)
    assert folder.row_of("o1") == 1
    publish_survey(tmp_path / "s", INFO, parts(2, 2), thumbnail=describe)
    folder.__dict__.pop("objects")
    with pytest.raises(SurveyReplaced, match="s was replaced since it was opened; build its index again"):
        read(folder)


def test_folder_replaced_while_it_is_read_is_found_out(tmp_path, monkeypatch):
    folder = publish_survey(tmp_path / "s", INFO, parts(3, 3), thumbnail=describe)
    take = SurveyFolder._take

    def replaced_meanwhile(array, rows):
        publish_survey(tmp_path / "s", INFO, parts(2, 2), thumbnail=describe)
        return take(array, rows)

    monkeypatch.setattr(SurveyFolder, "_take", staticmethod(replaced_meanwhile))
    with pytest.raises(SurveyReplaced):
        folder.read(["o2"])
