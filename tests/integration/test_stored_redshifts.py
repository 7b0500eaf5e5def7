"""A release keeps the redshifts that were computed when it was built."""

from __future__ import annotations

import shutil

import orjson
import pytest
from sqlalchemy import select

from index.catalogue.ingest import ingest_release
from index.catalogue.migrate import upgrade
from index.catalogue.session import default_url, make_engine, writing
from index.catalogue.tables import photoz
from index.pdf import POINTS
from index.release import Release


@pytest.fixture
def session(tmp_path):
    upgrade(default_url(tmp_path))
    engine = make_engine(default_url(tmp_path))
    with writing(engine)() as opened:
        yield opened
    engine.dispose()


def test_stored_redshifts_are_not_computed_again(session, tiny_release_path, monkeypatch):
    monkeypatch.delattr("index.photoz.KernelPhotoZ.blocks")
    release = Release.open(tiny_release_path)
    ingest_release(session, release)
    (row,) = session.execute(select(photoz).where(photoz.c.object_id == release.columns.ids[7])).mappings()
    estimate = release.photoz.estimate_rows([7]).columns
    for name in POINTS:
        assert row[name] == pytest.approx(estimate[name][0], rel=1e-6)


def test_a_release_of_before_redshifts_were_stored_computes_them(session, tiny_release_path, tmp_path):
    older = shutil.copytree(tiny_release_path, tmp_path / tiny_release_path.name)
    manifest = orjson.loads((older / "manifest.json").read_bytes())
    for part in ("files", "sizes"):
        del manifest[part]["photoz.npy"]
    (older / "photoz.npy").unlink()
    (older / "manifest.json").write_bytes(orjson.dumps(manifest))
    release = Release.open(older)
    assert ingest_release(session, release).rows == 2 * release.info.n
    assert release.photoz_points() == pytest.approx(Release.open(tiny_release_path).photoz_points())
