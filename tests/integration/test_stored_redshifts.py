"""A release keeps the redshifts that were computed when it was built."""

from __future__ import annotations

import shutil

import numpy as np
import orjson
import pytest
from sqlalchemy import select
from support.tiny_survey import tiny_release

from index.catalogue.ingest import ingest_release
from index.catalogue.migrate import upgrade
from index.catalogue.session import default_url, make_engine, writing
from index.catalogue.tables import photoz
from index.estimates import ARRAYS
from index.photoz_columns import Flag
from index.release import Release
from index.release_photoz import PHOTOZ_RELEASE_FILES
from survey.manifests import CorruptFolder, file_sha256


@pytest.fixture
def session(tmp_path):
    upgrade(default_url(tmp_path))
    engine = make_engine(default_url(tmp_path))
    with writing(engine)() as opened:
        yield opened
    engine.dispose()


def test_stored_redshifts_are_not_computed_again(session, tiny_release_path, monkeypatch):
    monkeypatch.delattr("index.photoz.KernelPhotoZ.computed")
    release = Release.open(tiny_release_path)
    ingest_release(session, release)
    (row,) = session.execute(select(photoz).where(photoz.c.object_id == release.columns.ids[7])).mappings()
    estimate = release.photoz.estimate_rows([7]).columns
    for name in ARRAYS:
        value = estimate[name][0]
        assert row[name] == (None if np.isnan(value) else pytest.approx(value, rel=1e-6)), name


def test_what_is_stored_is_what_was_computed(tiny_release_path):
    photoz = Release.open(tiny_release_path).photoz
    rows = np.array([100, 3, 3, 0])
    stored, computed = photoz.estimate_rows(rows), photoz.computed(rows)
    for name in ARRAYS:
        # Stored as float32.
        assert stored.columns[name] == pytest.approx(computed.columns[name], rel=1e-6, abs=1e-7, nan_ok=True)
    assert stored.quantiles == pytest.approx(computed.quantiles, rel=1e-6)
    # p(z) has 11 significant bits.
    assert stored.probability == pytest.approx(computed.probability, rel=2**-10, abs=1e-6)
    assert stored.probability.sum(axis=1) == pytest.approx(np.ones(4))
    for n in range(4):
        for ours, theirs in zip(stored.evidence.of(n), computed.evidence.of(n), strict=True):
            assert np.array_equal(ours, theirs)
    assert (stored.model_id, stored.train_set) == ("fake16", "tiny")


def test_frozen_columns_repeat_the_estimates(tiny_release_path):
    release = Release.open(tiny_release_path)
    stored = release.photoz_columns()
    for frozen, name in (("z_phot", "z_best"), ("z_err68", "z_err68"), ("z_conf", "z_conf")):
        assert release.columns.array(frozen) == pytest.approx(stored[name], nan_ok=True)
    assert release.columns.take([5], ["z_flags"])["z_flags"] == [int(stored["z_flags"][5])]


def test_a_kernel_of_few_spectra_says_so(tiny_release_path):
    # 106 of its galaxies have a spectrum.
    flags = Release.open(tiny_release_path).photoz_columns()["z_flags"]
    assert (flags & Flag.UNCALIBRATED > 0).all()


def test_cutouts_that_were_damaged_are_flagged_in_the_release(tmp_path):
    def spoil(flux):
        flux[3, 1] = np.nan
        flux[4, 2, 30, 24] = np.nan

    release = Release.open(tiny_release(tmp_path, n=80, edit=spoil))
    flags = {
        object_id: int(bits)
        for object_id, bits in zip(release.columns.ids, release.columns.array("z_flags"), strict=True)
    }
    assert flags["J00003"] & Flag.BAND_MISSING
    assert flags["J00004"] & Flag.MASKED
    assert not flags["J00005"] & (Flag.BAND_MISSING | Flag.MASKED)


def older_release(path, folder):
    """Return a copy as version 2 built them: the kernel's settings in the manifest, nothing stored but points."""
    older = shutil.copytree(path, folder / path.name)
    manifest = orjson.loads((older / "manifest.json").read_bytes())
    for name in PHOTOZ_RELEASE_FILES:
        for part in ("files", "sizes"):
            del manifest[part][name]
        (older / name).unlink()
    manifest |= {"format": 2, "photoz": manifest["photoz"]["kernel"]}
    (older / "manifest.json").write_bytes(orjson.dumps(manifest))
    return older


def test_a_release_of_before_is_read_and_says_that_it_is_not_calibrated(session, tiny_release_path, tmp_path):
    release = Release.open(older_release(tiny_release_path, tmp_path), verify="full")
    assert ingest_release(session, release).rows == 2 * release.info.n
    found, now = release.photoz_columns(), Release.open(tiny_release_path).photoz_columns()
    assert found["z_best"] == pytest.approx(now["z_best"], rel=1e-6)
    assert (found["z_flags"] & Flag.UNCALIBRATED > 0).all()
    assert np.isnan(found["z_conf"]).all()


@pytest.mark.parametrize("name", PHOTOZ_RELEASE_FILES)
def test_a_release_without_one_of_its_files_is_refused(tiny_release_path, tmp_path, name):
    copy = shutil.copytree(tiny_release_path, tmp_path / tiny_release_path.name)
    (copy / name).unlink()
    with pytest.raises(CorruptFolder, match=name):
        Release.open(copy)


def test_a_file_for_other_galaxies_is_refused(tiny_release_path, tmp_path):
    copy = shutil.copytree(tiny_release_path, tmp_path / tiny_release_path.name)
    manifest = orjson.loads((copy / "manifest.json").read_bytes())
    bins = manifest["photoz"]["n_bins"]
    (copy / "photoz.f16").write_bytes((copy / "photoz.f16").read_bytes()[: -2 * bins])
    manifest["sizes"]["photoz.f16"] -= 2 * bins
    manifest["files"]["photoz.f16"] = file_sha256(copy / "photoz.f16")
    (copy / "manifest.json").write_bytes(orjson.dumps(manifest))
    with pytest.raises(CorruptFolder, match=r"117 p\(z\) for 118 galaxies"):
        Release.open(copy)
