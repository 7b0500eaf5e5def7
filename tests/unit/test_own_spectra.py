"""Each image of a batch leaves out its own spectra, as it would alone."""

from __future__ import annotations

import numpy as np

from index.spectroscopic import Spectroscopic
from index.vectors.exact import ExactStore
from service.operations.likeness import same_images, same_images_of_each

N = 60


def sky(seed=3):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(0, 1, (N, 8)).astype(np.float32)
    z = rng.uniform(0, 0.3, N)
    z[::7] = np.nan
    return ExactStore(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)), Spectroscopic(z)


def test_many_images_find_the_spectra_that_each_finds_alone():
    store, spectra = sky()
    own = [np.array([], np.int64), np.array([1, 2]), np.array([3]), np.array([7, 4, 5])]
    vectors = store.vectors(np.arange(4))
    rows, similarity = spectra.nearest(store, vectors, 10, without=own)
    for n, without in enumerate(own):
        alone, cosine = spectra.nearest(store, vectors[n : n + 1], 10, without=without)
        assert rows[n].tolist() == alone[0].tolist()
        assert similarity[n].tolist() == cosine[0].tolist()


def test_where_nearly_all_spectra_are_its_own_the_others_are_found():
    store, spectra = sky()
    own = spectra.rows[2:]
    rows, _ = spectra.nearest(store, store.vectors(np.arange(2)), 10, without=[own, own[:0]])
    assert sorted(rows[0].tolist()) == spectra.rows[:2].tolist()


def test_images_of_the_catalogue_are_recognised_together_as_alone():
    store, _ = sky()
    vectors = store.vectors(np.arange(5))
    vectors[2] = -vectors[2]
    found = same_images_of_each(store, vectors)
    assert [rows.tolist() for rows in found] == [same_images(store, one).tolist() for one in vectors]
    assert [rows.tolist() for rows in found] == [[0], [1], [], [3], [4]]
