"""An update keeps the map and the clusters, and places what is new in them."""

from __future__ import annotations

import numpy as np
import pytest
from support.tiny_survey import FakeEncoder, tiny_release, tiny_survey

from index.embed import embed_survey
from index.embeddings import EmbeddingStore
from index.maps.placing import place
from index.release import Release
from index.updates.release import Supplement, update_release

WITHDRAWN = ["J00005", "J00060"]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return Release.open(tiny_release(tmp_path_factory.mktemp("data"), n=100))


@pytest.fixture(scope="module")
def updated(base, tmp_path_factory):
    """Ten new objects, the first of which has the pixels of J00007 of the base."""
    folder = tmp_path_factory.mktemp("supplement")
    survey = tiny_survey(folder / "more", n=10, seed=4, first=100)
    encoder = FakeEncoder()
    embed_survey(survey, encoder, folder / "embeddings", encoder=encoder)
    embeddings = EmbeddingStore.open(folder / "embeddings")
    ids, vectors = embeddings.load()
    vectors = vectors.copy()
    vectors[0] = base.store.vector(base.columns.row_of("J00007"))
    rows = survey.objects.take([survey.row_of(one) for one in ids])
    supplement = Supplement("more", survey.sha256, ids, vectors, rows, embeddings.flags(), {})
    info = update_release(base, supplement, base.path.parent, withdraw=WITHDRAWN)
    return Release.open(base.path.parent / info.id)


def test_old_galaxies_keep_their_places_and_clusters_and_withdrawn_ones_lose_them(base, updated):
    old = np.flatnonzero(updated.alive[: base.info.n])
    gone = np.flatnonzero(~updated.alive)
    assert len(gone) == 2
    for name in ("map_x", "map_y", "cluster"):
        ours, before = updated.columns.array(name), base.columns.array(name)
        np.testing.assert_array_equal(ours[old], before[old])
        assert np.isnan(ours[gone]).all()


def test_new_galaxies_are_placed_as_an_upload_would_be(base, updated):
    new = np.arange(base.info.n, updated.info.n)
    placed = place(base, updated.store.vectors(new))
    np.testing.assert_array_equal(updated.columns.array("cluster")[new], placed.cluster)
    # Neighbours that were withdrawn count for the base alone, so that it is near and not equal.
    spread = np.nanstd(base.places, axis=0)
    assert np.all(np.abs(updated.places[new] - placed.xy) < spread)
    assert np.isfinite(updated.places[new]).all()


def test_a_picture_that_was_there_lies_where_it_lay(base, updated):
    row, twin = base.columns.row_of("J00007"), updated.columns.row_of("J00100")
    np.testing.assert_array_equal(updated.places[twin], base.places[row])


def test_a_release_without_a_map_places_nothing(base):
    bare = Release.open(base.path)
    bare.map = None
    placed = place(bare, base.store.vectors(slice(0, 2)))
    assert np.isnan(placed.xy).all()
    assert placed.cluster.tolist() == base.columns.array("cluster")[:2].astype(int).tolist()
